/**
 * The answer to a packet that has no room on the way to its server once it lies within another: how long it may be. It is written in front of
 * the packet, whose beginning it quotes where it lies. Owns its form; whoever calls says how many may be sent.
 *
 * Read first: RFC 1191 §4, RFC 4443 §3.2, RFC 2003 §5.1.
 */
import {
  emitIpHeader,
  foldChecksum,
  IpAddress,
  IpProtocol,
  onesComplementSum,
  pseudoHeaderSumAt,
  writeU16,
  writeU32,
} from '../../wire/index.js';

const ICMP_HEADER_BYTES = 8;
/** What an answer may have at most, so that it comes through everywhere (RFC 1812 §4.3.2.3, RFC 4443 §2.4). */
const mostBytes = { 4: 576, 6: 1280 } as const;

/** Room in front of the packet that the answer needs, without that of the link. */
export const tooBigHeadroom = 48;

/**
 * Writes the answer to the sound TCP packet of `length` bytes at `offset`: `mtu` is what it may have. Gives where the answer starts; it ends
 * {@link tooBigBytes} further on. Undefined, and nothing is written, for what is no segment: errors are not answered by errors.
 */
export function writeTooBig(bytes: Uint8Array, offset: number, mtu: number): number | undefined {
  const isV6 = bytes[offset]! >>> 4 === 6;
  if (bytes[offset + (isV6 ? 6 : 9)] !== IpProtocol.TCP) return undefined;
  return isV6 ? writeTooBig6(bytes, offset, mtu) : writeTooBig4(bytes, offset, mtu);
}

/** Bytes of the answer to a packet of `length` bytes. */
export function tooBigBytes(family: 4 | 6, length: number): number {
  return Math.min(mostBytes[family], length + ICMP_HEADER_BYTES + (family === 4 ? 20 : 40));
}

function writeTooBig4(bytes: Uint8Array, offset: number, mtu: number): number {
  const total = tooBigBytes(4, ((bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0);
  const start = offset - ICMP_HEADER_BYTES - 20;
  const icmp = offset - ICMP_HEADER_BYTES;
  emitIpHeader(bytes, start, {
    ...{ source: IpAddress.readV4(bytes, offset + 16), destination: IpAddress.readV4(bytes, offset + 12) },
    ...{ protocol: IpProtocol.ICMP, payloadLength: total - 20, hopLimit: 64 },
  });
  writeU32(bytes, icmp, 0x0304_0000);
  writeU32(bytes, icmp + 4, mtu);
  writeU16(bytes, icmp + 2, foldChecksum(onesComplementSum(bytes, icmp, total - 20)));
  return start;
}

function writeTooBig6(bytes: Uint8Array, offset: number, mtu: number): number {
  const total = tooBigBytes(6, 40 + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!));
  const start = offset - ICMP_HEADER_BYTES - 40;
  const icmp = offset - ICMP_HEADER_BYTES;
  emitIpHeader(bytes, start, {
    ...{ source: IpAddress.readV6(bytes, offset + 24), destination: IpAddress.readV6(bytes, offset + 8) },
    ...{ protocol: IpProtocol.ICMPV6, payloadLength: total - 40, hopLimit: 64 },
  });
  writeU32(bytes, icmp, 0x0200_0000);
  writeU32(bytes, icmp + 4, mtu);
  const pseudo = pseudoHeaderSumAt(bytes, start + 8, 32, IpProtocol.ICMPV6, total - 40);
  writeU16(bytes, icmp + 2, foldChecksum(onesComplementSum(bytes, icmp, total - 40, pseudo)));
  return start;
}
