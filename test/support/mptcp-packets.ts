/** For tests of src/mptcp: packets as bytes, what a test sees of them, and segments that a test writes itself. */
import { seq32 } from '../../src/base/index.js';
import { OutgoingSegment } from '../../src/tcp/index.js';
import {
  TcpFlag,
  TcpSegment,
  emitMptcpOption,
  parseMptcpOption,
  parseTcp,
  tcpHeaderLength,
  viewOf,
  writeTcpHeader,
} from '../../src/wire/index.js';
import type { Endpoint, MptcpOption } from '../../src/wire/index.js';

/** Who sent a packet. */
export type Role = 'client' | 'server';

/** One packet on its way: a TCP segment without its IP header. */
export interface Packet {
  readonly from: Role;
  readonly path: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  bytes: Uint8Array;
  readonly segmentSize: number;
}

/** What a test sees of a packet as it was sent. */
export class PacketView {
  readonly at: number;
  readonly from: Role;
  readonly path: number;
  readonly seq: number;
  readonly flags: number;
  readonly payloadLength: number;
  isDropped = false;
  private readonly header: Uint8Array;

  constructor(at: number, packet: Packet) {
    const segment = arrived(packet.bytes);
    this.at = at;
    this.from = packet.from;
    this.path = packet.path;
    this.seq = segment.seq;
    this.flags = segment.flags;
    this.payloadLength = segment.payloadLength;
    this.header = packet.bytes.slice(0, segment.headerLength);
  }

  /** Its Multipath TCP options. */
  get options(): readonly MptcpOption[] {
    return optionsOf(arrived(this.header));
  }
}

/** A segment that a test writes itself. */
export interface SegmentFields {
  readonly flags: number;
  readonly seq: number;
  readonly ack?: number;
  readonly window?: number;
  readonly mss?: number;
  readonly windowScale?: number;
  readonly options?: readonly MptcpOption[];
  readonly payload?: Uint8Array;
}

/** The bytes of a segment, TCP header first. */
export function segmentBytes(sourcePort: number, destinationPort: number, fields: SegmentFields): Uint8Array {
  const out = new OutgoingSegment();
  out.seq = seq32(fields.seq);
  out.ack = seq32(fields.ack ?? 0);
  out.flags = fields.flags;
  out.window = fields.window ?? 65_535;
  out.mss = fields.mss ?? 0;
  out.windowScale = fields.windowScale ?? -1;
  for (const option of fields.options ?? []) {
    let end = out.extensionLength + emitMptcpOption(option, out.extension, out.extensionLength);
    while ((end & 3) !== 0) out.extension[end++] = 1;
    out.extensionLength = end;
  }
  const payload = fields.payload ?? new Uint8Array(0);
  const headerLength = tcpHeaderLength(out);
  const bytes = new Uint8Array(headerLength + payload.length);
  writeTcpHeader(viewOf(bytes), 0, sourcePort, destinationPort, out);
  bytes.set(payload, headerLength);
  return bytes;
}

/** A segment as it arrives. */
export function arrived(bytes: Uint8Array): TcpSegment {
  const segment = new TcpSegment();
  const error = parseTcp(bytes, 0, bytes.length, segment);
  if (error !== undefined) throw new Error(error.message);
  return segment;
}

/** The Multipath TCP options of a segment. */
export function optionsOf(segment: TcpSegment): MptcpOption[] {
  const options: MptcpOption[] = [];
  for (let i = 0; i < segment.mptcpCount; i++) {
    const result = parseMptcpOption(segment.bytes, segment.mptcpOffsets[i]!, segment.mptcpLengths[i]!);
    if (result.ok) options.push(result.value);
    else throw new Error(`sent a malformed option: ${result.message}`);
  }
  return options;
}

/** Overwrites with NOPs the options of `packet` for which `isVictim` holds: what a middlebox does that strips them. */
export function stripOptions(packet: Packet, isVictim: (option: MptcpOption) => boolean): void {
  const segment = arrived(packet.bytes);
  for (let i = 0; i < segment.mptcpCount; i++) {
    const offset = segment.mptcpOffsets[i]!;
    const length = segment.mptcpLengths[i]!;
    const result = parseMptcpOption(packet.bytes, offset, length);
    if (result.ok && isVictim(result.value)) packet.bytes.fill(TcpFlag.FIN, offset, offset + length);
  }
}
