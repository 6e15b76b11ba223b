/**
 * Reads and writes MPTCP options as values. Owns the choice by subtype, the short options and the value form of the
 * DSS; the longer ones stand in mptcp-handshake.ts and mptcp-address.ts. Reserved bits are read as if they were 0.
 * Read first: RFC 8684 §3, §3.3, §3.5 to §3.7.
 */
import { parseError, parsed } from '../base/index.js';
import type { ParseResult } from '../base/index.js';
import { readU64, writeU64 } from './bytes.js';
import { DssFields, dssLength, emitDss, parseDss } from './dss.js';
import {
  addAddrLength,
  emitAddAddr,
  emitMpPrio,
  emitRemoveAddr,
  mpPrioLength,
  parseAddAddr,
  parseMpPrio,
  parseRemoveAddr,
  removeAddrLength,
} from './mptcp-address.js';
import { badOptionLength, requireOption, writeFrame } from './mptcp-frame.js';
import {
  emitMpCapable,
  emitMpJoin,
  mpCapableLength,
  mpJoinLength,
  parseMpCapable,
  parseMpJoin,
} from './mptcp-handshake.js';
import { MptcpSubtype } from './mptcp-types.js';
import type {
  DataNumber,
  Dss,
  MpExperimental,
  MpFail,
  MpFastclose,
  MptcpOption,
  UnknownMptcpOption,
} from './mptcp-types.js';
import { TcpOptionKind } from './tcp-segment.js';

/** Most bytes that a TCP option can be, which is all the room that a header has for options. */
const maxOptionBytes = 40;

/**
 * Reads the option of `length` bytes at `offset`, kind byte first; they must lie within `bytes`. Offsets in errors
 * count from the kind byte. Byte strings in the value are copies.
 */
export function parseMptcpOption(
  bytes: Uint8Array,
  offset: number,
  length: number,
): ParseResult<MptcpOption> {
  if (length < 3) return parseError('truncated', length, 'the MPTCP option has no subtype');
  if (bytes[offset] !== TcpOptionKind.MPTCP) return parseError('bad-kind', 0, 'this is not an MPTCP option');
  if (bytes[offset + 1] !== length || length > maxOptionBytes) {
    return parseError('bad-length', 1, 'the MPTCP option states another length');
  }
  const code = bytes[offset + 2]! >>> 4;
  switch (code) {
    case MptcpSubtype.MP_CAPABLE:
      return parseMpCapable(bytes, offset, length);
    case MptcpSubtype.MP_JOIN:
      return parseMpJoin(bytes, offset, length);
    case MptcpSubtype.DSS:
      return parseDssOption(bytes, offset, length);
    case MptcpSubtype.ADD_ADDR:
      return parseAddAddr(bytes, offset, length);
    case MptcpSubtype.REMOVE_ADDR:
      return parseRemoveAddr(bytes, offset, length);
    case MptcpSubtype.MP_PRIO:
      return parseMpPrio(bytes, offset, length);
    case MptcpSubtype.MP_FAIL:
      if (length !== 12) return badOptionLength('MP_FAIL', length);
      return parsed({ subtype: 'MP_FAIL', dataSeq: readU64(bytes, offset + 4) });
    case MptcpSubtype.MP_FASTCLOSE:
      if (length !== 12) return badOptionLength('MP_FASTCLOSE', length);
      return parsed({ subtype: 'MP_FASTCLOSE', receiverKey: readU64(bytes, offset + 4) });
    case MptcpSubtype.MP_TCPRST:
      if (length !== 4) return badOptionLength('MP_TCPRST', length);
      return parsed({
        subtype: 'MP_TCPRST',
        flags: bytes[offset + 2]! & 0x0f,
        reason: bytes[offset + 3]!,
      });
    default:
      return parsed(opaqueOption(bytes, offset, length, code));
  }
}

/** Bytes that {@link emitMptcpOption} writes, without padding. Throws `ERR_SUBFLOW_BAD_OPTION` if none can say this. */
export function mptcpOptionLength(option: MptcpOption): number {
  switch (option.subtype) {
    case 'MP_CAPABLE':
      return mpCapableLength(option);
    case 'MP_JOIN':
      return mpJoinLength(option);
    case 'DSS':
      return dssLength(dssFields(option));
    case 'ADD_ADDR':
      return addAddrLength(option);
    case 'REMOVE_ADDR':
      return removeAddrLength(option);
    case 'MP_PRIO':
      return mpPrioLength(option);
    case 'MP_FAIL':
    case 'MP_FASTCLOSE':
      return 12;
    case 'MP_TCPRST':
      return 4;
    case 'MP_EXPERIMENTAL':
    case 'UNKNOWN':
      requireOption(option.body.length <= maxOptionBytes - 3, 'the MPTCP option is longer than 40 bytes');
      return 3 + option.body.length;
  }
}

/**
 * Writes the option at `offset` and returns its length, {@link mptcpOptionLength}; padding to a multiple of 4 is the
 * caller's. `bytes` must have the room. Throws `ERR_SUBFLOW_BAD_OPTION` for a value that no bytes can express.
 */
export function emitMptcpOption(option: MptcpOption, bytes: Uint8Array, offset: number): number {
  switch (option.subtype) {
    case 'MP_CAPABLE':
      emitMpCapable(option, bytes, offset);
      break;
    case 'MP_JOIN':
      emitMpJoin(option, bytes, offset);
      break;
    case 'DSS':
      emitDss(dssFields(option), bytes, offset);
      break;
    case 'ADD_ADDR':
      emitAddAddr(option, bytes, offset);
      break;
    case 'REMOVE_ADDR':
      emitRemoveAddr(option, bytes, offset);
      break;
    case 'MP_PRIO':
      emitMpPrio(option, bytes, offset);
      break;
    case 'MP_FAIL':
    case 'MP_FASTCLOSE':
      emitFailOrFastclose(option, bytes, offset);
      break;
    case 'MP_TCPRST':
      writeFrame(bytes, offset, 4, MptcpSubtype.MP_TCPRST, option.flags & 0x0f);
      bytes[offset + 3] = option.reason;
      break;
    case 'MP_EXPERIMENTAL':
      emitOpaque(option, MptcpSubtype.MP_EXPERIMENTAL, bytes, offset);
      break;
    case 'UNKNOWN':
      emitOpaque(option, option.code, bytes, offset);
      break;
  }
  return bytes[offset + 1]!;
}

function emitFailOrFastclose(option: MpFail | MpFastclose, bytes: Uint8Array, offset: number): void {
  writeFrame(bytes, offset, 12, MptcpSubtype[option.subtype], 0);
  bytes[offset + 3] = 0;
  writeU64(bytes, offset + 4, option.subtype === 'MP_FAIL' ? option.dataSeq : option.receiverKey);
}

function opaqueOption(
  bytes: Uint8Array,
  offset: number,
  length: number,
  code: number,
): MpExperimental | UnknownMptcpOption {
  const nibble = bytes[offset + 2]! & 0x0f;
  const body = bytes.slice(offset + 3, offset + length);
  if (code === MptcpSubtype.MP_EXPERIMENTAL) return { subtype: 'MP_EXPERIMENTAL', nibble, body };
  return { subtype: 'UNKNOWN', code, nibble, body };
}

function emitOpaque(
  option: MpExperimental | UnknownMptcpOption,
  code: number,
  bytes: Uint8Array,
  offset: number,
): void {
  writeFrame(bytes, offset, mptcpOptionLength(option), code, option.nibble);
  bytes.set(option.body, offset + 3);
}

function parseDssOption(bytes: Uint8Array, offset: number, length: number): ParseResult<Dss> {
  const fields = new DssFields();
  const error = parseDss(bytes, offset, length, fields);
  if (error !== undefined) return error;
  return parsed({
    subtype: 'DSS',
    dataFin: fields.dataFin,
    ...(fields.hasAck && { dataAck: dataNumber(fields.ackHi, fields.ackLo, fields.ack64) }),
    ...(fields.hasMapping && {
      mapping: {
        dataSeq: dataNumber(fields.seqHi, fields.seqLo, fields.seq64),
        subflowSeq: fields.subflowSeq,
        dataLength: fields.dataLength,
        ...(fields.hasChecksum && { checksum: fields.checksum }),
      },
    }),
  });
}

function dataNumber(hi: number, lo: number, is64: boolean): DataNumber {
  return { value: (BigInt(hi) << 32n) | BigInt(lo), bits: is64 ? 64 : 32 };
}

/** The struct that the hot path would use for `option`. */
function dssFields(option: Dss): DssFields {
  const fields = new DssFields();
  fields.dataFin = option.dataFin;
  const { dataAck, mapping } = option;
  if (dataAck !== undefined) {
    fields.hasAck = true;
    fields.ack64 = dataAck.bits === 64;
    fields.ackHi = Number(BigInt.asUintN(32, dataAck.value >> 32n));
    fields.ackLo = Number(BigInt.asUintN(32, dataAck.value));
  }
  if (mapping !== undefined) {
    fields.hasMapping = true;
    fields.seq64 = mapping.dataSeq.bits === 64;
    fields.seqHi = Number(BigInt.asUintN(32, mapping.dataSeq.value >> 32n));
    fields.seqLo = Number(BigInt.asUintN(32, mapping.dataSeq.value));
    fields.subflowSeq = mapping.subflowSeq;
    fields.dataLength = mapping.dataLength;
    fields.hasChecksum = mapping.checksum !== undefined;
    fields.checksum = mapping.checksum ?? 0;
  }
  return fields;
}
