/** Which designs bring every join to its server: 100 connections of clients with two addresses, four servers. */
import { describe, expect, it } from 'vitest';
import type { DesignName } from '../../src/balancer/index.js';
import { BalancedWorld, type BalancedWorldOptions } from '../../src/experiments/index.js';

function joinsOf(options: BalancedWorldOptions) {
  const world = new BalancedWorld(options);
  world.connectAll();
  const { joined, strayJoins, connections } = world;
  const open = connections.filter(({ socket }) => socket.state === 'open').length;
  return { world, joined, strayJoins, open };
}

describe('joins find their server', () => {
  const cases: [string, BalancedWorldOptions][] = [
    ['key-select', { design: 'key-select' }],
    ['key-select with version 0', { design: 'key-select', version: 0 }],
    ['key-select over IPv6', { design: 'key-select', family: 6 }],
    ['token-map', { design: 'token-map' }],
    ['token-map with version 0', { design: 'token-map', version: 0 }],
    ['token-map over IPv6', { design: 'token-map', family: 6 }],
    ['direct-address', { design: 'direct-address' }],
    ['direct-address by port', { design: 'direct-address', byPort: true }],
    ['direct-address over IPv6', { design: 'direct-address', family: 6 }],
    ['beamer', { design: 'beamer' }],
    ['beamer over IPv6', { design: 'beamer', family: 6 }],
  ];
  it.each(cases)('all 100 of them with %s', (_, options) => {
    const { joined, strayJoins, open } = joinsOf(options);
    expect({ open, joined, strayJoins }).toEqual({ open: 100, joined: 100, strayJoins: 0 });
  });

  it.each(['stateful', 'stateless', 'maglev'] satisfies DesignName[])(
    'only by chance, one in four, with %s',
    (design) => {
      const { joined, strayJoins, open } = joinsOf({ design });
      expect(open).toBe(100);
      // Within 3 s a join that went astray is tried once or twice more.
      expect(joined).toBeLessThan(75);
      expect(strayJoins).toBeGreaterThan(60);
    },
  );

  it.each(['direct-address', 'beamer'] satisfies DesignName[])(
    'with %s and version 0, which has no flag C, the announced way: others stray beside it',
    (design) => {
      const { joined, strayJoins } = joinsOf({ design, version: 0 });
      expect(joined).toBe(100);
      expect(strayJoins).toBeGreaterThan(60);
    },
  );

  it('with direct-address can leave the first subflow in reserve, so that all data goes past the balancer', () => {
    const { world } = joinsOf({ design: 'direct-address', bypassed: true });
    for (const { socket } of world.connections) {
      const initial = socket.connection.subflows.find(({ join }) => join === undefined)!;
      expect(initial.peerBackup).toBe(true);
    }
  });
});
