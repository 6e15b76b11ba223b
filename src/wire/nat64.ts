/**
 * IPv4 addresses inside IPv6 ones: how a host on a network without IPv4 names an IPv4 peer, and how it finds out by which
 * prefix. Pure functions on addresses; who asks the resolver and which interface a prefix belongs to is not known here.
 * Read first: RFC 6052 §2 (the format) and §3.1 (the well-known prefix), RFC 7050 §3 (discovery).
 */
import { IpAddress } from './address.js';

/** Bits that a NAT64 prefix may have (RFC 6052 §2.2). */
export const nat64PrefixLengths = [32, 40, 48, 56, 64, 96] as const;

/** One of {@link nat64PrefixLengths}. */
export type Nat64PrefixLength = (typeof nat64PrefixLengths)[number];

/** The prefix under which a translator answers for all of IPv4. */
export interface Nat64Prefix {
  /** An IPv6 address whose bits behind the prefix are 0. */
  readonly prefix: IpAddress;
  readonly length: Nat64PrefixLength;
}

/** 64:ff9b::/96, which stands for public IPv4 addresses only (RFC 6052 §2.1 and §3.1). */
export const wellKnownNat64Prefix: Nat64Prefix = Object.freeze({
  prefix: new IpAddress(6, 0x64_ff9b, 0, 0, 0),
  length: 96,
});

/** The name that only a DNS64 gives IPv6 addresses for (RFC 7050 §3). */
export const NAT64_DISCOVERY_NAME = 'ipv4only.arpa';

/** Most prefixes that one discovery gives: a resolver that answers more is not believed beyond it. */
export const MAX_NAT64_PREFIXES = 8;

/** The IPv4 addresses of {@link NAT64_DISCOVERY_NAME}: 192.0.0.170 and 192.0.0.171 (RFC 7050 §8.2). */
const discoveryAddresses = [0xc000_00aa, 0xc000_00ab] as const;

/** The octet that stays 0 in every form: bits 64 to 71 (RFC 6052 §2.2). */
const RESERVED_OCTET = 8;

/** IPv4 networks, as address and bits, that mean nothing beyond their own site or are no hosts at all (RFC 6890 §2.2.2). */
const privateNetworks: readonly (readonly [number, number])[] = [
  [0x0000_0000, 8],
  [0x0a00_0000, 8],
  [0x6440_0000, 10],
  [0x7f00_0000, 8],
  [0xa9fe_0000, 16],
  [0xac10_0000, 12],
  [0xc000_0000, 24],
  [0xc000_0200, 24],
  [0xc0a8_0000, 16],
  [0xc612_0000, 15],
  [0xc633_6400, 24],
  [0xcb00_7100, 24],
  [0xe000_0000, 3],
];

/** Reads `64:ff9b::/96`; undefined for a length that no prefix has and for bits behind the prefix that are not 0. */
export function parseNat64Prefix(text: string): Nat64Prefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const prefix = match === null ? undefined : IpAddress.parse(match[1]!);
  const length = nat64PrefixLengths.find((bits) => bits === Number(match?.[2]));
  if (prefix?.family !== 6 || length === undefined) return undefined;
  return prefix.toBytes().every((byte, index) => index < length / 8 || byte === 0)
    ? { prefix, length }
    : undefined;
}

/** What {@link parseNat64Prefix} reads. */
export function formatNat64Prefix({ prefix, length }: Nat64Prefix): string {
  return `${prefix.toString()}/${length}`;
}

/** Whether both are the same prefix. */
export function isSameNat64Prefix(a: Nat64Prefix, b: Nat64Prefix): boolean {
  return a.length === b.length && a.prefix.equals(b.prefix);
}

/** Places of the four octets of an IPv4 address behind a prefix (RFC 6052 §2.2, figure 1). */
function placesOf(length: Nat64PrefixLength): readonly number[] {
  const places: number[] = [];
  for (let at = length / 8; places.length < 4; at++) if (at !== RESERVED_OCTET) places.push(at);
  return places;
}

/** Puts an IPv4 address behind a prefix, whatever address it is (RFC 6052 §2.3); the suffix is 0. */
export function embedIpv4({ prefix, length }: Nat64Prefix, ipv4: IpAddress): IpAddress {
  const bytes = prefix.toBytes();
  const octets = ipv4.toBytes();
  placesOf(length).forEach((place, index) => (bytes[place] = octets[index]!));
  return IpAddress.readV6(bytes, 0);
}

/**
 * The IPv6 address by which an IPv4 peer is reached through a translator. Undefined when `ipv4` is an IPv6 address, or is
 * not public and the prefix the well-known one, which must not stand for it (RFC 6052 §3.1).
 */
export function synthesizeNat64(prefix: Nat64Prefix, ipv4: IpAddress): IpAddress | undefined {
  if (ipv4.family !== 4) return undefined;
  if (isSameNat64Prefix(prefix, wellKnownNat64Prefix) && !isPublicIpv4(ipv4)) return undefined;
  return embedIpv4(prefix, ipv4);
}

/**
 * The IPv4 address in an IPv6 one, undefined when it does not begin with the prefix or octet 8 is not 0. What stands
 * behind the IPv4 address is not looked at (RFC 6052 §2.2: a suffix may get a meaning later).
 */
export function extractNat64({ prefix, length }: Nat64Prefix, ipv6: IpAddress): IpAddress | undefined {
  if (!prefix.sharesPrefix(ipv6, length)) return undefined;
  const bytes = ipv6.toBytes();
  if (length < 96 && bytes[RESERVED_OCTET] !== 0) return undefined;
  return IpAddress.readV4(
    Uint8Array.from(placesOf(length), (place) => bytes[place]!),
    0,
  );
}

/** Whether an IPv4 address means the same everywhere. */
export function isPublicIpv4(address: IpAddress): boolean {
  return (
    address.family === 4 &&
    !privateNetworks.some(([word, bits]) => address.sharesPrefix(new IpAddress(4, 0, 0, 0, word), bits))
  );
}

/**
 * The prefixes that a DNS64 uses, from the AAAA records that it gives for {@link NAT64_DISCOVERY_NAME}, in the order of
 * the answer, which is that of preference (RFC 7050 §3). None when there is no DNS64. Where an answer fits in more than
 * one way, the way counts in which both IPv4 addresses of the name were found; the shortest prefix among equals.
 */
export function discoverNat64Prefixes(answers: readonly IpAddress[]): Nat64Prefix[] {
  const readings = answers.map(readingsOf);
  const found: Nat64Prefix[] = [];
  for (const candidates of readings) {
    const best =
      candidates.find((candidate) => support(readings, candidate) === discoveryAddresses.length) ??
      candidates[0];
    if (best === undefined || found.some((known) => isSameNat64Prefix(known, best.prefix))) continue;
    found.push(best.prefix);
    if (found.length === MAX_NAT64_PREFIXES) break;
  }
  return found;
}

/** One way to read an answer: this prefix, and this of the two IPv4 addresses. */
interface Reading {
  readonly prefix: Nat64Prefix;
  readonly word: number;
}

function readingsOf(answer: IpAddress): Reading[] {
  if (answer.family !== 6) return [];
  const readings: Reading[] = [];
  for (const length of nat64PrefixLengths) {
    const bytes = answer.toBytes().fill(0, length / 8);
    const prefix = { prefix: IpAddress.readV6(bytes, 0), length };
    const word = extractNat64(prefix, answer)?.d;
    if (word !== undefined && discoveryAddresses.some((known) => known === word))
      readings.push({ prefix, word });
  }
  return readings;
}

/** How many of the two addresses were found behind the prefix of `reading`, over all answers. */
function support(readings: readonly (readonly Reading[])[], reading: Reading): number {
  return discoveryAddresses.filter((word) =>
    readings.some((list) =>
      list.some((other) => other.word === word && isSameNat64Prefix(other.prefix, reading.prefix)),
    ),
  ).length;
}
