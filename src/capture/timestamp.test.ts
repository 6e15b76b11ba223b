import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAST_NANOSECOND_COUNT_SECONDS, TimestampUnit, nanosecondCount } from './timestamp.js';

/** The instant by exact arithmetic. */
function exactly(count: bigint, ticksPerSecond: bigint): { seconds: bigint; nanoseconds: bigint } {
  const seconds = count / ticksPerSecond;
  return { seconds, nanoseconds: ((count % ticksPerSecond) * 1_000_000_000n) / ticksPerSecond };
}

function convert(
  resolution: number,
  offsetSeconds: number,
  count: bigint,
): { seconds: number; nanoseconds: number } {
  const time = { seconds: 0, nanoseconds: 0 };
  const unit = new TimestampUnit(resolution, offsetSeconds);
  unit.convert(Number(count >> 32n), Number(count & 0xffff_ffffn), time);
  return time;
}

const anyCount = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_800_000_000_000_000_000n }),
  fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n),
);

describe('TimestampUnit', () => {
  it('reads every unit, decimal and binary, exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), anyCount, (resolution, count) => {
        const exponent = BigInt(resolution & 0x7f);
        const ticks = resolution < 128 ? 10n ** exponent : 2n ** exponent;
        const exact = exactly(count, ticks);
        const time = convert(resolution, 0, count);
        const seconds =
          exact.seconds > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : exact.seconds;
        expect(time).toEqual({ seconds: Number(seconds), nanoseconds: Number(exact.nanoseconds) });
      }),
      { numRuns: 2000 },
    );
  });

  it.each([0, 3, 6, 9, 12, 0x80, 0x89, 0x8a, 0xa0])('reads today in unit %i', (resolution) => {
    const ticks = resolution < 128 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
    const count = 1_795_231_904n * ticks + ticks / 4n;
    expect(convert(resolution, 0, count)).toEqual({
      seconds: 1_795_231_904,
      nanoseconds: Number(((ticks / 4n) * 1_000_000_000n) / ticks),
    });
  });

  it('adds the offset of the interface, whichever its sign', () => {
    expect(convert(9, 100, 1_500_000_000n)).toEqual({ seconds: 101, nanoseconds: 500_000_000 });
    expect(convert(9, -100, 1_500_000_000n)).toEqual({ seconds: -99, nanoseconds: 500_000_000 });
  });
});

describe('nanosecondCount', () => {
  it('comes back as the instant it was', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: LAST_NANOSECOND_COUNT_SECONDS }),
        fc.nat(999_999_999),
        (seconds, nanoseconds) => {
          const { hi, lo } = nanosecondCount(seconds, nanoseconds);
          expect((BigInt(hi) << 32n) | BigInt(lo)).toBe(
            BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
          );
        },
      ),
    );
    expect(nanosecondCount(LAST_NANOSECOND_COUNT_SECONDS, 999_999_999).hi).toBeLessThan(2 ** 32);
  });
});
