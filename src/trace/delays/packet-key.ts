/**
 * What a packet is known by at both places: 53 bits made of what boxes on the path leave alone. Addresses and ports are not
 * in it (translators), nor is the length (cards cut and merge segments, and the first piece keeps the number), nor options
 * other than timestamps. Sequence numbers are those of the stream's view, which knows how a box shifted them.
 */
import { TcpOptionKind } from '../../wire/index.js';
import type { Segment } from '../segment.js';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const KIND_END = TcpOptionKind.END;
const KIND_NOP = TcpOptionKind.NOP;
const KIND_SACK = TcpOptionKind.SACK;
const KIND_MPTCP = TcpOptionKind.MPTCP;
const TWO_21 = 2 ** 21;

let first = 0;
let second = 0;

/** The key of a segment, its numbers less what a box added to them. */
export function packetKey(segment: Segment, seqShift: number, ackShift: number): number {
  const { flags, hasTimestamps } = segment;
  const hasAck = (flags & ACK) !== 0;
  begin(segment.payloadLength > 0 ? 256 | (flags & (SYN | RST)) : flags & (FIN | SYN | RST));
  mix((segment.seq - seqShift) | 0);
  mix(hasAck ? (segment.ack - ackShift) | 0 : 0);
  mix(hasTimestamps ? segment.tsVal : 0);
  mix(hasTimestamps && hasAck ? segment.tsEcr : 0);
  return key();
}

/**
 * What a SYN+ACK is known by whatever its numbers: timestamps and Multipath TCP options, which hold a key or a proof. NaN
 * without the latter, since little else is random then.
 */
export function answerKey(segment: Segment): number {
  if (segment.mptcpCount === 0) return Number.NaN;
  begin(1024);
  mix(segment.hasTimestamps ? segment.tsVal : 0);
  mix(segment.hasTimestamps ? segment.tsEcr : 0);
  for (let index = 0; index < segment.mptcpCount; index++) {
    const start = segment.mptcpOffsets[index]!;
    const end = start + segment.mptcpLengths[index]!;
    for (let at = start; at < end; at++) mix(segment.bytes[at]!);
  }
  return key();
}

/**
 * What tells packets with the same key apart, such as acknowledgments in a row: window, SACK blocks (from the acknowledgment
 * on, so that shifted numbers do not matter; RFC 2018 §3) and Multipath TCP options. A box may change it.
 */
export function packetMark(segment: Segment): number {
  const { bytes, ack, payloadOffset } = segment;
  begin(segment.window);
  let at = segment.offset + 20;
  while (at < payloadOffset) {
    const kind = bytes[at]!;
    if (kind === KIND_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < payloadOffset ? bytes[at + 1]! : 0;
    const end = at + length;
    if (kind === KIND_END || length < 2 || end > payloadOffset) break;
    if (kind === KIND_SACK) for (let edge = at + 2; edge + 4 <= end; edge += 4) mix(word(bytes, edge) - ack);
    if (kind === KIND_MPTCP) for (let i = at; i < end; i++) mix(bytes[i]!);
    at = end;
  }
  return first;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function begin(seed: number): void {
  first = seed;
  second = ~seed;
}

function mix(value: number): void {
  first = Math.imul(first ^ value, 0x9e3779b1);
  first ^= first >>> 15;
  second = Math.imul((second ^ value) + 0x7f4a7c15, 0x85ebca6b);
  second ^= second >>> 13;
}

function key(): number {
  return (first >>> 0) * TWO_21 + (second >>> 11);
}
