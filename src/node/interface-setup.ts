/**
 * How a device becomes an interface of a userspace host: held to types and ranges before a device is made or taken, so
 * that what is wrong throws at once and leaves nothing behind.
 */
import { SubflowError } from '../base/index.js';
import type { LinkFacts, LinkKind } from '../policy/index.js';
import type { InterfaceAddress } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { argumentType } from './option-error.js';
import { readNat64Prefixes } from './nat64-discovery.js';

/** How a device becomes an interface. */
export interface InterfaceSetup {
  /** Unique on the host. */
  readonly name: string;
  /** Addresses of ours on it: text with a prefix length, as `192.0.2.2/24`, or the long form. */
  readonly addresses: readonly (string | InterfaceAddress)[];
  /** Preference among interfaces for connections that do not choose, 0 or more; lower first. Default 0. */
  readonly metric?: number;
  /** Prefixes by which its network reaches IPv4, as `64:ff9b::/96`, best first; see {@link discoverNat64}. */
  readonly nat64Prefixes?: readonly string[];
  /** What is known of its link; nothing when left out. Service types go by it. */
  readonly link?: LinkFacts;
}

/** Throws unless `facts` are what may be known of a link. */
export function checkLinkFacts(facts: LinkFacts): void {
  const { kind, isMetered, hasCarrier, signalDbm } = (facts as Partial<LinkFacts> | null) ?? {};
  if (!linkKinds.includes(kind as LinkKind)) {
    const shown = typeof kind === 'string' ? `'${kind}'` : typeof kind;
    throw new SubflowError(
      'ERR_INVALID_ARG_VALUE',
      `kind of a link is one of ${linkKinds.join(', ')}, not ${shown}`,
    );
  }
  if (typeof isMetered !== 'boolean') throw argumentType('isMetered', 'a boolean');
  if (typeof hasCarrier !== 'boolean') throw argumentType('hasCarrier', 'a boolean');
  if (signalDbm !== undefined && !(typeof signalDbm === 'number' && signalDbm < 0))
    throw argumentType('signalDbm', 'a number below 0');
}

const linkKinds: readonly LinkKind[] = ['wired', 'wifi', 'cellular', 'unknown'];

/**
 * Reads the addresses and NAT64 prefixes of `setup`, which may come from a program without types. Throws
 * `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE`.
 */
export function readInterfaceSetup(setup: InterfaceSetup): {
  readonly addresses: readonly InterfaceAddress[];
  readonly nat64Prefixes: ReturnType<typeof readNat64Prefixes>;
} {
  const { name, addresses, metric, nat64Prefixes = [], link } = setup;
  if (link !== undefined) checkLinkFacts(link);
  if (typeof name !== 'string' || name === '') throw argumentType('name', 'a string that is not empty');
  if (!Array.isArray(addresses)) throw argumentType('addresses', "an array, as in ['192.0.2.2/24']");
  if (metric !== undefined) checkMetric(metric);
  if (!Array.isArray(nat64Prefixes)) throw argumentType('nat64Prefixes', "an array, as in ['64:ff9b::/96']");
  return { addresses: addresses.map(readAddress), nat64Prefixes: readNat64Prefixes(nat64Prefixes) };
}

/** Throws unless `metric` is a number from 0. */
export function checkMetric(metric: unknown): void {
  if (typeof metric !== 'number') throw argumentType('metric', 'a number');
  if (!(metric >= 0))
    throw new SubflowError('ERR_OUT_OF_RANGE', `metric should be at least 0, not ${metric}`);
}

/** Reads `192.0.2.2/24`. The prefix length is asked for: without one nobody else would be on the link. */
export function readAddress(entry: string | InterfaceAddress): InterfaceAddress {
  if (typeof entry !== 'string') {
    const { address, prefixLength } = (entry as Partial<InterfaceAddress> | null) ?? {};
    if (!(address instanceof IpAddress))
      throw argumentType('each of addresses', 'text or an InterfaceAddress');
    checkPrefixLength(`${address.toString()}/${prefixLength}`, address, prefixLength);
    return entry;
  }
  const [text = '', bits] = entry.split('/', 2);
  const address = IpAddress.parse(text);
  const isWritten = bits !== undefined && /^\d{1,3}$/.test(bits);
  checkPrefixLength(entry, address, isWritten ? Number(bits) : undefined);
  return { address: address!, prefixLength: Number(bits) };
}

function checkPrefixLength(shown: string, address: IpAddress | undefined, bits: number | undefined): void {
  const width = (address?.byteLength ?? 0) * 8;
  if (address !== undefined && Number.isInteger(bits) && bits! >= 0 && bits! <= width) return;
  throw new SubflowError('ERR_INVALID_ARG_VALUE', `'${shown}' is not an address with a prefix length`, {
    hint: 'Write it as 192.0.2.2/24 or 2001:db8::2/64; the prefix says which addresses are on the same link.',
  });
}
