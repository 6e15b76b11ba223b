/**
 * Reads and writes ICMP and ICMPv6 messages. What to believe of an error is the business of who sent the quoted packet
 * (RFC 5927). Read first: RFC 792, RFC 4443 §2 to §4, RFC 4884 §4.
 */
import { SubflowError, parseError, parsed } from '../base/index.js';
import type { ParseResult } from '../base/index.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { foldChecksum, onesComplementSum } from './checksum.js';
import { IcmpUnreachableCode } from './icmp-types.js';
import type { IcmpEcho, IcmpError, IcmpMessage, QuotedPacket } from './icmp-types.js';
import { IpPacket, IpProtocol, parseIp } from './ip-packet.js';

const headerBytes = 8;
/** Longest packet that an IP header can state: what a quotation may claim to be a piece of. */
const maxPacketBytes = 40 + 0xffff;
/** Bytes that a quotation is padded to at least when extensions follow it (RFC 4884 §4). */
const minQuotationBytes = 128;

/** Type numbers of the messages that have a form here. */
const typeNumbers = {
  4: { 'echo-reply': 0, unreachable: 3, 'echo-request': 8, 'time-exceeded': 11, 'parameter-problem': 12 },
  6: {
    unreachable: 1,
    'packet-too-big': 2,
    'time-exceeded': 3,
    'parameter-problem': 4,
    'echo-request': 128,
    'echo-reply': 129,
  },
} as const;

type KnownType = Exclude<IcmpMessage['type'], 'unknown'>;

/** The known type of a number, by family. */
const typesByNumber = {
  4: new Map<number, KnownType>(swapped(typeNumbers[4])),
  6: new Map<number, KnownType>(swapped(typeNumbers[6])),
};

function swapped(numbers: Partial<Record<KnownType, number>>): [number, KnownType][] {
  return Object.entries(numbers).map(([type, number]) => [number, type as KnownType]);
}

/**
 * Reads the message of `length` bytes at `offset`, which must lie within `bytes`: ICMP for family 4, ICMPv6 for 6. The
 * checksum is not checked (see {@link verifyIcmpChecksum}). Byte strings in the value are views.
 */
export function parseIcmp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  family: 4 | 6,
): ParseResult<IcmpMessage> {
  if (length < headerBytes) return parseError('truncated', length, 'the ICMP header is cut short');
  const number = bytes[offset]!;
  const code = bytes[offset + 1]!;
  const type = typesByNumber[family].get(number);
  if (type === undefined) {
    return parsed({ type: 'unknown', number, code, body: bytes.subarray(offset + 4, offset + length) });
  }
  if (type !== 'echo-request' && type !== 'echo-reply') {
    return parsed(parseIcmpError(bytes, offset, length, family, type));
  }
  return parsed({
    type,
    identifier: readU16(bytes, offset + 4),
    sequence: readU16(bytes, offset + 6),
    payload: bytes.subarray(offset + headerBytes, offset + length),
  });
}

function parseIcmpError(
  bytes: Uint8Array,
  offset: number,
  length: number,
  family: 4 | 6,
  type: IcmpError['type'],
): IcmpError {
  const code = bytes[offset + 1]!;
  const body = bytes.subarray(offset + headerBytes, offset + length);
  const stated = mayExtend(type, family) ? statedQuotationLength(bytes, offset, family) : 0;
  const hasExtensions = stated >= minQuotationBytes && stated < body.length;
  const quotedBytes = hasExtensions ? body.subarray(0, stated) : body;
  const quotation = {
    code,
    quotedBytes,
    quoted: parseQuoted(quotedBytes, family),
    ...(hasExtensions && { extensions: body.subarray(stated) }),
  };
  switch (type) {
    case 'unreachable': {
      const hasMtu = family === 4 && code === IcmpUnreachableCode.FRAGMENTATION_NEEDED;
      return { type, ...quotation, ...(hasMtu && { mtuBytes: readU16(bytes, offset + 6) }) };
    }
    case 'packet-too-big':
      return { type, ...quotation, mtuBytes: readU32(bytes, offset + 4) };
    case 'time-exceeded':
      return { type, ...quotation };
    case 'parameter-problem':
      return { type, ...quotation, pointer: family === 4 ? bytes[offset + 4]! : readU32(bytes, offset + 4) };
  }
}

/** Whether extensions may follow the quotation of such a message (RFC 4884 §4). */
function mayExtend(type: IcmpError['type'], family: 4 | 6): boolean {
  return type === 'unreachable' || type === 'time-exceeded' || (type === 'parameter-problem' && family === 4);
}

/** Bytes of quotation according to the length field, which counts words of 4 or 8 bytes; 0 when it does not say. */
function statedQuotationLength(bytes: Uint8Array, offset: number, family: 4 | 6): number {
  return family === 4 ? bytes[offset + 5]! * 4 : bytes[offset + 4]! * 8;
}

/** Reads what an error quotes; undefined when that is no IP packet of the family or its headers are cut. */
function parseQuoted(bytes: Uint8Array, family: 4 | 6): QuotedPacket | undefined {
  const packet = new IpPacket();
  const error = parseIp(bytes, 0, bytes.length, packet, maxPacketBytes);
  if (error !== undefined || packet.family !== family) return undefined;
  const { protocol, payloadOffset, payloadAvailable } = packet;
  const isTcp = protocol === IpProtocol.TCP;
  // A later fragment has no upper-layer header, and 8 bytes of one are all that RFC 792 promises.
  const hasHeader = packet.fragmentOffset === 0 && payloadAvailable >= 8;
  const hasPorts = hasHeader && (isTcp || protocol === IpProtocol.UDP);
  return {
    family,
    source: packet.source,
    destination: packet.destination,
    protocol,
    totalLength: packet.totalLength,
    hopLimit: packet.hopLimit,
    headerLength: packet.headerLength,
    ...(hasPorts && {
      sourcePort: readU16(bytes, payloadOffset),
      destinationPort: readU16(bytes, payloadOffset + 2),
    }),
    ...(hasPorts && isTcp && { seq: readU32(bytes, payloadOffset + 4) }),
  };
}

/** Whether the message reports an error about a packet that it quotes. */
export function isIcmpError(message: IcmpMessage): message is IcmpError {
  return 'quotedBytes' in message;
}

/** Bytes that {@link emitIcmp} writes. */
export function icmpLength(message: IcmpMessage): number {
  if (message.type === 'unknown') return 4 + message.body.length;
  if (!isIcmpError(message)) return headerBytes + message.payload.length;
  return headerBytes + message.quotedBytes.length + (message.extensions?.length ?? 0);
}

/**
 * Writes the message at `offset`, its checksum included, and returns its length, {@link icmpLength}. `pseudoSum` is the
 * pseudo-header's sum for ICMPv6 (RFC 4443 §2.3) and 0 for ICMP. `bytes` must have the room. Throws
 * `ERR_SUBFLOW_BAD_ICMP` for a message that the family does not have.
 */
export function emitIcmp(
  message: IcmpMessage,
  family: 4 | 6,
  bytes: Uint8Array,
  offset: number,
  pseudoSum: number,
): number {
  const length = icmpLength(message);
  bytes.fill(0, offset, offset + headerBytes);
  if (message.type === 'unknown') {
    bytes[offset] = message.number;
    bytes[offset + 1] = message.code;
    bytes.set(message.body, offset + 4);
  } else {
    const numbers: Partial<Record<KnownType, number>> = typeNumbers[family];
    const number = numbers[message.type];
    if (number === undefined) throw badIcmp(`ICMP for IPv4 has no ${message.type}`);
    bytes[offset] = number;
    if (isIcmpError(message)) emitIcmpError(message, family, bytes, offset);
    else emitEcho(message, bytes, offset);
  }
  writeU16(bytes, offset + 2, foldChecksum(onesComplementSum(bytes, offset, length, pseudoSum)));
  return length;
}

function emitEcho(message: IcmpEcho, bytes: Uint8Array, offset: number): void {
  writeU16(bytes, offset + 4, message.identifier);
  writeU16(bytes, offset + 6, message.sequence);
  bytes.set(message.payload, offset + headerBytes);
}

function emitIcmpError(message: IcmpError, family: 4 | 6, bytes: Uint8Array, offset: number): void {
  const { quotedBytes, extensions } = message;
  bytes[offset + 1] = message.code;
  if (message.type === 'packet-too-big') writeU32(bytes, offset + 4, message.mtuBytes);
  if (message.type === 'unreachable') writeU16(bytes, offset + 6, message.mtuBytes ?? 0);
  if (message.type === 'parameter-problem') {
    if (family === 4) bytes[offset + 4] = message.pointer;
    else writeU32(bytes, offset + 4, message.pointer);
  }
  bytes.set(quotedBytes, offset + headerBytes);
  if (extensions === undefined) return;
  const unit = family === 4 ? 4 : 8;
  if (!mayExtend(message.type, family)) throw badIcmp(`no extensions follow a ${message.type}`);
  if (quotedBytes.length < minQuotationBytes || quotedBytes.length % unit !== 0) {
    throw badIcmp(
      `a quotation before extensions is ${minQuotationBytes} bytes or more, a multiple of ${unit}`,
    );
  }
  bytes[offset + (family === 4 ? 5 : 4)] = quotedBytes.length / unit;
  bytes.set(extensions, offset + headerBytes + quotedBytes.length);
}

function badIcmp(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_ICMP', message);
}

/** Whether the message at `offset` is undamaged; `pseudoSum` as in {@link emitIcmp}. */
export function verifyIcmpChecksum(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
): boolean {
  return onesComplementSum(bytes, offset, length, pseudoSum) === 0xffff;
}

/**
 * The next hop's MTU in bytes that the message reports, in either family; undefined for any other message and for a
 * router that keeps it to itself.
 */
export function reportedMtu(message: IcmpMessage): number | undefined {
  if (message.type === 'packet-too-big') return message.mtuBytes;
  if (message.type !== 'unreachable' || message.mtuBytes === undefined) return undefined;
  return message.mtuBytes === 0 ? undefined : message.mtuBytes;
}
