/**
 * The packets of a stream's handshake, kept with their TCP header so that a report can explain each option: SYN, SYN+ACK,
 * the third packet, the first data of either host, and what was sent again. `parseTcpPacket` of the wire layer reads the
 * header.
 */
import type { Observation, Sender } from './observation.js';
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';

export interface HandshakePacket {
  readonly packet: number;
  /** Nanoseconds since the first frame of the capture. */
  readonly atNs: number;
  readonly sender: Sender;
  readonly isFromOpener: boolean;
  readonly role: 'syn' | 'syn-ack' | 'third' | 'data';
  /** The TCP header, options included. */
  readonly header: Uint8Array;
  /** Bytes of payload as the IP header states it. */
  readonly payloadLength: number;
}

const SYN = 2;
const RST = 4;
const ACK = 16;
/** Data packets kept of each host. */
const KEPT_DATA = 2;
/** Packets of a stream after which its handshake is over, whatever was seen. */
const EARLY_PACKETS = 64;

/** Keeps a segment of an early stream if it belongs to the handshake of something that speaks MPTCP. */
export function keepHandshake(
  stream: Stream,
  segment: Segment,
  isFromOpener: boolean,
  o: Observation,
  limit: number,
): void {
  const kept = stream.handshake;
  if (stream.packets > EARLY_PACKETS || (kept !== undefined && kept.length >= limit)) {
    stream.isEarly = false;
    return;
  }
  if (stream.connection === undefined && stream.join === undefined) return;
  const role = roleOf(segment, isFromOpener, kept);
  if (role === undefined) return;
  const packet: HandshakePacket = {
    packet: o.packet,
    atNs: o.atNs,
    sender: o.sender,
    isFromOpener,
    role,
    header: segment.bytes.slice(segment.offset, segment.offset + segment.headerLength),
    payloadLength: segment.payloadLength,
  };
  if (kept === undefined) stream.handshake = [packet];
  else kept.push(packet);
}

function roleOf(
  segment: Segment,
  isFromOpener: boolean,
  kept: readonly HandshakePacket[] | undefined,
): HandshakePacket['role'] | undefined {
  const kind = segment.flags & (SYN | ACK);
  if (kind === SYN) return 'syn';
  if (kind === (SYN | ACK)) return 'syn-ack';
  if ((segment.flags & RST) !== 0) return undefined;
  const known = kept ?? [];
  if (isFromOpener && segment.payloadLength === 0) {
    return known.some(({ role }) => role === 'third') ? undefined : 'third';
  }
  if (segment.payloadLength === 0) return undefined;
  const data = known.filter((packet) => packet.role === 'data' && packet.isFromOpener === isFromOpener);
  return data.length < KEPT_DATA ? 'data' : undefined;
}
