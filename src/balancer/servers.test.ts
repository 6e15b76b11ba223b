import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  server,
  serverFor,
  services,
  servers,
} from '../../test/support/balancer-packets.js';
import { SeededRandom } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { Balancer } from './balancer.js';
import type { DesignName } from './designs.js';
import { maxServers } from './servers.js';
import { maxServices } from './services.js';

describe('the list of servers', () => {
  it.each([
    ['a number of 0', [server(0)]],
    ['a number beyond the highest', [server(16_384)]],
    ['a number twice', [server(1), server(1)]],
    ['a weight of 0', [server(1, { weight: 0 })]],
    ['a weight beyond the highest', [server(1, { weight: 101 })]],
    ['two families', [server(1), server(2, {}, 6)]],
    ['no address of a host', [server(1, { address: IpAddress.parse('224.0.0.1')! })]],
    ['more than there may be', servers(maxServers + 1)],
  ])('with %s is an error', (_, list) => {
    expect(() => balancerOf('maglev', { servers: list })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
  });

  it('tells what changed, and forgets old changes rather than hold them all', () => {
    const balancer = balancerOf('maglev', { settings: { maxEvents: 2 } });
    balancer.setServers(0, [
      server(1),
      server(2, { state: 'draining' }),
      server(3, { state: 'gone' }),
      server(7),
    ]);
    expect(balancer.pollEvent()).toEqual({
      type: 'servers-changed',
      added: [7],
      gone: [3, 4],
      draining: [2],
    });
    for (let i = 0; i < 5; i++) balancer.setServers(0, servers(2));
    expect(
      [balancer.pollEvent(), balancer.pollEvent(), balancer.pollEvent()].map((event) => event?.type),
    ).toEqual(['servers-changed', 'servers-changed', undefined]);
    expect(balancer.counters.eventsDropped).toBe(3);
  });

  it.each(['stateless', 'maglev'] as const)(
    'gives new connections to those that are up only, with %s',
    (design) => {
      const balancer = balancerOf(design, { servers: [...servers(2), server(3, { state: 'draining' })] });
      const seen = new Set<number>();
      for (let port = 1024; port < 1224; port++) seen.add(serverFor(balancer, new ClientFlow(1, port).syn()));
      expect(seen).toEqual(new Set([1, 2]));
    },
  );
});

describe('hash ranges', () => {
  it('give by weight', () => {
    const balancer = balancerOf('stateless', { servers: [server(1), server(2, { weight: 3 })] });
    let second = 0;
    for (let port = 1; port <= 4000; port++)
      if (serverFor(balancer, new ClientFlow(1, port).data()) === 2) second++;
    expect(second / 4000).toBeCloseTo(0.75, 1);
  });
});

describe('a balancer', () => {
  it.each([
    ['no service', []],
    ['one service twice', [services[0]!, services[0]!]],
    ['a port that stands for a server', [{ ...services[0]!, port: 50_000 }]],
    ['no port', [{ ...services[0]!, port: 0 }]],
    [
      'too many services',
      Array.from({ length: maxServices + 1 }, (_, i) => ({ ...services[0]!, port: i + 1 })),
    ],
  ])('with %s is an error', (_, list) => {
    expect(() => balancerOf('maglev', { services: list })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVICE' }),
    );
  });

  it.each([
    { maxFlows: 0 },
    { maxFlows: 10, maxNewFlows: 11 },
    { maglevPlaces: 65_536 },
    { serverBits: 9 },
    { idleNs: 0 },
    { buckets: 2 ** 21 },
  ])('with the settings %j is an error', (settings) => {
    const whole = { maxNewFlows: 1, ...settings };
    expect(() => balancerOf('stateful', { settings: whole })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }),
    );
  });

  it('of an unknown design is an error that says which there are', () => {
    const options = { services, servers: servers(1), random: new SeededRandom(1) };
    expect(() => new Balancer(0, { ...options, design: 'round-robin' as DesignName })).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_UNKNOWN_NAME',
        hint: expect.stringContaining('beamer') as string,
      }),
    );
  });

  it('may do without ports that stand for servers', () => {
    const balancer = balancerOf('beamer', { joinPortBase: 0, services: [{ ...services[0]!, port: 50_000 }] });
    expect(serverFor(balancer, new ClientFlow(1, 40_000, 4, 50_000).syn())).toBeGreaterThan(0);
  });
});
