/**
 * The aggregation bound of the kernel's own test (tools/testing/selftests/net/mptcp/simult_flows.sh), in virtual time, in
 * both directions and with every scheduler and congestion control there is. Coupled ones may take no more than one
 * TCP connection where subflows share a bottleneck (RFC 6356 §2.1), and here they do not: all have to keep the bound. One
 * scheduler is not made to aggregate, as its source says, and has that of the better path.
 */

import { describe, expect, it } from 'vitest';
import {
  boundMs,
  boundOf,
  type FlowsTrial,
  LARGE_BYTES,
  pathPairs,
  runFlows,
} from '../../src/experiments/simult-flows/world.js';
import { schedulers } from '../../src/mptcp/index.js';
import { congestionControls } from '../../src/tcp/index.js';

/** Schedulers with CUBIC in both directions; congestion controls with the default scheduler, one way. */
const algorithms: readonly Pick<FlowsTrial, 'scheduler' | 'congestion' | 'direction'>[] = [
  ...Object.keys(schedulers).flatMap((scheduler) =>
    (['upload', 'download'] as const).map((direction) => ({ scheduler, congestion: 'cubic', direction })),
  ),
  ...Object.keys(congestionControls).map((congestion) => ({
    ...{ scheduler: 'lowest-rtt', congestion, direction: 'upload' as const },
  })),
];

describe('simult_flows', () => {
  it('has the bounds that the kernel computes', () => {
    expect(boundMs([10, 10])).toBe(7906);
    expect(boundMs([10, 3])).toBe(11_921);
  });

  describe.each(algorithms)('$direction with $scheduler and $congestion', (chosen) => {
    it.each(pathPairs)('keeps the bound at $rates Mbit/s with delays $delaysMs ms', (pair) => {
      const trial = { ...chosen, ...pair, seed: 1 };
      const { isWhole, tookMs, pathBytes } = runFlows(trial);
      expect(isWhole).toBe(true);
      expect(tookMs).toBeLessThan(boundOf(trial));
      // Both paths are in use, whatever goes over them.
      expect(Math.min(...pathBytes)).toBeGreaterThan(LARGE_BYTES / 10);
    });
  });
});
