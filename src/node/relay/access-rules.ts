/**
 * Who may use a proxy, and for what: clients by network, destinations by network and by kind. What is private or of this
 * machine is refused unless allowed, also where it hides in an IPv6 address. Pure: addresses in, a verdict out.
 * Read first: RFC 6890 (special addresses), RFC 6052 §2.1 and RFC 3056 §2 (IPv4 within IPv6).
 */
import { SubflowError } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';

/** Addresses that share the first `bits` bits. */
export interface Network {
  readonly address: IpAddress;
  readonly bits: number;
}

/** The rules of a proxy. */
export interface AccessRules {
  /** Clients that may use it; empty: only this machine's. */
  readonly clients: readonly Network[];
  /** Destinations that are refused, whatever else holds. */
  readonly deny: readonly Network[];
  /** Whether private, shared, link-local and other addresses of no public meaning may be destinations. */
  readonly allowPrivate: boolean;
  /** Whether this machine may be: loopback, and by its own addresses. */
  readonly allowLoopback: boolean;
}

/** Why a destination is refused. */
export type AccessRefusal = 'denied' | 'private' | 'loopback' | 'not-unicast';

/** For this machine's clients only, to public addresses only. */
export const closedRules: AccessRules = { clients: [], deny: [], allowPrivate: false, allowLoopback: false };

/** Reads `192.0.2.0/24`, `2001:db8::/32` or one address. Throws `ERR_SUBFLOW_BAD_NETWORK`. */
export function parseNetwork(text: string): Network {
  const [base = '', bits, more] = text.split('/');
  const address = IpAddress.parse(base);
  const width = address === undefined ? 0 : address.byteLength * 8;
  const length = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (address !== undefined && more === undefined && length <= width) return { address, bits: length };
  throw new SubflowError('ERR_SUBFLOW_BAD_NETWORK', `'${text}' is no network`, {
    hint: 'Write it like 192.0.2.0/24 or 2001:db8::/32, or give one address.',
  });
}

/** Writes a network as {@link parseNetwork} reads it. */
export function formatNetwork({ address, bits }: Network): string {
  return `${address.toString()}/${bits}`;
}

const networks = (...texts: string[]): readonly Network[] => texts.map(parseNetwork);

/** What means this machine (RFC 6890 §2.2.2): 0.0.0.0/8 does on many systems. */
const loopback = networks('127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128');

/** What means nothing beyond some network, or nothing at all (RFC 6890 §2.2.2 and §2.2.3, RFC 6598). */
const privates = networks(
  ...['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['64:ff9b:1::/48', '100::/64', '2001:db8::/32', '3fff::/20', 'fc00::/7', 'fe80::/10', 'fec0::/10'],
);

/** What is no one host's. */
const notUnicast = networks('224.0.0.0/4', '240.0.0.0/4', 'ff00::/8');

const wellKnownNat64 = parseNetwork('64:ff9b::/96');
const sixToFour = parseNetwork('2002::/16');
/** IPv4-compatible (RFC 4291 §2.5.5.1), IPv4-translated (RFC 2765 §2.1), and Teredo, which has the address inverted (RFC 4380 §4). */
const lastFourBytes = [wellKnownNat64, ...networks('::/96', '::ffff:0:0:0/96')];
const teredo = parseNetwork('2001::/32');

function isIn(address: IpAddress, list: readonly Network[]): boolean {
  return list.some((network) => address.sharesPrefix(network.address, network.bits));
}

/** The IPv4 address that packets to `address` may end at: mapped, translated (RFC 6052, RFC 2765) or tunnelled (RFC 3056, RFC 4380); or none. */
function innerV4(address: IpAddress): IpAddress | undefined {
  if (address.mappedV4 !== undefined) return address.mappedV4;
  if (isIn(address, lastFourBytes)) return new IpAddress(4, 0, 0, 0, address.d);
  if (isIn(address, [teredo])) return new IpAddress(4, 0, 0, 0, ~address.d >>> 0);
  if (isIn(address, [sixToFour]))
    return new IpAddress(4, 0, 0, 0, ((address.a << 16) | (address.b >>> 16)) >>> 0);
  return undefined;
}

/** Whether a client at `address` may use the proxy. */
export function mayUse(rules: AccessRules, address: IpAddress): boolean {
  const client = address.mappedV4 ?? address;
  return rules.clients.length === 0 ? client.isLoopback : isIn(client, rules.clients);
}

/**
 * Why nobody may be connected to `address`; undefined where they may. `isOwn`: whether an address is this machine's own, by which services
 * that are for this machine alone could be reached as by loopback.
 */
export function refusalOf(
  rules: AccessRules,
  address: IpAddress,
  isOwn: (address: IpAddress) => boolean,
): AccessRefusal | undefined {
  const inner = innerV4(address);
  for (const each of inner === undefined ? [address] : [address, inner]) {
    if (isIn(each, rules.deny)) return 'denied';
    if (isIn(each, notUnicast)) return 'not-unicast';
    if (!rules.allowLoopback && (isIn(each, loopback) || isOwn(each))) return 'loopback';
    if (!rules.allowPrivate && isIn(each, privates)) return 'private';
  }
  return undefined;
}
