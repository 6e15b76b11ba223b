import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  inWords,
  server,
  serverFor,
  servers,
} from '../../test/support/balancer-packets.js';
import { defaultJoinPortBase } from './services.js';

describe.each([4, 6] as const)('direct-address over IPv%i', (family) => {
  it('sends what comes to a server’s port to that server, whatever else changes', () => {
    const balancer = balancerOf('direct-address');
    const flow = new ClientFlow(1, 40_000, family, defaultJoinPortBase + 3);
    expect(inWords(balancer.steer(0, flow.join(5)))).toBe('deliver to 3');
    balancer.setServers(0, [server(3, { state: 'draining' }), server(8)]);
    expect(inWords(balancer.steer(0, flow.data()))).toBe('deliver to 3');
    expect(inWords(balancer.steer(0, flow.tooBig()))).toBe('deliver to 3');
    balancer.setServers(0, servers(2));
    expect(inWords(balancer.steer(0, flow.data()))).toBe('refuse unknown-server');
  });

  it('sends what comes to the service’s port as the Maglev table says, and counts joins among it', () => {
    const balancer = balancerOf('direct-address');
    const flow = new ClientFlow(1, 40_000, family);
    expect(serverFor(balancer, flow.syn())).toBe(serverFor(balancerOf('maglev'), flow.syn()));
    balancer.steer(0, flow.join(5));
    expect(balancer.steeringCounters).toMatchObject({ joins: 1, joinsByChance: 1 });
  });
});
