import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../base/index.js';
import { TargetWatch, type TargetPath } from './target-watch.js';

/** A path with 10,000 bytes in 20 ms, half of them in flight. */
const path: TargetPath = {
  ...{ id: 1, srttNs: 20 * MILLISECOND, windowBytes: 10_000, inFlightBytes: 5000, receivedBytes: 0 },
};

describe('a target', () => {
  it('is missed by what waits longer than the deadline at the rate of the window, and that counts for a while', () => {
    const watch = new TargetWatch({ deadlineNs: 500 * MILLISECOND }, 2 * SECOND);
    // 225,000 bytes in nine tenths of half a second.
    expect(watch.look(0, 220_000, path)).toBe(false);
    expect(watch.look(1, 221_000, path)).toBe(true);
    expect(watch.look(2 * SECOND, 0, path)).toBe(true);
    expect(watch.look(3 * SECOND, 0, path)).toBe(false);
    // What is on its way already waits for nothing.
    expect(watch.look(4 * SECOND, 0, { ...path, srttNs: SECOND })).toBe(false);
    expect(watch.look(4 * SECOND, 1 << 30, undefined)).toBe(false);
  });

  it('is missed by data that comes at less than the rate, over 200 ms at the least', () => {
    const watch = new TargetWatch({ rateBps: 8e6 }, SECOND);
    const at = (ms: number, receivedBytes: number, id = 1): boolean =>
      watch.look(ms * MILLISECOND, 0, { ...path, id, receivedBytes });
    expect([at(0, 0), at(200, 200_000), at(400, 399_000)]).toEqual([false, false, true]);
    // Nothing that came, and a look long after the last, say nothing.
    expect([at(1500, 400_000), at(1700, 400_000), at(5000, 400_001)]).toEqual([false, false, false]);
    // Nor does what came between two bursts, or on a path that took over.
    expect([at(5200, 700_001), at(5210, 700_002), at(5400, 900_001)]).toEqual([false, false, false]);
    expect([at(5600, 900_100, 2), at(5800, 1_200_000, 2)]).toEqual([false, false]);
  });
});
