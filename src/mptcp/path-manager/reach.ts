/**
 * By which address a peer is reached from one of ours: its own within a family, a synthesised one through NAT64. Every
 * interface has its own translator, so one peer goes by several addresses in one connection; its address ID stays.
 * Read first: RFC 6052 §2, RFC 8684 §3.4.1 (IDs are of addresses, not of the ways to them).
 */
import { extractNat64, synthesizeNat64 } from '../../wire/index.js';
import type { IpAddress, Nat64Prefix } from '../../wire/index.js';
import type { LocalAddress } from './path-manager.js';

/** What reach depends on of an address of ours. */
export type ReachingAddress = Pick<LocalAddress, 'address' | 'nat64Prefixes'>;

/**
 * The address to send to so as to reach `remote` from `local`; undefined when there is none. `known` are the NAT64 prefixes
 * of all our interfaces: an IPv6 address behind one of them is an IPv4 host to all others.
 */
export function addressFrom(
  local: ReachingAddress,
  remote: IpAddress,
  known: readonly Nat64Prefix[],
): IpAddress | undefined {
  const own = local.nat64Prefixes ?? [];
  const ipv4 = remote.family === 4 ? remote : embedded(remote, known);
  if (local.address.family === 4) return ipv4;
  if (ipv4 === undefined) return remote;
  if (remote.family === 6 && embedded(remote, own) !== undefined) return remote;
  for (const prefix of own) {
    const address = synthesizeNat64(prefix, ipv4);
    if (address !== undefined) return address;
  }
  return undefined;
}

function embedded(address: IpAddress, prefixes: readonly Nat64Prefix[]): IpAddress | undefined {
  for (const prefix of prefixes) {
    const ipv4 = extractNat64(prefix, address);
    if (ipv4 !== undefined) return ipv4;
  }
  return undefined;
}

/** The NAT64 prefixes of all of them. */
export function prefixesOf(locals: readonly ReachingAddress[]): readonly Nat64Prefix[] {
  let found: Nat64Prefix[] | undefined;
  for (const { nat64Prefixes } of locals) {
    if (nat64Prefixes !== undefined) (found ??= []).push(...nat64Prefixes);
  }
  return found ?? none;
}

const none: readonly Nat64Prefix[] = Object.freeze([]);
