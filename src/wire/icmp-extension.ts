/**
 * Reads and writes the extensions that routers put behind the quotation of an ICMP error: labels of MPLS, and which
 * interface it was. A structure with a wrong version or checksum is an error as a whole; an object that makes no sense is
 * a value among the others, and ends the list where its length says nothing either.
 * Read first: RFC 4884 §7 and §8, RFC 4950 §3, RFC 5837 §4.
 */
import { parsed, parseError, type ParseResult, SubflowError } from '../base/index.js';
import { IpAddress } from './address.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { foldChecksum, onesComplementSum } from './checksum.js';

/** One entry of a label stack (RFC 4950 §3). */
export interface MplsLabel {
  /** 20 bits. */
  readonly label: number;
  /** 3 bits, once called experimental. */
  readonly trafficClass: number;
  readonly isBottom: boolean;
  /** Time to live, 0 to 255. */
  readonly ttl: number;
}

/** What an interface was to the packet that is quoted (RFC 5837 §4.1). */
export type InterfaceRole = 'incoming' | 'incoming-sub-ip' | 'outgoing' | 'next-hop';

/** The stack of labels that a packet came with, outermost first. */
export interface MplsStackObject {
  readonly kind: 'mpls';
  readonly labels: readonly MplsLabel[];
}

/** An interface of the router, as far as it tells. */
export interface InterfaceObject {
  readonly kind: 'interface';
  readonly role: InterfaceRole;
  /** As SNMP numbers it, 0 to 2^32 - 1. */
  readonly index?: number;
  readonly address?: IpAddress;
  /** 63 bytes at most; what is no printable ASCII is a question mark. */
  readonly name?: string;
  readonly mtuBytes?: number;
}

/** An object of a class without a form here. */
export interface UnknownExtensionObject {
  readonly kind: 'unknown';
  /** Class-Num, 0 to 255. */
  readonly classNumber: number;
  /** C-Type, 0 to 255. */
  readonly subType: number;
  readonly body: Uint8Array;
}

/** An object whose length or content contradicts itself. */
export interface MalformedExtensionObject {
  readonly kind: 'malformed';
  readonly classNumber: number;
  readonly subType: number;
  /** One line. */
  readonly reason: string;
}

export type IcmpExtension =
  MplsStackObject | InterfaceObject | UnknownExtensionObject | MalformedExtensionObject;

/** The objects that can be written. */
export type WritableIcmpExtension = Exclude<IcmpExtension, MalformedExtensionObject>;

const VERSION = 2;
const headerBytes = 4;
const objectHeaderBytes = 4;
const MPLS_CLASS = 1;
const MPLS_INCOMING_STACK = 1;
const INTERFACE_CLASS = 2;

/** The low four bits of the C-Type of an interface object: what it tells, in this order (RFC 5837 §4.1). */
const Tells = { INDEX: 8, ADDRESS: 4, NAME: 2, MTU: 1 } as const;

const roles: readonly InterfaceRole[] = ['incoming', 'incoming-sub-ip', 'outgoing', 'next-hop'];
/** Most bytes of a name with the byte of its length (RFC 5837 §4.3). */
const maxNameBytes = 64;

/**
 * Reads the extension structure that fills `bytes`. Its checksum is verified where there is one (RFC 4884 §7). Errors are
 * `truncated`, `bad-version` and `bad-checksum`.
 */
export function parseIcmpExtensions(bytes: Uint8Array): ParseResult<IcmpExtension[]> {
  if (bytes.length < headerBytes)
    return parseError('truncated', bytes.length, 'the extension header is cut short');
  if (bytes[0]! >>> 4 !== VERSION)
    return parseError('bad-version', 0, `extensions of version ${bytes[0]! >>> 4}, not ${VERSION}`);
  if (readU16(bytes, 2) !== 0 && onesComplementSum(bytes, 0, bytes.length) !== 0xffff)
    return parseError('bad-checksum', 2, 'the checksum of the extensions is wrong');
  const objects: IcmpExtension[] = [];
  for (let at = headerBytes; at < bytes.length;) {
    if (bytes.length - at < objectHeaderBytes) {
      objects.push({
        kind: 'malformed',
        classNumber: 0,
        subType: 0,
        reason: 'an object header is cut short',
      });
      break;
    }
    const length = readU16(bytes, at);
    const fields = { classNumber: bytes[at + 2]!, subType: bytes[at + 3]! };
    if (length < objectHeaderBytes || at + length > bytes.length) {
      const reason = `an object of ${length} bytes where ${bytes.length - at} are left`;
      objects.push({ kind: 'malformed', ...fields, reason });
      break;
    }
    objects.push(parseObject(fields, bytes.subarray(at + objectHeaderBytes, at + length)));
    at += length;
  }
  return parsed(objects);
}

function parseObject(
  fields: { readonly classNumber: number; readonly subType: number },
  body: Uint8Array,
): IcmpExtension {
  const { classNumber, subType } = fields;
  if (classNumber === MPLS_CLASS && subType === MPLS_INCOMING_STACK) {
    return body.length === 0 || body.length % 4 !== 0
      ? { kind: 'malformed', ...fields, reason: `a label stack of ${body.length} bytes` }
      : { kind: 'mpls', labels: labelsOf(body) };
  }
  if (classNumber !== INTERFACE_CLASS) return { kind: 'unknown', ...fields, body };
  return interfaceOf(subType, body) ?? { kind: 'malformed', ...fields, reason: 'an interface cut short' };
}

function labelsOf(body: Uint8Array): MplsLabel[] {
  return Array.from({ length: body.length / 4 }, (_, index) => {
    const word = readU32(body, index * 4);
    return {
      label: word >>> 12,
      trafficClass: (word >>> 9) & 7,
      isBottom: ((word >>> 8) & 1) === 1,
      ttl: word & 0xff,
    };
  });
}

/** The interface that `body` tells of, each part where the C-Type says that there is one; undefined for what is cut. */
function interfaceOf(subType: number, body: Uint8Array): InterfaceObject | undefined {
  let at = 0;
  const parts: { -readonly [Key in keyof InterfaceObject]?: InterfaceObject[Key] } = {};
  if ((subType & Tells.INDEX) !== 0) {
    if (body.length < at + 4) return undefined;
    parts.index = readU32(body, at);
    at += 4;
  }
  if ((subType & Tells.ADDRESS) !== 0) {
    const address = addressAt(body, at);
    if (address === undefined) return undefined;
    parts.address = address;
    at += 4 + address.byteLength;
  }
  if ((subType & Tells.NAME) !== 0) {
    const length = body[at] ?? 0;
    if (length < 1 || length > maxNameBytes || at + length > body.length) return undefined;
    parts.name = nameOf(body.subarray(at + 1, at + length));
    at += length;
  }
  if ((subType & Tells.MTU) !== 0) {
    if (body.length < at + 4) return undefined;
    parts.mtuBytes = readU32(body, at);
  }
  return { kind: 'interface', role: roles[subType >>> 6]!, ...parts };
}

/** The address sub-object at `at`: its family as IANA numbers those, two bytes of nothing, the address (RFC 5837 §4.2). */
function addressAt(body: Uint8Array, at: number): IpAddress | undefined {
  if (body.length < at + 4) return undefined;
  const number = readU16(body, at);
  const family = number === 1 ? 4 : number === 2 ? 6 : undefined;
  if (family === undefined || body.length < at + 4 + (family === 4 ? 4 : 16)) return undefined;
  return IpAddress.read(family, body, at + 4);
}

/** A name for people: it is shown on terminals, and whoever sent it may mean harm. */
function nameOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Array.from(end < 0 ? bytes : bytes.subarray(0, end), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?',
  ).join('');
}

/** The extension structure of these objects, with its checksum. Throws `ERR_SUBFLOW_BAD_ICMP` for a name too long. */
export function icmpExtensionBytes(objects: readonly WritableIcmpExtension[]): Uint8Array {
  const bodies = objects.map(writtenObject);
  const bytes = new Uint8Array(bodies.reduce((sum, { length }) => sum + length, headerBytes));
  bytes[0] = VERSION << 4;
  let at = headerBytes;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  writeU16(bytes, 2, foldChecksum(onesComplementSum(bytes, 0, bytes.length)));
  return bytes;
}

function writtenObject(object: WritableIcmpExtension): Uint8Array {
  switch (object.kind) {
    case 'mpls':
      return framed(MPLS_CLASS, MPLS_INCOMING_STACK, labelBytes(object.labels));
    case 'interface':
      return interfaceBytes(object);
    case 'unknown':
      return framed(object.classNumber, object.subType, object.body);
  }
}

function framed(classNumber: number, subType: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(objectHeaderBytes + body.length);
  writeU16(bytes, 0, bytes.length);
  bytes[2] = classNumber;
  bytes[3] = subType;
  bytes.set(body, objectHeaderBytes);
  return bytes;
}

function labelBytes(labels: readonly MplsLabel[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 4);
  labels.forEach(({ label, trafficClass, isBottom, ttl }, index) => {
    writeU32(bytes, index * 4, (label << 12) | (trafficClass << 9) | (Number(isBottom) << 8) | ttl);
  });
  return bytes;
}

function interfaceBytes({ address, index, mtuBytes, name, role }: InterfaceObject): Uint8Array {
  const text = name === undefined ? [] : Array.from(name, (character) => character.charCodeAt(0));
  // A name is padded to whole words, and its length counts itself (RFC 5837 §4.3).
  const nameBytes = name === undefined ? 0 : (1 + text.length + 3) & ~3;
  if (nameBytes > maxNameBytes)
    throw new SubflowError('ERR_SUBFLOW_BAD_ICMP', `a name of an interface has 63 bytes at most`);
  const addressBytes = address === undefined ? 0 : 4 + address.byteLength;
  const body = new Uint8Array(
    (index === undefined ? 0 : 4) + addressBytes + nameBytes + (mtuBytes === undefined ? 0 : 4),
  );
  let at = 0;
  if (index !== undefined) {
    writeU32(body, at, index);
    at += 4;
  }
  if (address !== undefined) {
    writeU16(body, at, address.family === 4 ? 1 : 2);
    address.writeTo(body, at + 4);
    at += addressBytes;
  }
  if (name !== undefined) {
    body[at] = nameBytes;
    body.set(text, at + 1);
    at += nameBytes;
  }
  if (mtuBytes !== undefined) writeU32(body, at, mtuBytes);
  const tells =
    (index === undefined ? 0 : Tells.INDEX) |
    (address === undefined ? 0 : Tells.ADDRESS) |
    (name === undefined ? 0 : Tells.NAME) |
    (mtuBytes === undefined ? 0 : Tells.MTU);
  return framed(INTERFACE_CLASS, (roles.indexOf(role) << 6) | tells, body);
}
