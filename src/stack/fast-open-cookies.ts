/**
 * Fast Open cookies of a server: a keyed hash of both addresses, so that nothing is kept for a client and only who can
 * receive at an address can have its cookie. The key changes with time; what the one before made is good for as long
 * again. Knows no limits and no listeners. Read first: RFC 7413 §4.1.2 and §5.
 */
import { randomSipKey, sipHash, type RandomSource, type SipKey } from '../base/index.js';
import { constantTimeEqual, writeU32, type IpAddress } from '../wire/index.js';
import { addressWords } from './address-words.js';

/**
 * Bytes of a cookie. RFC 7413 §4.1.1 allows 4 to 16; with 8 the SYN has room for it beside MP_CAPABLE of version 1 and
 * timestamps, and guessing one takes 2^63 SYNs.
 */
export const FAST_OPEN_COOKIE_BYTES = 8;

export class FastOpenCookies {
  private readonly random: RandomSource;
  private readonly keyLifeNs: number;
  private key: SipKey;
  /** The key before; undefined while there was none. */
  private previousKey: SipKey | undefined = undefined;
  /** When the key is to change, in ns. */
  private changesAt: number;

  constructor(now: number, random: RandomSource, keyLifeNs: number) {
    this.random = random;
    this.keyLifeNs = keyLifeNs;
    this.key = randomSipKey(random);
    this.changesAt = now + keyLifeNs;
  }

  /** The cookie of the client at `remote`. */
  make(now: number, local: IpAddress, remote: IpAddress): Uint8Array {
    this.refresh(now);
    return cookieOf(this.key, local, remote);
  }

  /** Whether the `length` bytes at `offset` are the cookie of the client at `remote`: by this key, the one before, or not. */
  check(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): 'current' | 'previous' | 'wrong' {
    this.refresh(now);
    if (length !== FAST_OPEN_COOKIE_BYTES) return 'wrong';
    const cookie = bytes.subarray(offset, offset + length);
    // In constant time: how long it takes says nothing of how much of a guess was right.
    if (constantTimeEqual(cookieOf(this.key, local, remote), cookie)) return 'current';
    if (this.previousKey === undefined) return 'wrong';
    return constantTimeEqual(cookieOf(this.previousKey, local, remote), cookie) ? 'previous' : 'wrong';
  }

  /** Takes a new key now; cookies of the one that was in use stay good for its lifetime. */
  rotate(now: number): void {
    this.previousKey = this.key;
    this.key = randomSipKey(this.random);
    this.changesAt = now + this.keyLifeNs;
  }

  private refresh(now: number): void {
    if (now < this.changesAt) return;
    const isLongAgo = now >= this.changesAt + this.keyLifeNs;
    this.rotate(now);
    if (isLongAgo) this.previousKey = undefined;
  }
}

function cookieOf(key: SipKey, local: IpAddress, remote: IpAddress): Uint8Array {
  const { hi, lo } = sipHash(key, addressWords(local, remote));
  const cookie = new Uint8Array(FAST_OPEN_COOKIE_BYTES);
  writeU32(cookie, 0, hi);
  writeU32(cookie, 4, lo);
  return cookie;
}
