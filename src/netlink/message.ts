/**
 * Generic netlink messages between values and bytes. Knows no system calls.
 *
 * Read first: netlink(7); Documentation/userspace-api/netlink/intro.rst of the kernel.
 */
import { decodeUtf8 } from '../capture/index.js';

/** One attribute: a number with its width in bits, bytes, or attributes within. */
export type Attribute = {
  readonly type: number;
} & (
  | { readonly u8: number }
  | { readonly u16: number }
  | { readonly u32: number }
  | { readonly bytes: Uint8Array }
  | { readonly nested: readonly Attribute[] }
);

/** What is asked of a family. */
export interface GenericRequest {
  /** Number of the family. */
  readonly family: number;
  readonly command: number;
  /** Version of the family's commands. */
  readonly version: number;
  readonly sequence: number;
  readonly attributes: readonly Attribute[];
  /** Asks for everything there is, in as many messages as it takes. */
  readonly dump?: boolean;
}

/** What the kernel says to a request. */
export type NetlinkReply =
  /** Done (`errno` 0), or refused: `errno` is positive, `message` is the kernel's word for it, where it has one. */
  | { readonly kind: 'ack'; readonly sequence: number; readonly errno: number; readonly message: string }
  /** Everything that was asked for has come. */
  | { readonly kind: 'done'; readonly sequence: number }
  /** Data of a family: which of its commands, and the attributes at the top level, each by its type. */
  | {
      readonly kind: 'data';
      readonly command: number;
      readonly sequence: number;
      readonly attributes: ReadonlyMap<number, Uint8Array>;
    };

const HEADER_BYTES = 16;
const GENERIC_HEADER_BYTES = 4;
const ATTRIBUTE_HEADER_BYTES = 4;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;

function padded(length: number): number {
  return (length + 3) & ~3;
}

function contentOf(attribute: Attribute): Uint8Array {
  if ('bytes' in attribute) return attribute.bytes;
  if ('nested' in attribute) return encodeAttributes(attribute.nested);
  const bits = 'u8' in attribute ? 8 : 'u16' in attribute ? 16 : 32;
  const bytes = new Uint8Array(bits / 8);
  const view = new DataView(bytes.buffer);
  if ('u8' in attribute) view.setUint8(0, attribute.u8);
  else if ('u16' in attribute) view.setUint16(0, attribute.u16, true);
  else view.setUint32(0, attribute.u32, true);
  return bytes;
}

/** Attributes one after the other, as every kind of netlink has them. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const contents = attributes.map(contentOf);
  const length = contents.reduce((sum, { length }) => sum + padded(ATTRIBUTE_HEADER_BYTES + length), 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  attributes.forEach((attribute, i) => {
    const content = contents[i]!;
    view.setUint16(at, ATTRIBUTE_HEADER_BYTES + content.length, true);
    view.setUint16(at + 2, 'nested' in attribute ? attribute.type | NLA_F_NESTED : attribute.type, true);
    bytes.set(content, at + ATTRIBUTE_HEADER_BYTES);
    at += padded(ATTRIBUTE_HEADER_BYTES + content.length);
  });
  return bytes;
}

/** Builds a request that the kernel is to acknowledge. */
export function encodeRequest(request: GenericRequest): Uint8Array {
  const attributes = encodeAttributes(request.attributes);
  const bytes = new Uint8Array(HEADER_BYTES + GENERIC_HEADER_BYTES + attributes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, request.family, true);
  view.setUint16(6, NLM_F_REQUEST | (request.dump === true ? NLM_F_DUMP : NLM_F_ACK), true);
  view.setUint32(8, request.sequence, true);
  view.setUint8(HEADER_BYTES, request.command);
  view.setUint8(HEADER_BYTES + 1, request.version);
  bytes.set(attributes, HEADER_BYTES + GENERIC_HEADER_BYTES);
  return bytes;
}

/** Reads attributes up to the first that is cut short; of two of one type the later one counts. */
export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) break;
    const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += padded(length);
  }
  return attributes;
}

/**
 * Where the content of the last attribute of a type begins, among those from `start` to `end`; -1 where there is none. What of it there is
 * {@link attributeEnd} tells. For messages of which there are tens of thousands: {@link readAttributes} makes a map of each.
 */
export function findAttribute(view: DataView, start: number, end: number, type: number): number {
  let found = -1;
  for (let at = start; at + ATTRIBUTE_HEADER_BYTES <= end;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) break;
    if ((view.getUint16(at + 2, true) & NLA_TYPE_MASK) === type) found = at + ATTRIBUTE_HEADER_BYTES;
    at += padded(length);
  }
  return found;
}

/** Where the attribute ends whose content begins at `content`. */
export function attributeEnd(view: DataView, content: number): number {
  return content - ATTRIBUTE_HEADER_BYTES + view.getUint16(content - ATTRIBUTE_HEADER_BYTES, true);
}

/** The number in the last attribute of a type; 0 where there is none, or it has not 1, 2 or 4 bytes. */
export function findNumber(view: DataView, start: number, end: number, type: number): number {
  const content = findAttribute(view, start, end, type);
  if (content < 0) return 0;
  const length = attributeEnd(view, content) - content;
  if (length === 1) return view.getUint8(content);
  if (length === 2) return view.getUint16(content, true);
  return length === 4 ? view.getUint32(content, true) : 0;
}

/** Text of the kernel's, without the zero at its end. */
export function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : decodeUtf8(bytes, 0, bytes.length).replace(/\0+$/, '');
}

/** Reads the messages in what one receive call gave; what is cut short at the end is left out. */
export function decodeReplies(bytes: Uint8Array): NetlinkReply[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const replies: NetlinkReply[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const reply = decodeReply(bytes.subarray(at, at + length));
    if (reply !== undefined) replies.push(reply);
    at += padded(length);
  }
  return replies;
}

function decodeReply(bytes: Uint8Array): NetlinkReply | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sequence = view.getUint32(8, true);
  if (view.getUint16(4, true) === NLMSG_DONE) return { kind: 'done', sequence };
  if (view.getUint16(4, true) !== NLMSG_ERROR) {
    const start = HEADER_BYTES + GENERIC_HEADER_BYTES;
    if (bytes.length < start) return undefined;
    const command = view.getUint8(HEADER_BYTES);
    return { kind: 'data', sequence, command, attributes: readAttributes(bytes.subarray(start)) };
  }
  if (bytes.length < HEADER_BYTES + 4 + HEADER_BYTES) return undefined;
  const errno = Math.abs(view.getInt32(HEADER_BYTES, true));
  const flags = view.getUint16(6, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { kind: 'ack', sequence, errno, message: '' };
  // What follows the code is the request: its header alone when it was capped, or when all is well.
  const isWhole = errno !== 0 && (flags & NLM_F_CAPPED) === 0;
  const echoed = isWhole ? view.getUint32(HEADER_BYTES + 4, true) : HEADER_BYTES;
  const start = Math.min(bytes.length, HEADER_BYTES + 4 + padded(echoed));
  const message = textOf(readAttributes(bytes.subarray(start)).get(NLMSGERR_ATTR_MSG));
  return { kind: 'ack', sequence, errno, message };
}
