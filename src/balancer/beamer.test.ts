import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  inWords,
  server,
  serverFor,
  servers,
} from '../../test/support/balancer-packets.js';
import { SECOND } from '../base/index.js';
import { CRC32_START, crc32End, crc32Half, crc32Word } from './crc32.js';
import { defaultJoinPortBase } from './services.js';
import { defaultSteeringSettings } from './settings.js';

describe.each([4, 6] as const)('beamer over IPv%i', (family) => {
  it('encapsulates to the owner of the bucket that the client’s address and port name', () => {
    const balancer = balancerOf('beamer');
    const flow = new ClientFlow(1, 40_000, family);
    expect(inWords(balancer.steer(0, flow.syn()))).toMatch(/^encapsulate to [1-4]$/);
    expect(balancer.steer(0, flow.data())).toMatchObject({
      previous: undefined,
      movedAtSeconds: 0,
      generation: 1,
    });
  });

  it('sends what comes to a server’s port to that server, also while it drains', () => {
    const balancer = balancerOf('beamer');
    const flow = new ClientFlow(1, 40_000, family, defaultJoinPortBase + 3);
    expect(inWords(balancer.steer(0, flow.join(5)))).toBe('encapsulate to 3');
    balancer.setServers(0, [server(1), server(3, { state: 'draining' })]);
    expect(inWords(balancer.steer(0, flow.data()))).toBe('encapsulate to 3');
    balancer.setServers(0, servers(2));
    expect(inWords(balancer.steer(0, flow.data()))).toBe('refuse unknown-server');
    expect(balancer.steeringCounters).toMatchObject({ joins: 1, joinsByChance: 0 });
  });

  it('says who had a bucket that moved, since when, and in which generation', () => {
    const balancer = balancerOf('beamer');
    const flows = Array.from({ length: 200 }, (_, port) => new ClientFlow(1, 1024 + port, family));
    const before = flows.map((flow) => serverFor(balancer, flow.data()));
    balancer.setServers(7 * SECOND, servers(5));
    let moved = 0;
    flows.forEach((flow, i) => {
      const verdict = balancer.steer(8 * SECOND, flow.data());
      if (verdict.server!.id === before[i]) {
        expect(verdict.previous).toBeUndefined();
        return;
      }
      moved++;
      expect(verdict.server!.id).toBe(5);
      expect(verdict.previous!.id).toBe(before[i]);
      expect(verdict).toMatchObject({ movedAtSeconds: 7, generation: 2 });
    });
    expect(moved).toBeGreaterThan(10);
    expect(moved).toBeLessThan(80);
  });

  it('counts joins to the service’s own port, which go by chance', () => {
    const balancer = balancerOf('beamer');
    balancer.steer(0, new ClientFlow(1, 40_000, family).join(5));
    expect(balancer.steeringCounters).toMatchObject({ joins: 1, joinsByChance: 1 });
  });
});

describe('beamer', () => {
  it('names buckets by the CRC-32 of 6 bytes, as Beamer does', () => {
    // One bucket a server: the bucket tells itself by who has it.
    const balancer = balancerOf('beamer', { settings: { buckets: 4 } });
    for (let port = 1024; port < 1124; port++) {
      const hash = crc32End(crc32Half(crc32Word(CRC32_START, 0xc633_0001), port));
      const neighbour = balancer.steer(0, new ClientFlow(1, port).data()).server!.id;
      expect(neighbour).toBe([1, 2, 3, 4][hash % 4]);
    }
  });

  it('moves what waited when the time of daisy chaining is over', () => {
    const balancer = balancerOf('beamer', { servers: servers(2) });
    balancer.setServers(0, servers(3));
    balancer.setServers(SECOND, [...servers(2), server(3, { state: 'draining' })]);
    const flows = Array.from({ length: 100 }, (_, port) => new ClientFlow(1, 1024 + port));
    const at3 = (): number => flows.filter((flow) => serverFor(balancer, flow.syn(), SECOND) === 3).length;
    expect(at3()).toBeGreaterThan(0);
    expect(balancer.pollTimeout()).toBe(defaultSteeringSettings.chainNs);
    balancer.handleTimeout(balancer.pollTimeout());
    expect(at3()).toBe(0);
  });
});
