/**
 * MP_CAPABLE and MP_JOIN, the options of the handshakes. Decides layouts by length; which packet may carry which is
 * the connection's matter. Read first: RFC 8684 §3.1 and §3.2, RFC 6824 §3.1 and §3.2.
 */
import { parsed } from '../base/index.js';
import type { ParseResult } from '../base/index.js';
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from './bytes.js';
import { badOptionLength, requireOption, writeFrame } from './mptcp-frame.js';
import { MptcpSubtype } from './mptcp-types.js';
import type { MpCapable, MpJoin } from './mptcp-types.js';

export function parseMpCapable(bytes: Uint8Array, offset: number, length: number): ParseResult<MpCapable> {
  const version = bytes[offset + 2]! & 0x0f;
  const isKnown =
    length === 12 || length === 20 || (version > 0 && (length === 4 || length === 22 || length === 24));
  if (!isKnown) return badOptionLength(`MP_CAPABLE of version ${version}`, length);
  return parsed({
    subtype: 'MP_CAPABLE',
    version,
    flags: bytes[offset + 3]!,
    ...(length >= 12 && { senderKey: readU64(bytes, offset + 4) }),
    ...(length >= 20 && { receiverKey: readU64(bytes, offset + 12) }),
    ...(length >= 22 && { dataLength: readU16(bytes, offset + 20) }),
    ...(length === 24 && { checksum: readU16(bytes, offset + 22) }),
  });
}

export function mpCapableLength(option: MpCapable): number {
  const { version, senderKey, receiverKey, dataLength, checksum } = option;
  requireOption(
    senderKey !== undefined || (version > 0 && receiverKey === undefined),
    'MP_CAPABLE lacks a key',
  );
  requireOption(
    dataLength === undefined || (version > 0 && receiverKey !== undefined),
    'MP_CAPABLE has a data length without both keys, or in version 0',
  );
  requireOption(checksum === undefined || dataLength !== undefined, 'MP_CAPABLE has a checksum of no data');
  if (senderKey === undefined) return 4;
  if (receiverKey === undefined) return 12;
  if (dataLength === undefined) return 20;
  return checksum === undefined ? 22 : 24;
}

export function emitMpCapable(option: MpCapable, bytes: Uint8Array, offset: number): void {
  writeFrame(bytes, offset, mpCapableLength(option), MptcpSubtype.MP_CAPABLE, option.version);
  bytes[offset + 3] = option.flags;
  if (option.senderKey !== undefined) writeU64(bytes, offset + 4, option.senderKey);
  if (option.receiverKey !== undefined) writeU64(bytes, offset + 12, option.receiverKey);
  if (option.dataLength !== undefined) writeU16(bytes, offset + 20, option.dataLength);
  if (option.checksum !== undefined) writeU16(bytes, offset + 22, option.checksum);
}

export function parseMpJoin(bytes: Uint8Array, offset: number, length: number): ParseResult<MpJoin> {
  if (length === 24) {
    return parsed({ subtype: 'MP_JOIN', phase: 'ack', hmac: bytes.slice(offset + 4, offset + 24) });
  }
  if (length !== 12 && length !== 16) return badOptionLength('MP_JOIN', length);
  const backup = (bytes[offset + 2]! & 1) !== 0;
  const addressId = bytes[offset + 3]!;
  const nonce = readU32(bytes, offset + length - 4);
  if (length === 12) {
    const token = readU32(bytes, offset + 4);
    return parsed({ subtype: 'MP_JOIN', phase: 'syn', backup, addressId, token, nonce });
  }
  const hmac = bytes.slice(offset + 4, offset + 12);
  return parsed({ subtype: 'MP_JOIN', phase: 'synack', backup, addressId, hmac, nonce });
}

export function mpJoinLength(option: MpJoin): number {
  if (option.phase === 'syn') return 12;
  const hmacLength = option.phase === 'synack' ? 8 : 20;
  requireOption(option.hmac.length === hmacLength, `the proof of this MP_JOIN is ${hmacLength} bytes`);
  return option.phase === 'synack' ? 16 : 24;
}

export function emitMpJoin(option: MpJoin, bytes: Uint8Array, offset: number): void {
  const length = mpJoinLength(option);
  if (option.phase === 'ack') {
    writeFrame(bytes, offset, length, MptcpSubtype.MP_JOIN, 0);
    bytes[offset + 3] = 0;
    bytes.set(option.hmac, offset + 4);
    return;
  }
  writeFrame(bytes, offset, length, MptcpSubtype.MP_JOIN, option.backup ? 1 : 0);
  bytes[offset + 3] = option.addressId;
  if (option.phase === 'syn') writeU32(bytes, offset + 4, option.token);
  else bytes.set(option.hmac, offset + 4);
  writeU32(bytes, offset + length - 4, option.nonce);
}
