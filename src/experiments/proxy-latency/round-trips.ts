/**
 * Round trips of a visit, counted from its packets in the order in which they pass the client: each time that the client sends
 * after it has heard something begins another. By order and not by time, so that a slow machine counts the same.
 *
 * A packet counts that opens the connection or carries data. Acknowledgements alone do not: nobody here waits for one.
 */
import type { WirePacket } from '../linux-lab.js';

/** Round trips from the first SYN to the first byte of the server's answer; null where no answer came. */
export function countRoundTrips(packets: readonly WirePacket[]): number | null {
  const newest: Record<WirePacket['from'], number | undefined> = { client: undefined, peer: undefined };
  let roundTrips = 0;
  let last: WirePacket['from'] = 'peer';
  const opened = new Set<WirePacket['from']>();
  for (const packet of packets) {
    const { from, isSyn, payloadBytes, hasAnswer } = packet;
    if (isSyn ? opened.has(from) : payloadBytes === 0 || isRepeated(packet, newest[from])) continue;
    if (isSyn) opened.add(from);
    // What a SYN carried and the peer did not take is sent again behind it, as what is new then.
    else newest[from] = (packet.sequence + payloadBytes) >>> 0;
    if (from === 'client' && last === 'peer') roundTrips++;
    last = from;
    if (from === 'peer' && hasAnswer) return roundTrips;
  }
  return null;
}

/** Bytes that the client's SYN carried. */
export function bytesInSyn(packets: readonly WirePacket[]): number {
  return packets.find(({ from, isSyn }) => from === 'client' && isSyn)?.payloadBytes ?? 0;
}

/** Whether all of its bytes were sent before, up to `end` (RFC 9293 §3.4: numbers are compared modulo 2^32). */
function isRepeated({ sequence, payloadBytes }: WirePacket, end: number | undefined): boolean {
  return end !== undefined && ((sequence + payloadBytes - end) | 0) <= 0;
}
