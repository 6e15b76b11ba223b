/**
 * Servers that come, drain and die while 50 connections echo a message every 400 ms: how many connections break whose server
 * lives on. The designs that keep or derive where a connection is break none; the plain hashes are counted.
 */
import { describe, expect, it } from 'vitest';
import type { DesignName } from '../../src/balancer/index.js';
import { SECOND } from '../../src/base/index.js';
import { BalancedWorld, type BalancedWorldOptions } from '../../src/experiments/index.js';

/** Connections that broke after each step: a server came, one drained, one died, two came at once. */
function brokenBy(options: BalancedWorldOptions): number[] {
  const world = new BalancedWorld({ clients: 10, ...options });
  world.connectAll();
  const broken: number[] = [];
  const step = (change: () => void): void => {
    change();
    broken.push(world.countBroken() - broken.reduce((sum, each) => sum + each, 0));
  };
  step(() => world.setServer(5, 'up'));
  step(() => world.setServer(2, 'draining'));
  step(() => world.setServer(3, 'gone'));
  step(() => {
    world.setServer(6, 'up');
    world.setServer(7, 'up');
  });
  return broken;
}

describe('no connection to a server that lives on breaks when servers come, drain and die', () => {
  const cases: [string, BalancedWorldOptions][] = [
    ['stateful', { design: 'stateful' }],
    ['key-select', { design: 'key-select' }],
    ['key-select over IPv6, version 0', { design: 'key-select', family: 6, version: 0 }],
    ['direct-address', { design: 'direct-address' }],
    ['beamer', { design: 'beamer' }],
    ['beamer over IPv6', { design: 'beamer', family: 6 }],
  ];
  it.each(cases)('with %s', (_, options) => {
    expect(brokenBy(options)).toEqual([0, 0, 0, 0]);
  });
});

describe('connections break when servers come, drain and die', () => {
  it('with stateless, where most ranges shift', () => {
    const [added] = brokenBy({ design: 'stateless' });
    expect(added).toBeGreaterThan(8);
  });

  it('with maglev, where fewer flows move', () => {
    const [added] = brokenBy({ design: 'maglev' });
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThan(10);
  });

  it('seldom with token-map: a join that is in its table carries on alone', () => {
    const broken = brokenBy({ design: 'token-map' });
    expect(broken.reduce((sum, each) => sum + each, 0)).toBe(0);
  });
});

describe('beamer', () => {
  it('sends packets of moved buckets by their former server, and stops when it has its own', () => {
    const world = new BalancedWorld({ design: 'beamer', clients: 10 });
    world.connectAll();
    world.setServer(5, 'up');
    expect(world.countBroken()).toBe(0);
    expect(world.detours).toBeGreaterThan(10);
    expect(world.machine.counters.overheadBytes).toBeGreaterThan(0);
  });

  it('breaks no plain connections either, while the former server is asked', () => {
    const world = new BalancedWorld({ design: 'beamer', clients: 10 });
    world.connectAll();
    for (const { socket } of world.connections) {
      const now = world.simulator.now;
      for (const subflow of socket.connection.subflows)
        if (subflow.join !== undefined) socket.closeSubflow(now, subflow);
    }
    world.setServer(5, 'up');
    expect(world.countBroken(10 * SECOND)).toBe(0);
  });
});

describe('a balancer that takes over with what balancers tell each other, and without tables of flows', () => {
  const takeOver = (design: DesignName): number => {
    const world = new BalancedWorld({ design, clients: 10 });
    world.connectAll();
    world.setServer(4, 'draining');
    world.run(SECOND);
    world.takeOver();
    return world.countBroken();
  };

  it.each(['key-select', 'direct-address', 'beamer'] satisfies DesignName[])(
    'breaks nothing with %s',
    (design) => {
      expect(takeOver(design)).toBe(0);
    },
  );

  it('breaks connections with stateful', () => {
    expect(takeOver('stateful')).toBeGreaterThan(0);
  });
});
