/** From a name to the addresses to try, in the order to try them; as `net` does it. */
import { ADDRCONFIG, lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { SubflowError } from '../base/index.js';
import { netError } from './net-error.js';
import type { ConnectOptions } from './options.js';

/** What a look-up gives. */
export interface Resolved {
  readonly error: Error | undefined;
  readonly addresses: readonly LookupAddress[];
}

/** Looks `host` up, without asking anybody when it is an address; `done` is never called before this returns. */
export function resolve(
  host: string,
  options: Pick<ConnectOptions, 'family' | 'hints' | 'lookup'>,
  done: (resolved: Resolved) => void,
): void {
  const literal = isIP(host);
  if (literal !== 0) {
    process.nextTick(done, { error: undefined, addresses: [{ address: host, family: literal }] });
    return;
  }
  const family = options.family ?? 0;
  const hints = options.hints ?? (family === 0 ? ADDRCONFIG : 0);
  const lookup = options.lookup ?? dnsLookup;
  lookup(host, { family, hints, all: true }, (error, found, foundFamily) => {
    // A look-up of the user's own may ignore `all`.
    const list = Array.isArray(found)
      ? found
      : [{ address: String(found), family: foundFamily ?? isIP(String(found)) }];
    const failure = error ?? whatIsWrong(host, list);
    process.nextTick(done, { error: failure, addresses: failure === undefined ? alternate(list) : [] });
  });
}

/** The error that `net` has for a look-up which gives nothing, or something that is no address. */
function whatIsWrong(host: string, found: readonly LookupAddress[]): Error | undefined {
  if (found.length === 0) return netError('ENOTFOUND', 'getaddrinfo', {}, host);
  const bad = found.find((entry) => isIP(entry.address) === 0);
  if (bad === undefined) return undefined;
  return new SubflowError(
    'ERR_INVALID_IP_ADDRESS',
    `'${bad.address}' is what ${host} led to, not an IP address`,
  );
}

/** Families in turn, beginning with the one that the resolver put first (RFC 8305 §4). */
function alternate(addresses: readonly LookupAddress[]): LookupAddress[] {
  const first = addresses[0]?.family;
  const one = addresses.filter((entry) => entry.family === first);
  const other = addresses.filter((entry) => entry.family !== first);
  const result: LookupAddress[] = [];
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    if (i < one.length) result.push(one[i]!);
    if (i < other.length) result.push(other[i]!);
  }
  return result;
}
