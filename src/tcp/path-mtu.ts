import { MINUTE, NEVER, SECOND } from '../base/index.js';

/**
 * What size of segment the path carries: by what routers say (RFC 1191, RFC 8201) and, where they are silent, by what
 * never arrives (RFC 4821 §7.7, RFC 8899 §4.3). Sizes are MSS-like: bytes behind the base IP and TCP headers, TCP
 * options included.
 *
 * Silence may as well mean that the path was down for a while. So a size that was lowered by a guess is tried again
 * with one segment of the old size soon after the path carries something, and rarely after that.
 */

/** Headers of IPv6 and TCP: what tells the two families apart here. */
const IPV6_HEADER_BYTES = 60;
/** No IPv6 path has a smaller MTU (RFC 8201 §4). */
const IPV6_MIN_MTU = 1280;
/** Smallest MTU believed over IPv4: routers that really carry less are extinct, forgers are not (RFC 5927 §7.2). */
const IPV4_MIN_MTU = 552;
/** MTUs that were ever common (RFC 1191 §7.1), for routers that do not say theirs and for searching downwards. */
const PLATEAUS = [32000, 17914, 9000, 8166, 4352, 2002, 1492, 1400, 1280, 1006, 552];
/** The first guess from a path of Ethernet's size or more: fits every tunnel that is in use (RFC 8899 §5.1.2). */
const FIRST_GUESS_BELOW = 1400;
/** Time of traffic after a guess until the old size is tried. */
const FIRST_TRY_NS = SECOND;
/** Time until it is tried again (RFC 8899 §5.1.1, PMTU_RAISE_TIMER). */
const NEXT_TRY_NS = 10 * MINUTE;

export class PathMtu {
  /** Largest segment to send now. */
  segmentBytes: number;
  /** Base IP and TCP headers. */
  readonly headerBytes: number;
  /** Size that the path had before silence made it smaller; what a try may carry. */
  private triedBytes = 0;
  /** Timeouts in a row of a segment that could be smaller. */
  private timeouts = 0;
  /** When the old size may be tried; `NEVER` while the size is no guess. */
  private tryAt = NEVER;
  /** Stream offsets of the segment that tries the old size; -1: none is on its way. */
  private tryStart = -1;
  private tryEnd = -1;

  constructor(segmentBytes: number, headerBytes: number) {
    this.segmentBytes = segmentBytes;
    this.headerBytes = headerBytes;
  }

  /** MTU of the path as believed now, from the IP header on. */
  get mtu(): number {
    return this.segmentBytes + this.headerBytes;
  }

  /**
   * A router said that `mtu` is the most its next link carries; 0: it did not say. Returns whether segments became
   * smaller. Never raises the size: a larger MTU in a message about a packet too big is nonsense.
   */
  onTooBig(mtu: number): boolean {
    const believed = Math.max(this.floorMtu, mtu > 0 ? mtu : nextPlateau(this.mtu));
    if (believed < this.triedBytes + this.headerBytes) this.abandonTry(NEVER);
    return this.lower(believed);
  }

  /**
   * The retransmission timer fired at `now` for a segment of `wireBytes` (counted as `segmentBytes`). After `limit`
   * times in a row of one that could be smaller, the size goes down a plateau. Returns whether it did.
   */
  onTimeout(now: number, wireBytes: number, limit: number): boolean {
    if (wireBytes + this.headerBytes <= this.floorMtu) return false;
    this.timeouts++;
    if (this.timeouts < limit) return false;
    this.timeouts = 0;
    const before = this.segmentBytes;
    const above = this.mtu > FIRST_GUESS_BELOW ? FIRST_GUESS_BELOW : this.mtu;
    if (!this.lower(Math.max(this.floorMtu, nextPlateau(above)))) return false;
    this.triedBytes = Math.max(this.triedBytes, before);
    this.abandonTry(now + FIRST_TRY_NS);
    return true;
  }

  /** Everything before `sndUna` is acknowledged: the path carries segments. Returns whether they may be larger again. */
  onProgress(sndUna: number): boolean {
    this.timeouts = 0;
    if (this.tryEnd < 0 || sndUna < this.tryEnd) return false;
    this.segmentBytes = this.triedBytes;
    this.triedBytes = 0;
    this.abandonTry(NEVER);
    return true;
  }

  /** Size of segment to try now; 0: none. */
  sizeToTry(now: number): number {
    return now >= this.tryAt ? this.triedBytes : 0;
  }

  /** A segment of that size left, from offset `start` to `end`. */
  onTried(start: number, end: number): void {
    this.tryAt = NEVER;
    this.tryStart = start;
    this.tryEnd = end;
  }

  /** What stands at `offset` is sent again: if it is the segment that tried, it did not arrive. */
  onRetransmission(now: number, offset: number): void {
    if (this.tryEnd >= 0 && offset >= this.tryStart && offset < this.tryEnd)
      this.abandonTry(now + NEXT_TRY_NS);
  }

  private abandonTry(nextAt: number): void {
    this.tryAt = nextAt;
    this.tryStart = -1;
    this.tryEnd = -1;
  }

  private lower(mtu: number): boolean {
    const bytes = mtu - this.headerBytes;
    if (bytes >= this.segmentBytes) return false;
    this.segmentBytes = bytes;
    return true;
  }

  private get floorMtu(): number {
    return this.headerBytes >= IPV6_HEADER_BYTES ? IPV6_MIN_MTU : IPV4_MIN_MTU;
  }
}

/** The largest plateau below `mtu`. */
function nextPlateau(mtu: number): number {
  for (const plateau of PLATEAUS) if (plateau < mtu) return plateau;
  return PLATEAUS[PLATEAUS.length - 1]!;
}
