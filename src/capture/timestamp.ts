/**
 * Time stamps of pcapng: 64-bit counts of a unit that each interface chooses (draft-ietf-opsawg-pcapng §4.2,
 * if_tsresol and if_tsoffset). Units that are whole nanoseconds are divided 16 bits at a time, exactly and without
 * allocation; the rare others take a bigint.
 */
import { SECOND } from '../base/index.js';

/** The farthest instant a packet can have, in seconds either way: beyond it a count is nonsense and is cut to it. */
const FARTHEST_SECONDS = Number.MAX_SAFE_INTEGER;

/** How one interface counts time. */
export class TimestampUnit {
  /** Ticks in a second where a tick is whole nanoseconds, else 0. */
  private readonly fastTicks: number;
  /** Nanoseconds in a tick where that is whole, else 0. */
  private readonly tickNs: number;
  /** Ticks in a second where a tick is no whole nanoseconds, else 0. */
  private readonly exactTicks: bigint;
  /** Seconds to add to every stamp. */
  private readonly offsetSeconds: number;

  /**
   * `resolution` is the byte of if_tsresol: a negative power of 10, or of 2 with the top bit set. `offsetSeconds` is
   * if_tsoffset.
   */
  constructor(resolution: number, offsetSeconds: number) {
    const base = (resolution & 0x80) === 0 ? 10 : 2;
    const exponent = resolution & 0x7f;
    const ticks = base ** exponent;
    const isWhole = Number.isInteger(SECOND / ticks);
    this.fastTicks = isWhole ? ticks : 0;
    this.tickNs = isWhole ? SECOND / ticks : 0;
    this.exactTicks = isWhole ? 0n : BigInt(base) ** BigInt(exponent);
    this.offsetSeconds = offsetSeconds;
  }

  /** Puts the instant that the count (`hi`, `lo`) means into `target`, rounded down to a nanosecond. */
  convert(hi: number, lo: number, target: { seconds: number; nanoseconds: number }): void {
    const ticks = this.fastTicks;
    if (ticks === 0) {
      this.convertExactly(hi, lo, target);
      return;
    }
    // Long division: every remainder is below 10^9 (the first below 2^32), so it is exact with the next 16 bits.
    const first = (hi % ticks) * 0x1_0000 + (lo >>> 16);
    const second = (first % ticks) * 0x1_0000 + (lo & 0xffff);
    const quotient =
      Math.floor(hi / ticks) * 0x1_0000_0000 +
      Math.floor(first / ticks) * 0x1_0000 +
      Math.floor(second / ticks);
    target.seconds = clampSeconds(quotient + this.offsetSeconds);
    target.nanoseconds = (second % ticks) * this.tickNs;
  }

  private convertExactly(hi: number, lo: number, target: { seconds: number; nanoseconds: number }): void {
    const count = (BigInt(hi) << 32n) | BigInt(lo);
    const seconds = count / this.exactTicks;
    target.seconds = clampSeconds(Number(seconds) + this.offsetSeconds);
    const rest = count - seconds * this.exactTicks;
    target.nanoseconds = Number((rest * BigInt(SECOND)) / this.exactTicks);
  }
}

/** Seconds up to which {@link nanosecondCount} fits 64 bits: the year 2554. */
export const LAST_NANOSECOND_COUNT_SECONDS = 18_446_744_072;

/** The count of nanoseconds since 1970 as two halves, for seconds from 0 to the limit above. */
export function nanosecondCount(seconds: number, nanoseconds: number): { hi: number; lo: number } {
  const lowPart = (seconds % 0x1_0000) * SECOND + nanoseconds;
  const rest = Math.floor(seconds / 0x1_0000) * SECOND + Math.floor(lowPart / 0x1_0000);
  return {
    hi: Math.floor(rest / 0x1_0000),
    lo: (rest % 0x1_0000) * 0x1_0000 + (lowPart % 0x1_0000),
  };
}

function clampSeconds(seconds: number): number {
  return Math.min(Math.max(seconds, -FARTHEST_SECONDS), FARTHEST_SECONDS);
}
