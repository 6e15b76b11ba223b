/**
 * What a client remembers of converters and servers between connections: cookies, servers that speak Multipath TCP
 * themselves, and converters that are to be left alone for a while. Bounded: the oldest entry makes way.
 * Read first: RFC 8803 §5.1 (bypass), §6.2.7 (cookies), §6.2.8 (codes 64 and 65), §8 (boxes that interfere).
 */
import { SECOND } from '../base/index.js';
import type { ConvertAnswer } from './client.js';
import { retrySeconds } from './errors.js';
import { ConvertErrorCode } from './tlv.js';

/** How long a server is taken to speak Multipath TCP, in ns: servers change, and so do paths to them. */
export const BYPASS_NS = 600 * SECOND;
/** How long a converter is left alone that gave no valid answer, in ns (RFC 8803 §8: boxes on the path). */
export const INTERFERENCE_NS = 600 * SECOND;
/** Servers, and converters, that are remembered. */
export const MAX_REMEMBERED = 4096;

interface Converter {
  /** What it gave, to be given back; undefined: nothing. */
  cookie: Uint8Array | undefined;
  /** Instant in ns before which it is left alone. */
  restUntil: number;
}

/** A request that was made; both ends are `address:port`. */
export interface ConvertAttempt {
  readonly converter: string;
  readonly server: string;
  /** The cookie that went with it. */
  readonly cookie: Uint8Array | undefined;
}

/** What to do about a connection to a server. */
export type ConvertChoice =
  | { readonly way: 'converter'; readonly cookie: Uint8Array | undefined }
  /** The server speaks Multipath TCP, or the converter cannot help at present. */
  | { readonly way: 'direct'; readonly reason: 'server-is-multipath' | 'converter-rests' };

export class ConverterMemory {
  private readonly converters = new Map<string, Converter>();
  /** When what is known of a server is forgotten, in ns, by `address:port`. */
  private readonly bypass = new Map<string, number>();

  /** Which way to go; both are `address:port`, `now` in ns. */
  choose(now: number, converter: string, server: string): ConvertChoice {
    const until = this.bypass.get(server);
    if (until !== undefined) {
      if (now < until) return { way: 'direct', reason: 'server-is-multipath' };
      this.bypass.delete(server);
    }
    const known = this.converters.get(converter);
    if (known !== undefined && now < known.restUntil) return { way: 'direct', reason: 'converter-rests' };
    return { way: 'converter', cookie: known?.cookie };
  }

  /**
   * Takes note of an answer to a request with `cookie`; true where the same connection may be tried once more at once: with
   * a cookie where there was none, or to ask for one where that there was is not taken any more.
   */
  note(now: number, { converter, server, cookie }: ConvertAttempt, answer: ConvertAnswer): boolean {
    if (answer.kind === 'connected') {
      if (answer.isServerMultipath === true) remember(this.bypass, server, now + BYPASS_NS);
      return false;
    }
    const known = this.converters.get(converter) ?? { cookie: undefined, restUntil: 0 };
    remember(this.converters, converter, known);
    if (answer.kind === 'invalid') {
      known.restUntil = now + INTERFERENCE_NS;
      return false;
    }
    const { error } = answer;
    if (error.code === ConvertErrorCode.MISSING_COOKIE && error.value.length > 1) {
      // The first byte is zero, the cookie follows (RFC 8803 §6.2.8).
      known.cookie = error.value.slice(1);
      return cookie === undefined;
    }
    if (error.code === ConvertErrorCode.NOT_AUTHORIZED) {
      known.cookie = undefined;
      return cookie !== undefined;
    }
    known.restUntil = now + retrySeconds(error) * SECOND;
    return false;
  }

  /** A direct connection to a server that was to be Multipath TCP, and is not. */
  forgetServer(server: string): void {
    this.bypass.delete(server);
  }
}

/** Puts the entry last, and takes the first away where there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
