import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  inWords,
  server,
  serverFor,
  servers,
} from '../../test/support/balancer-packets.js';

describe.each([4, 6] as const)('key-select over IPv%i', (family) => {
  const flow = new ClientFlow(1, 40_000, family);

  it('sends a join to the server that its token names', () => {
    const balancer = balancerOf('key-select');
    for (const id of [1, 2, 3, 4]) expect(serverFor(balancer, flow.join(0xabcd_ef00 + id))).toBe(id);
    expect(balancer.steeringCounters).toMatchObject({ joins: 4, joinsByChance: 0 });
  });

  it('refuses a join whose token names nobody', () => {
    const balancer = balancerOf('key-select');
    expect(inWords(balancer.steer(0, flow.join(0xabcd_ef00)))).toBe('refuse unknown-server');
    expect(inWords(balancer.steer(0, flow.join(0xabcd_ef05)))).toBe('refuse unknown-server');
  });

  it('sends later packets to the server whose number the timestamp echoes, whatever the hash says', () => {
    const balancer = balancerOf('key-select');
    for (const id of [1, 2, 3, 4]) expect(serverFor(balancer, flow.data(0x9999_9900 + id))).toBe(id);
  });

  it('goes by the hash without a timestamp, or with one that names nobody', () => {
    const balancer = balancerOf('key-select');
    const home = serverFor(balancer, flow.syn());
    expect(serverFor(balancer, flow.data())).toBe(home);
    expect(serverFor(balancer, flow.data(0x9999_9977))).toBe(home);
  });

  it('sends an ICMP error to the server that wrote its number into the quoted packet', () => {
    const balancer = balancerOf('key-select');
    for (const id of [1, 2, 3, 4]) expect(serverFor(balancer, flow.tooBig(100, 0x500 + id))).toBe(id);
  });

  it('keeps everything of servers that stay or drain when others come and go', () => {
    const balancer = balancerOf('key-select');
    balancer.setServers(0, [server(2), server(3, { state: 'draining' }), server(9)]);
    expect(serverFor(balancer, flow.data(0x9999_9902))).toBe(2);
    expect(serverFor(balancer, flow.join(0xabcd_ef03))).toBe(3);
    expect(balancer.entryCount).toBe(0);
  });
});

describe('key-select', () => {
  it('takes no server whose number has no room in the bits', () => {
    expect(() => balancerOf('key-select', { servers: servers(9), settings: { serverBits: 3 } })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
    const balancer = balancerOf('key-select', { settings: { serverBits: 3 } });
    expect(() => balancer.setServers(0, [server(8)])).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
    expect(balancer.servers.all).toHaveLength(4);
    expect(serverFor(balancer, new ClientFlow(1).join(0xff04))).toBe(4);
  });
});
