/**
 * SYN cookies: when a listener has as many half-open connections as it may, it answers SYNs with a sequence number from
 * which the connection can be made later, and keeps nothing (RFC 4987 §3.6). What such a connection loses: Multipath
 * TCP, window scaling, SACK and timestamps, and an MSS other than those of the table. So it is the last resort, and an
 * acknowledgment is only taken for an answer to a cookie while cookies went out not long ago.
 *
 * The number: 5 bits of a clock of 64 s, 3 bits for the MSS, 24 bits of a keyed hash, to which the peer's sequence
 * number is added, so that the result grows with it (D. J. Bernstein, 1996).
 */
import {
  randomSipKey,
  SECOND,
  seq32,
  sipHash,
  type RandomSource,
  type Seq32,
  type SipKey,
} from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { addressWords } from './address-words.js';

/** One tick of the cookie's clock. */
const TICK_NS = 64 * SECOND;
/** Ticks after which a cookie is void. */
const LIFE_TICKS = 2;
/** The MSS values a cookie can name, rising; common ones of paths with and without tunnels. */
const MSS_TABLE = [216, 536, 1220, 1300, 1360, 1400, 1440, 1460] as const;

/** How long after its last cookie a listener still takes acknowledgments for answers to one. */
export const COOKIE_LIFE_NS = TICK_NS * LIFE_TICKS;

/** A four-tuple, and the peer's initial sequence number. */
export interface CookieSubject {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly ports: number;
  readonly peerSequence: Seq32;
}

export class SynCookies {
  private readonly key: SipKey;

  constructor(random: RandomSource) {
    this.key = randomSipKey(random);
  }

  /** The initial sequence number that answers a SYN which announced `mss` (0: none). */
  make(now: number, subject: CookieSubject, mss: number): Seq32 {
    let index = MSS_TABLE.length - 1;
    while (index > 0 && MSS_TABLE[index]! > (mss === 0 ? 536 : mss)) index--;
    return this.cookie(Math.floor(now / TICK_NS), subject, index);
  }

  /** The MSS that the peer announced, if `cookie` was made for it not long ago; undefined otherwise. */
  check(now: number, subject: CookieSubject, cookie: Seq32): number | undefined {
    const plain = (cookie - subject.peerSequence) >>> 0;
    const index = (plain >>> 24) & 7;
    const tick = Math.floor(now / TICK_NS);
    for (let age = 0; age <= LIFE_TICKS && age <= tick; age++) {
      if (this.cookie(tick - age, subject, index) === cookie) return MSS_TABLE[index];
    }
    return undefined;
  }

  private cookie(tick: number, subject: CookieSubject, index: number): Seq32 {
    const { local, remote, ports, peerSequence } = subject;
    const words = addressWords(local, remote, ports, peerSequence, tick, index);
    const hash = sipHash(this.key, words).lo & 0xff_ffff;
    return seq32((((tick & 31) << 27) | (index << 24) | hash) + peerSequence);
  }
}
