/**
 * Cookies of a converter: they show that a client receives what is sent to its address. Nothing is kept per client: a
 * cookie is a keyed hash of the address and of the time. Read first: RFC 8803 §6.2.7, RFC 7413 §4.1.2.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { randomFill, SECOND, type RandomSource } from '../base/index.js';
import { constantTimeEqual, type IpAddress, writeU32 } from '../wire/index.js';

/** Length of a cookie: too many to guess, and little beside what a SYN may carry. */
export const COOKIE_BYTES = 16;
/** Time for which cookies are the same, in ns; one is taken for as long again after that. */
export const COOKIE_PERIOD_NS = 3600 * SECOND;
const SECRET_BYTES = 32;

export class ConvertCookies {
  /** Known to nobody else, and gone with the program: clients then get another cookie. */
  private readonly secret: Uint8Array;

  constructor(random: RandomSource) {
    this.secret = randomFill(random, new Uint8Array(SECRET_BYTES));
  }

  /** The cookie of `client` at `now`, in ns. */
  issue(now: number, client: IpAddress): Uint8Array {
    return this.cookieOf(Math.floor(now / COOKIE_PERIOD_NS), client);
  }

  /** Whether `client` was given `cookie` in this period or the one before. */
  isValid(now: number, client: IpAddress, cookie: Uint8Array): boolean {
    if (cookie.length !== COOKIE_BYTES) return false;
    const period = Math.floor(now / COOKIE_PERIOD_NS);
    // Both, always: how long it takes says nothing of which one it might be.
    const isCurrent = constantTimeEqual(this.cookieOf(period, client), cookie);
    const isFormer = constantTimeEqual(this.cookieOf(period - 1, client), cookie);
    return isCurrent || isFormer;
  }

  private cookieOf(period: number, client: IpAddress): Uint8Array {
    const text = new Uint8Array(12 + client.byteLength);
    writeU32(text, 0, client.family);
    writeU32(text, 4, Math.floor(period / 0x1_0000_0000));
    writeU32(text, 8, period);
    client.writeTo(text, 12);
    return hmac(sha256, this.secret, text).subarray(0, COOKIE_BYTES);
  }
}
