/**
 * Proxies as URLs name them: `socks5://user:password@192.0.2.1:1080`. With `socks5h` and `socks6h`, as curl has it, the proxy
 * looks names up; with `socks5` and `socks6` they are looked up here. `http` proxies always do so, converters never.
 */
import { SubflowError } from '../../base/index.js';
import { DEFAULT_CONVERT_PORT } from '../../convert/index.js';
import { SOCKS6_VERSION, type SocksPassword } from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';

/** Protocols between a client and a proxy. */
export type HopProtocol = 'converter' | 'socks5' | 'socks6' | 'http';

/** One proxy on the way. */
export interface Hop {
  readonly protocol: HopProtocol;
  /** Name or address of the proxy. */
  readonly host: string;
  readonly port: number;
  readonly credentials: SocksPassword | undefined;
  /** Whether names are looked up by the proxy. */
  readonly isLookingUp: boolean;
  /** The version byte of SOCKS 6. */
  readonly version: number;
}

/** Most proxies one behind the other. */
export const MAX_HOPS = 8;

const schemes: Readonly<Record<string, { protocol: HopProtocol; port: number; isLookingUp: boolean }>> = {
  converter: { protocol: 'converter', port: DEFAULT_CONVERT_PORT, isLookingUp: false },
  socks5: { protocol: 'socks5', port: 1080, isLookingUp: false },
  socks5h: { protocol: 'socks5', port: 1080, isLookingUp: true },
  socks6: { protocol: 'socks6', port: 1080, isLookingUp: false },
  socks6h: { protocol: 'socks6', port: 1080, isLookingUp: true },
  http: { protocol: 'http', port: 80, isLookingUp: true },
};

const form =
  /^(?:([a-z0-9]+):\/\/)?(?:([^:@/]*)(?::([^@/]*))?@)?(\[[^\]]*\](?::\d+)?|[^@/?#]*)\/?(?:\?version=(\d{1,3}))?$/;
/** Letters and digits of any script, which look-ups turn into what DNS has. */
const nameForm = /^[\p{L}\p{M}\p{N}_.-]{1,255}$/u;
/** What a user name over HTTP cannot have (RFC 7617 §2). */
const COLON = 0x3a;

/**
 * Reads one proxy, or several one behind the other, nearest first, with commas between them. Without a scheme it is a
 * converter; with `isSchemeNeeded` it is none. Throws `ERR_SUBFLOW_BAD_PROXY`, whose message does not repeat a password.
 */
export function parseHops(text: string, isSchemeNeeded = false): Hop[] {
  if (isSchemeNeeded && text.split(',').some((part) => !part.includes('://')))
    throw badProxy(`'${withoutSecrets(text)}' is no URL of a proxy`);
  const hops = text.split(',').map((part) => parseHop(part.trim()));
  if (hops.length > MAX_HOPS) throw badProxy(`${hops.length} proxies; ${MAX_HOPS} is the most`);
  return hops;
}

function parseHop(text: string): Hop {
  const [, scheme = 'converter', user, password, written = '', version] = form.exec(text) ?? [];
  const kind = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  const place = kind === undefined ? undefined : parsePlace(written, kind.port);
  if (kind === undefined || place === undefined) throw badProxy(`'${withoutSecrets(text)}' is no proxy`);
  const { protocol, isLookingUp } = kind;
  const credentials = user === undefined ? undefined : credentialsOf(user, password ?? '');
  if (credentials !== undefined && protocol === 'converter') throw badProxy('a converter asks for no user');
  if (credentials?.user.includes(COLON) === true && protocol === 'http')
    throw badProxy('a user name with a colon cannot be told over HTTP');
  return { ...place, protocol, isLookingUp, credentials, version: versionOf(version, protocol) };
}

/** Reads `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`, or the same without a port; undefined for what is none of them. */
export function parsePlace(
  text: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } | undefined {
  const [, v6, name = '', digits] = /^(?:\[(.*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isHost = v6 === undefined ? nameForm.test(name) : IpAddress.parse(v6)?.family === 6;
  const port = digits === undefined ? defaultPort : Number(digits);
  return isHost && port > 0 && port <= 65_535 ? { host: v6 ?? name, port } : undefined;
}

function credentialsOf(user: string, password: string): SocksPassword {
  try {
    const [name, secret] = [user, password].map((part) => Buffer.from(decodeURIComponent(part)));
    if (name!.length > 0 && name!.length <= 255 && secret!.length > 0 && secret!.length <= 255)
      return { user: Uint8Array.from(name!), password: Uint8Array.from(secret!) };
  } catch {
    // No percent-encoding: told below.
  }
  throw badProxy('user and password are 1 to 255 bytes each, percent-encoded');
}

function versionOf(digits: string | undefined, protocol: HopProtocol): number {
  const version = digits === undefined ? SOCKS6_VERSION : Number(digits);
  if ((digits === undefined || protocol === 'socks6') && version > 5 && version <= 255) return version;
  throw badProxy(`${version} cannot be a version byte here`);
}

/** The place of a hop, without its secrets: `socks5://192.0.2.1:1080`. */
export function formatHop({ protocol, host, port }: Hop): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function withoutSecrets(text: string): string {
  // Up to the last @ of each: whoever forgot to encode one in a password has the rest of it before that.
  const parts = text.split(',').map((part) => part.replace(/(?<=\/\/|^).*@/s, '***@'));
  return parts.join(',').slice(0, 200);
}

function badProxy(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_PROXY', message, {
    hint: 'Write it like socks5://192.0.2.1:1080, socks6h://[2001:db8::1]:1080, http://user:password@proxy.example:3128 or converter://192.0.2.1:5124.',
  });
}
