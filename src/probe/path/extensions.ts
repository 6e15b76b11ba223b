/**
 * What stands behind the quotation in a router's error, and where the quotation itself ends. Read first: RFC 4884 §4,
 * §5.5 (routers that came before it), RFC 4950, RFC 5837.
 */
import {
  type IcmpError,
  type IcmpExtension,
  type InterfaceObject,
  ipHeaderLength,
  type MplsLabel,
  parseIcmpExtensions,
  readU16,
} from '../../wire/index.js';

/** An error taken apart. */
export interface Quotation {
  /** What is quoted, without what it was padded with. */
  readonly quotedBytes: Uint8Array;
  readonly extensionBytes: number;
  readonly extensions: readonly IcmpExtension[];
  readonly extensionFlaw: string | undefined;
}

/** Of an error without extensions, and of no error at all. */
export const noExtensions = {
  extensionBytes: 0,
  extensions: [] as readonly IcmpExtension[],
  extensionFlaw: undefined,
} as const;

/** Where extensions begin in errors of routers that do not say where (RFC 4884 §5.5). */
const FIXED_QUOTATION_BYTES = 128;
/** An extension header and one object header: less is no structure. */
const MIN_STRUCTURE_BYTES = 8;

/** Takes an error apart; bytes that make no sense are no extensions. */
export function quotationOf(message: IcmpError): Quotation {
  const { extensions, quotedBytes } = message;
  if (extensions !== undefined) return structured(message, quotedBytes, extensions);
  const unstated = quotedBytes.subarray(FIXED_QUOTATION_BYTES);
  if (isStructure(unstated))
    return structured(message, quotedBytes.subarray(0, FIXED_QUOTATION_BYTES), unstated);
  return { quotedBytes, ...noExtensions };
}

/**
 * Whether the bytes behind a quotation of no stated length are extensions. A checksum must be there and right: otherwise
 * these are bytes of the packet.
 */
function isStructure(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_STRUCTURE_BYTES || readU16(bytes, 2) === 0) return false;
  return parseIcmpExtensions(bytes).ok;
}

function structured({ quoted }: IcmpError, padded: Uint8Array, structure: Uint8Array): Quotation {
  const result = parseIcmpExtensions(structure);
  return {
    quotedBytes: unpadded(padded, (quoted === undefined ? 0 : ipHeaderLength(quoted.family)) + 8),
    extensionBytes: structure.length,
    extensions: result.ok ? result.value : [],
    extensionFlaw: result.ok ? undefined : result.message,
  };
}

/** The quotation without zeros at its end: they may be padding (RFC 4884 §4.1), and then nothing was changed there. */
function unpadded(bytes: Uint8Array, minBytes: number): Uint8Array {
  let end = bytes.length;
  while (end > minBytes && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** What a router says of itself, for people. */
export function extensionTexts({ extensions, extensionFlaw }: Omit<Quotation, 'quotedBytes'>): string[] {
  const flaw = extensionFlaw === undefined ? [] : [`extensions that cannot be read: ${extensionFlaw}`];
  return [...extensions.map(extensionText), ...flaw];
}

function extensionText(extension: IcmpExtension): string {
  switch (extension.kind) {
    case 'mpls':
      return `MPLS: ${extension.labels.map(labelText).join('; ')}`;
    case 'interface':
      return interfaceText(extension);
    case 'unknown':
      return `an extension of class ${extension.classNumber}, type ${extension.subType}`;
    case 'malformed':
      return `an extension of class ${extension.classNumber} that makes no sense: ${extension.reason}`;
  }
}

function labelText({ label, trafficClass, ttl }: MplsLabel): string {
  return `label ${label}, class ${trafficClass}, time to live ${ttl}`;
}

const roleTexts: Readonly<Record<InterfaceObject['role'], string>> = {
  incoming: 'came in by',
  'incoming-sub-ip': 'came in by the part',
  outgoing: 'was to leave by',
  'next-hop': 'was to go on to',
};

function interfaceText({ address, index, mtuBytes, name, role }: InterfaceObject): string {
  const parts = [
    ...(name === undefined ? [] : [name]),
    ...(index === undefined ? [] : [`number ${index}`]),
    ...(address === undefined ? [] : [address.toString()]),
    ...(mtuBytes === undefined ? [] : [`MTU ${mtuBytes}`]),
  ];
  return `${roleTexts[role]} ${parts.length === 0 ? 'an interface that it does not name' : parts.join(', ')}`;
}
