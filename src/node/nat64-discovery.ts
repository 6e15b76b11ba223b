/** Asks a resolver by which prefix its network reaches IPv4; what its answer means is decided in `wire/`. */
import { promises as dns } from 'node:dns';
import { SubflowError } from '../base/index.js';
import {
  discoverNat64Prefixes,
  formatNat64Prefix,
  IpAddress,
  NAT64_DISCOVERY_NAME,
  parseNat64Prefix,
  type Nat64Prefix,
} from '../wire/index.js';
import { codeOf } from './net-error.js';

/** The part of `dns.promises.Resolver` that is needed. */
export interface Nat64Resolver {
  resolve6(name: string): Promise<string[]>;
}

/**
 * The NAT64 prefixes of the network whose resolver is asked (RFC 7050 §3), best first, as `64:ff9b::/96`; none where nobody
 * synthesises addresses. A resolver of another network has another answer: make a `dns.promises.Resolver` with
 * `setServers` for an interface whose resolver is not the system's. Rejects with the resolver's error.
 */
export async function discoverNat64(resolver: Nat64Resolver = new dns.Resolver()): Promise<string[]> {
  try {
    const answers = await resolver.resolve6(NAT64_DISCOVERY_NAME);
    const addresses = answers.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined);
    return discoverNat64Prefixes(addresses).map(formatNat64Prefix);
  } catch (error) {
    // The name has no IPv6 addresses of its own.
    if (codeOf(error) === 'ENODATA' || codeOf(error) === 'ENOTFOUND') return [];
    throw error;
  }
}

/** Reads prefixes. Throws `ERR_INVALID_ARG_VALUE`. */
export function readNat64Prefixes(texts: readonly string[]): Nat64Prefix[] {
  return texts.map((text) => {
    const prefix = parseNat64Prefix(text);
    if (prefix !== undefined) return prefix;
    throw new SubflowError('ERR_INVALID_ARG_VALUE', `'${text}' is not a NAT64 prefix`, {
      hint: 'Write it as 64:ff9b::/96; lengths are 32, 40, 48, 56, 64 and 96.',
    });
  });
}
