/**
 * IPv6 extension headers as values, and the options within them and within an IPv4 header. Where they lie and how many are followed is decided in ip-packet.ts.
 * Read first: RFC 8200 §4.2 to §4.6, RFC 4302 §2.
 */
import { SubflowError } from '../base/index.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { IpProtocol, extensionHeaderLength, isExtensionHeader, maxExtensionHeaders } from './ip-packet.js';

/** An IPv4 option, or one of an IPv6 options header; padding is left out. */
export interface IpOption {
  /** The whole type byte: for IPv4 copied flag, class and number; for IPv6 action, change bit and number. */
  readonly type: number;
  /** What follows the length byte. */
  readonly body: Uint8Array;
}

/** Where an option of IP or an extension header stands. */
export interface PlacedIpPart {
  /** Type of the option, or number of the extension header. */
  readonly type: number;
  readonly offset: number;
  readonly length: number;
}

/** Hop-by-hop options or destination options. Padding is left out, and written at the end. */
export interface Ipv6OptionsHeader {
  readonly kind: 'hop-by-hop' | 'destination-options';
  readonly options: readonly IpOption[];
}

/** A routing header of any type. */
export interface Ipv6RoutingHeader {
  readonly kind: 'routing';
  readonly routingType: number;
  /** Nodes still to be visited. */
  readonly segmentsLeft: number;
  /** What follows these; 4 bytes more than a multiple of 8. */
  readonly body: Uint8Array;
}

/** The header of a fragment. */
export interface Ipv6FragmentHeader {
  readonly kind: 'fragment';
  /** In bytes; a multiple of 8. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  /** 32 bits. */
  readonly identification: number;
}

/** An authentication header (RFC 4302). What it protects is not checked. */
export interface Ipv6AuthenticationHeader {
  readonly kind: 'authentication';
  /** Security parameters index and all that follows it; 4 bytes more than a multiple of 8, 4 at least. */
  readonly body: Uint8Array;
}

export type Ipv6Extension =
  Ipv6OptionsHeader | Ipv6RoutingHeader | Ipv6FragmentHeader | Ipv6AuthenticationHeader;

const numbers = {
  'hop-by-hop': IpProtocol.HOP_BY_HOP,
  'destination-options': IpProtocol.DESTINATION_OPTIONS,
  routing: IpProtocol.ROUTING,
  fragment: IpProtocol.FRAGMENT,
  authentication: IpProtocol.AUTHENTICATION,
} as const;

/** Reads the extension headers of the packet at `offset`, whose headers have been found to take `headerLength` bytes. */
export function parseIpv6Extensions(
  bytes: Uint8Array,
  offset: number,
  headerLength: number,
): Ipv6Extension[] {
  return placeIpv6Extensions(bytes, offset, headerLength).map((place) =>
    parseExtension(bytes, place.offset, place.length, place.type),
  );
}

/** Where the extension headers that lie whole within the `length` bytes of the packet at `offset` stand. */
export function placeIpv6Extensions(bytes: Uint8Array, offset: number, length: number): PlacedIpPart[] {
  const places: PlacedIpPart[] = [];
  const end = offset + length;
  let type = bytes[offset + 6]!;
  for (let at = offset + 40; at + 8 <= end && isExtensionHeader(type);) {
    const size = extensionHeaderLength(type, bytes[at + 1]!);
    if (at + size > end || places.length === maxExtensionHeaders) break;
    places.push({ type, offset: at, length: size });
    type = bytes[at]!;
    at += size;
  }
  return places;
}

function parseExtension(bytes: Uint8Array, at: number, length: number, number: number): Ipv6Extension {
  switch (number) {
    case IpProtocol.ROUTING: {
      const body = bytes.slice(at + 4, at + length);
      return { kind: 'routing', routingType: bytes[at + 2]!, segmentsLeft: bytes[at + 3]!, body };
    }
    case IpProtocol.FRAGMENT:
      return {
        kind: 'fragment',
        fragmentOffset: readU16(bytes, at + 2) & 0xfff8,
        moreFragments: (bytes[at + 3]! & 1) !== 0,
        identification: readU32(bytes, at + 4),
      };
    case IpProtocol.AUTHENTICATION:
      return { kind: 'authentication', body: bytes.slice(at + 4, at + length) };
    case IpProtocol.HOP_BY_HOP:
      return { kind: 'hop-by-hop', options: parseOptions(bytes, at + 2, at + length) };
    default:
      return { kind: 'destination-options', options: parseOptions(bytes, at + 2, at + length) };
  }
}

/** Reads options up to `end` or to the first that overruns it; type 0 is one byte of padding, type 1 several. */
function parseOptions(bytes: Uint8Array, start: number, end: number): IpOption[] {
  const options: IpOption[] = [];
  for (let at = start; at < end;) {
    const type = bytes[at]!;
    if (type === 0) {
      at++;
      continue;
    }
    const size = at + 1 < end ? 2 + bytes[at + 1]! : end;
    if (at + size > end) break;
    if (type !== 1) options.push({ type, body: bytes.slice(at + 2, at + size) });
    at += size;
  }
  return options;
}

/** Bytes of all `extensions`. */
export function ipv6ExtensionsLength(extensions: readonly Ipv6Extension[]): number {
  let length = 0;
  for (const extension of extensions) length += extensionLength(extension);
  return length;
}

function extensionLength(extension: Ipv6Extension): number {
  switch (extension.kind) {
    case 'fragment':
      return 8;
    case 'routing':
    case 'authentication':
      return 4 + extension.body.length;
    case 'hop-by-hop':
    case 'destination-options':
      return (2 + optionBytes(extension.options) + 7) & ~7;
  }
}

function optionBytes(options: readonly IpOption[]): number {
  let length = 0;
  for (const option of options) length += 2 + option.body.length;
  return length;
}

/**
 * Writes `extensions` from `start` on and returns their length. The number of each goes where the header before it
 * names the next, at first `nextHeaderOffset`; that of `protocol` goes last.
 */
export function emitIpv6Extensions(
  extensions: readonly Ipv6Extension[],
  protocol: number,
  bytes: Uint8Array,
  nextHeaderOffset: number,
  start: number,
): number {
  let at = start;
  let linkOffset = nextHeaderOffset;
  for (const extension of extensions) {
    bytes[linkOffset] = numbers[extension.kind];
    linkOffset = at;
    const length = extensionLength(extension);
    if (length % (extension.kind === 'authentication' ? 4 : 8) !== 0) {
      throw new SubflowError('ERR_SUBFLOW_BAD_DATAGRAM', `a ${extension.kind} header of ${length} bytes`);
    }
    emitExtension(extension, bytes, at, length);
    at += length;
  }
  bytes[linkOffset] = protocol;
  return at - start;
}

function emitExtension(extension: Ipv6Extension, bytes: Uint8Array, at: number, length: number): void {
  bytes.fill(0, at, at + length);
  bytes[at + 1] = length / 8 - 1;
  switch (extension.kind) {
    case 'fragment':
      bytes[at + 1] = 0;
      writeU16(bytes, at + 2, extension.fragmentOffset | (extension.moreFragments ? 1 : 0));
      writeU32(bytes, at + 4, extension.identification);
      break;
    case 'routing':
      bytes[at + 2] = extension.routingType;
      bytes[at + 3] = extension.segmentsLeft;
      bytes.set(extension.body, at + 4);
      break;
    case 'authentication':
      bytes[at + 1] = length / 4 - 2;
      bytes.set(extension.body, at + 4);
      break;
    case 'hop-by-hop':
    case 'destination-options':
      emitOptions(extension.options, bytes, at + 2, at + length);
      break;
  }
}

/** Writes options, and one padding option over what is left up to `end` (RFC 8200 §4.2). */
function emitOptions(options: readonly IpOption[], bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  for (const option of options) {
    bytes[at] = option.type;
    bytes[at + 1] = option.body.length;
    bytes.set(option.body, at + 2);
    at += 2 + option.body.length;
  }
  if (end - at < 2) return;
  bytes[at] = 1;
  bytes[at + 1] = end - at - 2;
}
