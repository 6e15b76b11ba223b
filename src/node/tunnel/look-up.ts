/** From a name to addresses, for whoever waits with a signal. */
import { SubflowError } from '../../base/index.js';
import type { SocksHost } from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { resolve } from '../resolve.js';

/** How to look up. */
export type LookUpOptions = Pick<ConnectOptions, 'family' | 'hints' | 'lookup'>;

/** Addresses of one name that are tried. */
export const MAX_ADDRESSES = 16;

/**
 * The addresses of `host`, at least one, in the order to try them. Rejects with the error of the look-up (`ENOTFOUND` where it
 * leads to no address), or with the reason of `signal`.
 */
export function lookUp(host: SocksHost, signal: AbortSignal, options: LookUpOptions): Promise<IpAddress[]> {
  if (typeof host !== 'string') return Promise.resolve([host]);
  return new Promise((done, fail) => {
    const abort = (): void => fail(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    resolve(host, options, ({ error, addresses }) => {
      signal.removeEventListener('abort', abort);
      // Link-local addresses come with their interface.
      const found = addresses.flatMap(({ address }) => IpAddress.parse(address.replace(/%.*$/, '')) ?? []);
      if (error instanceof SubflowError) fail(netError('ENOTFOUND', 'getaddrinfo', {}, host));
      else if (error !== undefined) fail(error);
      else if (found.length === 0) fail(netError('ENOTFOUND', 'getaddrinfo', {}, host));
      else done(found.slice(0, MAX_ADDRESSES));
    });
  });
}
