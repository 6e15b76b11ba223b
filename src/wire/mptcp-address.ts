/**
 * ADD_ADDR, REMOVE_ADDR and MP_PRIO, the options of path management. Whether an HMAC is right is the connection's
 * matter. Read first: RFC 8684 §3.3.8, §3.4; RFC 6824 §3.3.8, §3.4 for version 0.
 */
import { parseError, parsed } from '../base/index.js';
import type { ParseResult } from '../base/index.js';
import { IpAddress } from './address.js';
import { readU16, writeU16 } from './bytes.js';
import { badOptionLength, requireOption, writeFrame } from './mptcp-frame.js';
import { MptcpSubtype } from './mptcp-types.js';
import type { AddAddr, MpPrio, RemoveAddr } from './mptcp-types.js';

const hmacBytes = 8;

/** Bytes an ADD_ADDR has behind its address: none, a port, an HMAC, or both. */
const addAddrTails = [0, 2, hmacBytes, 2 + hmacBytes];

export function parseAddAddr(bytes: Uint8Array, offset: number, length: number): ParseResult<AddAddr> {
  // The lengths of the two families do not overlap: 8 to 18 and 20 to 30.
  const family = length < 20 ? 4 : 6;
  const addressLength = family === 4 ? 4 : 16;
  const tail = length - 4 - addressLength;
  if (!addAddrTails.includes(tail)) return badOptionLength('ADD_ADDR', length);
  const nibble = bytes[offset + 2]! & 0x0f;
  const hasPort = tail === 2 || tail === 2 + hmacBytes;
  const hasHmac = tail >= hmacBytes;
  // Version 0 names the family where version 1 has three reserved bits and the echo flag, and knows no HMAC.
  const version = !hasHmac && nibble === family ? 0 : 1;
  const echo = version === 1 && (nibble & 1) !== 0;
  if (echo && hasHmac) return parseError('bad-length', 1, 'an ADD_ADDR echo carries no HMAC');
  const tailOffset = offset + 4 + addressLength;
  return parsed({
    subtype: 'ADD_ADDR',
    version,
    echo,
    addressId: bytes[offset + 3]!,
    address: IpAddress.read(family, bytes, offset + 4),
    ...(hasPort && { port: readU16(bytes, tailOffset) }),
    ...(hasHmac && { hmac: bytes.slice(offset + length - hmacBytes, offset + length) }),
  });
}

export function addAddrLength(option: AddAddr): number {
  const { hmac, echo, version } = option;
  requireOption(hmac === undefined || hmac.length === hmacBytes, 'the HMAC of an ADD_ADDR is 8 bytes');
  requireOption(hmac === undefined || (version === 1 && !echo), 'only a version 1 announcement has an HMAC');
  requireOption(version === 1 || !echo, 'version 0 has no ADD_ADDR echo');
  return (
    4 +
    option.address.byteLength +
    (option.port === undefined ? 0 : 2) +
    (option.hmac === undefined ? 0 : hmacBytes)
  );
}

export function emitAddAddr(option: AddAddr, bytes: Uint8Array, offset: number): void {
  const nibble = option.version === 0 ? option.address.family : option.echo ? 1 : 0;
  writeFrame(bytes, offset, addAddrLength(option), MptcpSubtype.ADD_ADDR, nibble);
  bytes[offset + 3] = option.addressId;
  option.address.writeTo(bytes, offset + 4);
  let at = offset + 4 + option.address.byteLength;
  if (option.port !== undefined) {
    writeU16(bytes, at, option.port);
    at += 2;
  }
  if (option.hmac !== undefined) bytes.set(option.hmac, at);
}

export function parseRemoveAddr(bytes: Uint8Array, offset: number, length: number): ParseResult<RemoveAddr> {
  if (length < 4) return badOptionLength('REMOVE_ADDR', length);
  return parsed({
    subtype: 'REMOVE_ADDR',
    addressIds: Array.from(bytes.subarray(offset + 3, offset + length)),
  });
}

export function removeAddrLength(option: RemoveAddr): number {
  const count = option.addressIds.length;
  requireOption(count > 0 && count <= 37, 'REMOVE_ADDR names 1 to 37 addresses');
  return 3 + count;
}

export function emitRemoveAddr(option: RemoveAddr, bytes: Uint8Array, offset: number): void {
  writeFrame(bytes, offset, removeAddrLength(option), MptcpSubtype.REMOVE_ADDR, 0);
  bytes.set(option.addressIds, offset + 3);
}

export function parseMpPrio(bytes: Uint8Array, offset: number, length: number): ParseResult<MpPrio> {
  if (length !== 3 && length !== 4) return badOptionLength('MP_PRIO', length);
  const backup = (bytes[offset + 2]! & 1) !== 0;
  return parsed({ subtype: 'MP_PRIO', backup, ...(length === 4 && { addressId: bytes[offset + 3]! }) });
}

export function mpPrioLength(option: MpPrio): number {
  return option.addressId === undefined ? 3 : 4;
}

export function emitMpPrio(option: MpPrio, bytes: Uint8Array, offset: number): void {
  writeFrame(bytes, offset, mpPrioLength(option), MptcpSubtype.MP_PRIO, option.backup ? 1 : 0);
  if (option.addressId !== undefined) bytes[offset + 3] = option.addressId;
}
