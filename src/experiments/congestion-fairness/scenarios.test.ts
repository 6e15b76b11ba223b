import { describe, expect, it } from 'vitest';
import { SECOND } from '../../base/index.js';
import { congestionNamed } from '../../tcp/index.js';
import { scenarios } from './scenarios.js';

/** What connections of Multipath TCP with two subflows get through a bottleneck, over what TCP connections get there. */
function share(name: string): number {
  const shared = scenarios.find((scenario) => scenario.name === 'shared-bottleneck')!;
  return shared.run(congestionNamed(name), 1, 30 * SECOND).values[0]!;
}

describe('two subflows through one bottleneck', () => {
  it.each(['lia', 'olia', 'balia'])(
    'take about what one TCP connection does with %s (RFC 8684 §3.3.7)',
    (name) => {
      const ratio = share(name);
      expect(ratio).toBeLessThan(1.35);
      expect(ratio).toBeGreaterThan(0.6);
    },
  );

  it('take nearly twice as much where they are not coupled', () => {
    expect(share('new-reno')).toBeGreaterThan(1.5);
  });
});
