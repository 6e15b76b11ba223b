/** From what a client names to the addresses that may be tried: looked up, and each held to the rules. */
import type { SocksHost } from '../../socks/index.js';
import type { IpAddress } from '../../wire/index.js';
import type { ConnectOptions } from '../options.js';
import { type AccessRules, isOwnAddress, refusalOf } from '../relay/index.js';
import { lookUp } from '../tunnel/look-up.js';
import { ProxyError } from '../tunnel/proxy-error.js';

/** In place of `dns.lookup`. */
export type Lookup = NonNullable<ConnectOptions['lookup']>;

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
  const found = await lookUp(host, signal, lookup === undefined ? {} : { lookup });
  const refusals = found.map((address) => refusalOf(rules, address, isOwnAddress));
  const allowed = found.filter((_, i) => refusals[i] === undefined);
  if (allowed.length === 0) throw forbidden(String(host), refusals[0] ?? 'no address');
  return allowed;
}

/**
 * Throws `ERR_SUBFLOW_PROXY_NOT_ALLOWED` unless `host` may be named to a proxy that looks names up itself. What it finds is not
 * known here; but names that mean that proxy's own machine, and numbers that its resolver may take for an address, are not
 * handed on where loopback is not allowed.
 */
export function checkRemoteName(host: string, rules: AccessRules): void {
  if (rules.allowLoopback) return;
  const name = host.toLowerCase().replace(/\.$/, '');
  // The last two are names of it in /etc/hosts of Debian.
  const isLocal =
    /^(localhost|ip6-(localhost|loopback))$/.test(name) ||
    name.endsWith('.localhost') ||
    name.startsWith('localhost.');
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (isLocal || /^(\d+|0x[0-9a-f]*)$/.test(last)) throw forbidden(host, 'loopback');
}
