import { describe, expect, it } from 'vitest';
import { MINUTE } from '../base/index.js';
import { encapsulationBytes } from './encapsulation.js';
import { type DesignName, designNames } from './designs.js';
import {
  checkFlowSimulation,
  FlowSimulation,
  type FlowSimulationOptions,
  simulateFlows,
} from './flow-simulation.js';
import type { FlowSimulationRow } from './flow-simulation-row.js';
import type { ScenarioEvent } from './flow-simulation-scenario.js';

const run = (design: DesignName, options: Partial<FlowSimulationOptions> = {}): FlowSimulationRow =>
  simulateFlows({ design, connections: 5000, seed: 1, ...options });
const events = (...kinds: ScenarioEvent['kind'][]): readonly ScenarioEvent[] =>
  kinds.map((kind) => ({ kind }));

/** Whether `count` of `trials` may be chance at `share`: within five standard deviations. */
function expectShare(count: number, trials: number, share: number): void {
  const deviation = Math.sqrt(trials * share * (1 - share));
  expect(Math.abs(count - trials * share)).toBeLessThan(5 * deviation + 1);
}

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
    expect(row.bytesPerConnection).toBe(37 + 52);
  });

  it('keeps an entry of 52 bytes for each subflow with stateful', () => {
    expect(run('stateful', { joins: 3 }).bytesPerConnection).toBe(4 * 52);
  });

  it('sends packets round by former servers with beamer only', () => {
    for (const design of designNames) {
      const { detours } = run(design, { connections: 2000 });
      if (design === 'beamer') expect(detours).toBeGreaterThan(100);
      else expect(detours).toBe(0);
    }
  });

  it('gives the same by the same seed, and something else by another', () => {
    expect(run('maglev')).toEqual(run('maglev'));
    expect(run('maglev', { seed: 2 })).not.toEqual(run('maglev'));
  });

  it('gives the same in parts as in one, and says how far it is', () => {
    const simulation = new FlowSimulation({ design: 'token-map', connections: 3000, seed: 4, balancers: 2 });
    let before = 0;
    while (simulation.advance(777)) {
      expect(simulation.progress).toBeGreaterThan(before);
      before = simulation.progress;
    }
    expect(simulation.progress).toBe(1);
    expect(simulation.row()).toEqual(run('token-map', { connections: 3000, seed: 4, balancers: 2 }));
  });

  it('hits the server that is named', () => {
    const { events: done } = run('maglev', { servers: 3, events: [{ kind: 'kill', server: 2 }] });
    expect(done[1]!.event).toBe('kill@2');
  });

  it('tells what each event did', () => {
    const row = run('stateless');
    expect(row.events.map(({ event }) => event)).toEqual(['start', 'add', 'drain', 'kill', 'remove']);
    const sum = row.events.reduce((total, { brokenJoins }) => total + brokenJoins, 0);
    // Joins whose server died later are no longer counted in the end.
    expect(sum).toBeGreaterThan(row.brokenJoins);
  });
});

describe('closed formulas', () => {
  const connections = 40_000;

  it.each(['stateful', 'stateless', 'maglev'] as const)(
    'joins by chance break in (n - 1) of n cases with %s',
    (design) => {
      for (const servers of [2, 10, 40]) {
        const { brokenJoins } = run(design, { connections, servers, events: [] });
        expectShare(brokenJoins, connections, (servers - 1) / servers);
      }
    },
  );

  it('stateless moves half of all flows when one server comes to n, whatever n', () => {
    for (const servers of [4, 30]) {
      const { brokenConnections } = run('stateless', {
        connections,
        servers,
        events: events('add'),
        joins: 0,
      });
      // Border i of n shifts by i / (n (n + 1)): together n (n + 1) / 2 of those.
      expectShare(brokenConnections, connections, 1 / 2);
    }
  });

  it('maglev moves little more than the 1 of n + 1 that must move when a server comes', () => {
    for (const servers of [4, 30]) {
      const row = run('maglev', { connections, servers, events: events('add'), joins: 0 });
      const share = row.brokenConnections / connections;
      expect(share).toBeGreaterThan(0.9 / (servers + 1));
      expect(share).toBeLessThan(1.35 / (servers + 1));
    }
  });

  it('two servers draw one token n^2 / 2^33 times, less those of the same server', () => {
    const n = 300_000;
    const { tokenCollisions } = run('token-map', { connections: n, events: [] });
    const expected = (n ** 2 / 2 ** 33) * (9 / 10);
    expect(Math.abs(tokenCollisions - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it('a balancer that missed a share of the tokens loses that share of the joins that come to it', () => {
    const options = { connections, balancers: 2, missedTokens: 0.3, events: [] };
    const row = run('token-map', options);
    expectShare(row.tokensMissed, connections, 0.3);
    expect(row.tokensMissed + row.tokensShared).toBe(connections - row.tokenCollisions);
    // Every other join comes to the balancer that learned the token itself.
    expectShare(row.brokenJoins, connections, 0.3 / 2);
  });

  it('servers have connections in proportion to their weights', () => {
    const even = run('maglev', { connections, weights: [1, 2, 3] });
    expect(even.busiestShare).toBeLessThan(1.1);
    // A server's share of n is binomial: its deviation from the mean is sqrt((k - 1) / n).
    const { variation, busiestShare } = run('maglev', { connections });
    expect(variation).toBeLessThan(2 * Math.sqrt(9 / connections));
    expect(busiestShare).toBeGreaterThan(1);
  });

  it('beamer encapsulates every packet once, and once more for a detour', () => {
    const { encapsulationBytesPerPacket, packets, detours } = run('beamer');
    expect(encapsulationBytesPerPacket).toBeCloseTo(encapsulationBytes(4) * (1 + detours / packets), 9);
  });
});

describe('routes that flap between balancers', () => {
  const flapping = { balancers: 4, routeFlaps: 3, connections: 10_000 };

  it.each(['key-select', 'direct-address', 'beamer'] as const)('break nothing with %s', (design) => {
    expect(run(design, flapping)).toMatchObject({ brokenConnections: 0, brokenJoins: 0 });
  });

  it('break with stateful what the hash has moved since, and with token-map the joins too', () => {
    expect(run('stateful', flapping).brokenConnections).toBeGreaterThan(500);
    // A balancer that has no entry for a join sends it where the hash says: to another of ten servers, nine times of ten.
    const { events: done } = run('token-map', { ...flapping, events: [], routeFlaps: 1 });
    expectShare(done[1]!.brokenJoins, 10_000, (3 / 4) * (9 / 10));
  });

  it('do no harm to a plain hash, which all balancers share', () => {
    const without = run('maglev', { balancers: 4 });
    const { brokenConnections, brokenJoins } = run('maglev', { balancers: 4, routeFlaps: 3 });
    expect({ brokenConnections, brokenJoins }).toEqual({
      brokenConnections: without.brokenConnections,
      brokenJoins: without.brokenJoins,
    });
  });

  it('and a balancer that is lost, do the same: the rest takes its flows over', () => {
    const options = { balancers: 2, events: events('drain', 'lose') };
    expect(run('beamer', options)).toMatchObject({ brokenConnections: 0, brokenJoins: 0 });
    expect(run('stateful', options).brokenConnections).toBeGreaterThan(100);
  });
});

describe('balancers that begin anew', () => {
  const restarted = { events: events('add', 'drain', 'restart') };

  it.each(['key-select', 'direct-address', 'beamer'] as const)('break nothing with %s', (design) => {
    expect(run(design, restarted)).toMatchObject({ brokenConnections: 0, brokenJoins: 0 });
  });

  it('have lost the flows with stateful and the joins with token-map, but not the tokens', () => {
    expect(run('stateful', restarted).brokenConnections).toBeGreaterThan(300);
    const { events: done } = run('token-map', { events: events('restart') });
    expectShare(done[1]!.brokenJoins, 5000, 9 / 10);
  });
});

describe('time between events', () => {
  it('ends the memory of former servers with beamer: connections without a join break after it', () => {
    const moved = { joins: 0, events: events('add', 'add') };
    expect(run('beamer', moved).brokenConnections).toBe(0);
    expect(run('beamer', { ...moved, intervalNs: 5 * MINUTE }).brokenConnections).toBeGreaterThan(200);
  });

  it('ends idle entries with stateful', () => {
    const moved = { joins: 0, events: events('drain', 'flap'), balancers: 2 };
    const moment = run('stateful', moved);
    const later = run('stateful', { ...moved, intervalNs: 20 * MINUTE });
    expect(later.brokenConnections).toBeGreaterThan(moment.brokenConnections);
  });
});

describe('misuse', () => {
  it.each<[string, Partial<FlowSimulationOptions>]>([
    ['no connections', { connections: 0 }],
    ['part of a connection', { connections: 1.5 }],
    ['too many connections', { connections: 10_000_001 }],
    ['too many joins', { joins: 8 }],
    ['too many subflows', { connections: 10_000_000, joins: 3 }],
    ['no servers', { servers: 0 }],
    ['too many servers', { servers: 256 }],
    ['a server too many', { servers: 255, events: events('add') }],
    ['a weight of nothing', { weights: [0] }],
    ['no weights', { weights: [] }],
    ['too many balancers', { balancers: 9 }],
    ['a flap of one balancer', { routeFlaps: 1 }],
    ['the last balancer lost', { events: events('lose') }],
    ['a server that is not there killed', { events: [{ kind: 'kill', server: 11 }] }],
    [
      'a server that drains drained',
      {
        events: [
          { kind: 'drain', server: 1 },
          { kind: 'drain', server: 1 },
        ],
      },
    ],
    ['the last server dead', { servers: 1, events: events('kill') }],
    ['more than all tokens missed', { missedTokens: 1.1 }],
    ['no time between events', { intervalNs: 0 }],
    ['too many events', { events: new Array<ScenarioEvent>(65).fill({ kind: 'add' }) }],
    ['nothing to add', { events: [{ kind: 'add', count: 0 }] }],
  ])('%s is refused', (_what, options) => {
    expect(() => run('beamer', options)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_ARGUMENT' }));
  });

  it('is told by the check beforehand exactly where the simulation refuses it, whoever the seed hits first', () => {
    const code = (action: () => unknown): unknown => {
      try {
        action();
        return undefined;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    const told = Array.from({ length: 20 }, (_, seed) => {
      const options: FlowSimulationOptions = {
        ...{ design: 'beamer', connections: 1, seed, servers: 4 },
        events: [{ kind: 'kill' }, { kind: 'drain', server: 2 }],
      };
      const checked = code(() => checkFlowSimulation(options));
      expect(checked).toBe(code(() => new FlowSimulation(options)));
      return checked;
    });
    expect(new Set(told)).toEqual(new Set([undefined, 'ERR_SUBFLOW_ARGUMENT']));
  });
});
