/** Translation of ICMP errors about TCP: the outer addresses and, within, those of the packet quoted (RFC 5508 §4.2). */

import { type IpAddress, IpPacket, IpProtocol, onesComplementSum, parseIp, writeU16 } from '../wire/index.js';
import type { Packet } from './device.js';
import type { Direction } from './middlebox.js';
import type { Mapping } from './nat-mapping.js';
import { pseudoSum, replaceAddress, replacePort } from './packet-edit.js';

/** Where the packet quoted starts, behind the ICMP header. */
const quoteOffset = 8;

/** What the translation needs from the NAT. */
export interface ErrorLookup {
  /** The mapping with the public address at `offset` and this port. */
  byPublic(bytes: Uint8Array, offset: number, port: number): Mapping | undefined;
  /** The mapping whose inside endpoint the quoted packet was sent to. */
  byInside(bytes: Uint8Array, quoted: IpPacket): Mapping | undefined;
  readonly publicAddress: IpAddress | undefined;
}

const quoted = new IpPacket();

/** Translates `packet`, whose IP headers `ip` holds; false when it is no ICMP error about a mapping. */
export function translateIcmpError(
  packet: Packet,
  ip: IpPacket,
  direction: Direction,
  lookup: ErrorLookup,
): boolean {
  const { bytes } = packet;
  if (!isIcmpError(bytes, ip)) return false;
  const at = ip.payloadOffset + quoteOffset;
  const available = bytes.length - at;
  // What is quoted is cut as a rule; 65535 stands for its unknown full length.
  if (parseIp(bytes, at, available, quoted, 0xffff) !== undefined) return false;
  if (quoted.protocol !== IpProtocol.TCP || quoted.fragmentOffset !== 0) return false;
  if (quoted.payloadOffset + 4 > bytes.length) return false;
  const isDone =
    direction === 'inward' ? translateInward(bytes, ip, lookup) : translateOutward(bytes, ip, lookup);
  if (isDone) fillIcmpChecksum(bytes, ip);
  return isDone;
}

/** The network complains about a packet that the inside sent. */
function translateInward(bytes: Uint8Array, ip: IpPacket, lookup: ErrorLookup): boolean {
  const port = (bytes[quoted.payloadOffset]! << 8) | bytes[quoted.payloadOffset + 1]!;
  const mapping = lookup.byPublic(bytes, quoted.sourceOffset, port);
  if (mapping === undefined) return false;
  rewriteQuoted(bytes, quoted.sourceOffset, quoted.payloadOffset, mapping.insideAddress, mapping.insidePort);
  replaceAddress(bytes, ip.destinationOffset, mapping.insideAddress, -1, false);
  return true;
}

/** The inside complains about a packet that the network sent. */
function translateOutward(bytes: Uint8Array, ip: IpPacket, lookup: ErrorLookup): boolean {
  const mapping = lookup.byInside(bytes, quoted);
  const { publicAddress } = lookup;
  if (mapping === undefined || publicAddress === undefined) return false;
  const portOffset = quoted.payloadOffset + 2;
  rewriteQuoted(bytes, quoted.destinationOffset, portOffset, publicAddress, mapping.publicPort);
  replaceAddress(bytes, ip.sourceOffset, publicAddress, -1, false);
  return true;
}

/** Puts address and port in the quoted packet and keeps its checksums right as far as they were quoted. */
function rewriteQuoted(
  bytes: Uint8Array,
  addressOffset: number,
  portOffset: number,
  address: IpAddress,
  port: number,
): void {
  const checksumAt = quoted.payloadOffset + 16;
  const isQuoted = checksumAt + 2 <= bytes.length;
  const inner = bytes.subarray(quoted.offset);
  const base = quoted.offset;
  replaceAddress(inner, addressOffset - base, address, isQuoted ? checksumAt - base : -1, false);
  replacePort(inner, portOffset - base, port, isQuoted ? checksumAt - base : -1, false);
}

function isIcmpError(bytes: Uint8Array, ip: IpPacket): boolean {
  if (ip.payloadLength < quoteOffset + 28) return false;
  const type = bytes[ip.payloadOffset]!;
  // RFC 792: unreachable, source quench, time exceeded, parameter problem. RFC 4443 §2.1: errors are below 128.
  if (ip.protocol === IpProtocol.ICMP) return type === 3 || type === 4 || type === 11 || type === 12;
  return ip.protocol === IpProtocol.ICMPV6 && type < 128;
}

function fillIcmpChecksum(bytes: Uint8Array, ip: IpPacket): void {
  const at = ip.payloadOffset + 2;
  writeU16(bytes, at, 0);
  const initial = ip.family === 4 ? 0 : pseudoSum(bytes, ip);
  writeU16(bytes, at, ~onesComplementSum(bytes, ip.payloadOffset, ip.payloadLength, initial) & 0xffff);
}
