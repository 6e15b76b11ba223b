import { describe, expect, it } from 'vitest';
import { type DesignName, designNames } from './designs.js';
import { simulateFlows } from './flow-simulation.js';

const run = (design: DesignName, connections = 5000, seed = 1) =>
  simulateFlows({ design, connections, seed });

describe('a service simulated flow by flow', () => {
  it.each(['key-select', 'beamer', 'direct-address'] as const)(
    'breaks nothing with %s, and keeps nothing',
    (design) => {
      const row = run(design);
      expect(row).toMatchObject({
        design,
        connections: 5000,
        joins: 5000,
        brokenConnections: 0,
        brokenJoins: 0,
      });
      expect(row.bytesPerConnection).toBeLessThan(10);
    },
  );

  it('breaks no join with token-map, at the price of a table', () => {
    const row = run('token-map');
    expect(row).toMatchObject({ brokenConnections: 0, brokenJoins: 0 });
    expect(row.bytesPerConnection).toBeGreaterThan(80);
  });

  it.each(['stateful', 'stateless', 'maglev'] as const)(
    'loses nine of ten joins with %s, and more',
    (design) => {
      const { brokenJoins } = run(design);
      // A tenth of the servers is dead by the end, with the joins of its connections.
      expect(brokenJoins).toBeGreaterThan(3900);
    },
  );

  it('tells the plain designs apart by what breaks', () => {
    const broken = (design: DesignName): number => run(design).brokenConnections;
    expect(broken('stateful')).toBe(0);
    expect(broken('maglev')).toBeGreaterThan(0);
    expect(broken('stateless')).toBeGreaterThan(2 * broken('maglev'));
  });

  it('sends packets round by former servers with beamer only', () => {
    for (const design of designNames) {
      const { detours } = run(design, 2000);
      if (design === 'beamer') expect(detours).toBeGreaterThan(100);
      else expect(detours).toBe(0);
    }
  });

  it('gives the same by the same seed, and something else by another', () => {
    expect(run('maglev')).toEqual(run('maglev'));
    expect(run('maglev', 5000, 2)).not.toEqual(run('maglev'));
  });

  it.each([0, 1.5, 10_000_001])('does not take %d connections', (connections) => {
    expect(() => run('beamer', connections)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_ARGUMENT' }),
    );
  });
});
