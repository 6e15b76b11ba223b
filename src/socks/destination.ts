/**
 * Where a SOCKS client wants to go, as SOCKS 5 and 6 write it: an address type, and an address or a name. Also what an HTTP
 * CONNECT request names. Read first: RFC 1928 §5, draft-olteanu-intarea-socks-6-11 §5, RFC 9110 §9.3.6.
 */
import { parseError, type ParseError, SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';

/** An address, or a name that the proxy is to look up. */
export type SocksHost = IpAddress | string;

/** Longest name, in bytes: what a length byte says, and DNS allows (RFC 1035 §2.3.4). */
export const MAX_NAME_BYTES = 255;

/** Address types of both versions. */
export const SocksAddressType = { IPV4: 1, NAME: 3, IPV6: 4 } as const;

/** A part of a message that was read: the value, and where the next one begins; 'more' where it is cut short. */
export type Part<T> =
  | { readonly state: 'done'; readonly value: T; readonly end: number }
  | { readonly state: 'more'; readonly atLeast: number }
  | { readonly state: 'invalid'; readonly error: ParseError };

/**
 * Reads an address of `type` at `at`. Names are printable ASCII, which international ones are in DNS (RFC 5890); with
 * `isPadded`, NULs may stand behind them, within their length (SOCKS 6).
 */
export function readHost(bytes: Uint8Array, at: number, type: number, isPadded = false): Part<SocksHost> {
  if (type === SocksAddressType.IPV4 || type === SocksAddressType.IPV6) {
    const end = at + (type === SocksAddressType.IPV4 ? 4 : 16);
    if (bytes.length < end) return { state: 'more', atLeast: end };
    const value = IpAddress.read(type === SocksAddressType.IPV4 ? 4 : 6, bytes, at);
    return { state: 'done', value, end };
  }
  if (type !== SocksAddressType.NAME)
    return { state: 'invalid', error: parseError('bad-address-type', at, `address type ${type}`) };
  if (bytes.length <= at) return { state: 'more', atLeast: at + 1 };
  const end = at + 1 + bytes[at]!;
  if (bytes.length < end) return { state: 'more', atLeast: end };
  let last = end;
  while (isPadded && last > at + 1 && bytes[last - 1] === 0) last--;
  const name = String.fromCharCode(...bytes.subarray(at + 1, last));
  if (!isName(name))
    return { state: 'invalid', error: parseError('bad-name', at + 1, 'not the name of a host') };
  return { state: 'done', value: name, end };
}

/** Whether both ends could mean the same by it: printable ASCII without spaces, and not empty. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME_BYTES && /^[\x21-\x7e]+$/.test(text);
}

/** The address type of `host`. */
export function hostType(host: SocksHost): number {
  if (typeof host === 'string') return SocksAddressType.NAME;
  return host.family === 4 ? SocksAddressType.IPV4 : SocksAddressType.IPV6;
}

/** Bytes of the address as {@link writeHost} writes it. */
export function hostLength(host: SocksHost, isPadded = false): number {
  if (typeof host !== 'string') return host.byteLength;
  return isPadded ? (1 + host.length + 3) & ~3 : 1 + host.length;
}

/**
 * Writes an address without its type; with `isPadded`, a name with its length byte fills whole words. Throws
 * `ERR_SUBFLOW_BAD_NAME`.
 */
export function writeHost(host: SocksHost, bytes: Uint8Array, at: number, isPadded = false): void {
  if (typeof host !== 'string') {
    host.writeTo(bytes, at);
    return;
  }
  const length = hostLength(host, isPadded) - 1;
  if (!isName(host) || length > 255)
    throw new SubflowError('ERR_SUBFLOW_BAD_NAME', `'${host}' cannot be named to a proxy`, {
      hint: 'Names are ASCII; international ones in their form for DNS (xn--...).',
    });
  bytes[at] = length;
  for (let i = 0; i < host.length; i++) bytes[at + 1 + i] = host.charCodeAt(i);
}

/** Reads `host:port` of an HTTP CONNECT request; the port has to be there. Undefined for anything else. */
export function parseAuthority(
  text: string,
): { readonly host: SocksHost; readonly port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^:[\]@/?#\s]{1,255})):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port === 0 || port > 0xffff) return undefined;
  if (match[1] !== undefined) {
    const address = IpAddress.parse(match[1]);
    return address?.family === 6 ? { host: address, port } : undefined;
  }
  const host = IpAddress.parse(match[2]!) ?? match[2]!;
  return typeof host === 'string' && !isName(host) ? undefined : { host, port };
}
