/** From what a client names to the addresses that may be tried: looked up, and each held to the rules. */
import { SubflowError } from '../../base/index.js';
import type { SocksHost } from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { type AccessRules, refusalOf } from '../relay/index.js';
import { resolve } from '../resolve.js';
import { ProxyError } from '../tunnel/proxy-error.js';

/** In place of `dns.lookup`. */
export type Lookup = NonNullable<ConnectOptions['lookup']>;

/** Addresses of one name that are tried. */
export const MAX_ADDRESSES = 16;

/** A destination that the rules forbid. */
export function forbidden(what: string, reason: string): ProxyError {
  return new ProxyError('ERR_SUBFLOW_PROXY_NOT_ALLOWED', `${what} is not allowed (${reason})`);
}

/**
 * The addresses of `host` that `rules` allow, in the order to try them. Rejects with `ERR_SUBFLOW_PROXY_NOT_ALLOWED` where
 * there is none, with the error of the look-up, or with the reason of `signal`.
 */
export async function permittedAddresses(
  host: SocksHost,
  rules: AccessRules,
  signal: AbortSignal,
  lookup?: Lookup,
): Promise<IpAddress[]> {
  const found = typeof host === 'string' ? await lookUp(host, signal, lookup) : [host];
  const refusals = found.map((address) => refusalOf(rules, address));
  const allowed = found.filter((_, i) => refusals[i] === undefined);
  if (allowed.length === 0) throw forbidden(String(host), refusals[0] ?? 'no address');
  return allowed;
}

function lookUp(name: string, signal: AbortSignal, lookup?: Lookup): Promise<IpAddress[]> {
  return new Promise((done, fail) => {
    const abort = (): void => fail(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    resolve(name, lookup === undefined ? {} : { lookup }, ({ error, addresses }) => {
      signal.removeEventListener('abort', abort);
      const isNoAddress = error instanceof SubflowError;
      if (isNoAddress) fail(netError('ENOTFOUND', 'getaddrinfo', {}, name));
      else if (error !== undefined) fail(error);
      const found = addresses.flatMap(({ address }) => IpAddress.parse(withoutZone(address)) ?? []);
      done(found.slice(0, MAX_ADDRESSES));
    });
  });
}

/** Link-local addresses come with their interface. */
function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}

/**
 * Throws `ERR_SUBFLOW_PROXY_NOT_ALLOWED` unless `host` may be named to a proxy that looks names up itself. What it finds is not
 * known here; but names that mean that proxy's own machine, and numbers that its resolver may take for an address, are not
 * handed on where loopback is not allowed.
 */
export function checkRemoteName(host: string, rules: AccessRules): void {
  if (rules.allowLoopback) return;
  const name = host.toLowerCase().replace(/\.$/, '');
  const isLocal = name === 'localhost' || name.endsWith('.localhost') || name.startsWith('localhost.');
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (isLocal || /^(\d+|0x[0-9a-f]*)$/.test(last)) throw forbidden(host, 'loopback');
}
