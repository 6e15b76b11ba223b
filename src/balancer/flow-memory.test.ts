import { describe, expect, it } from 'vitest';
import { balancerOf, ClientFlow, serverFor, servers } from '../../test/support/balancer-packets.js';
import { MINUTE, NEVER, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { defaultSteeringSettings } from './settings.js';

const { newFlowNs, idleNs, closingNs } = defaultSteeringSettings;

/** A balancer, a flow at one of its servers, and whether the flow stays there though the hash names another. */
function tracked(settings = {}, family: 4 | 6 = 4) {
  const balancer = balancerOf('stateful', { servers: servers(1), settings });
  const flow = new ClientFlow(3, 40_000, family);
  const others = servers(9).slice(1);
  const isKept = (now: number): boolean => {
    balancer.setServers(now, [{ ...servers(1)[0]!, state: 'draining' }, ...others]);
    return serverFor(balancer, flow.data(), now) === 1;
  };
  return { balancer, flow, isKept };
}

describe('stateful', () => {
  it.each([4, 6] as const)('keeps a flow where it began when servers change, over IPv%i', (family) => {
    const { balancer, flow, isKept } = tracked({}, family);
    expect(serverFor(balancer, flow.syn())).toBe(1);
    expect(isKept(SECOND)).toBe(true);
    expect(balancer.entryCount).toBe(1);
  });

  it('forgets a flow of one packet soon, one that lives late, one that closes in between', () => {
    const { balancer, flow } = tracked();
    balancer.steer(0, flow.syn());
    expect(balancer.pollTimeout()).toBe(newFlowNs);
    balancer.steer(SECOND, flow.data());
    expect(balancer.pollTimeout()).toBe(SECOND + idleNs);
    balancer.steer(2 * SECOND, flow.data(undefined, TcpFlag.FIN | TcpFlag.ACK));
    expect(balancer.pollTimeout()).toBe(2 * SECOND + closingNs);
    balancer.handleTimeout(2 * SECOND + closingNs - 1);
    expect(balancer.entryCount).toBe(1);
    balancer.handleTimeout(2 * SECOND + closingNs);
    expect(balancer.entryCount).toBe(0);
    expect(balancer.pollTimeout()).toBe(NEVER);
    expect(balancer.steeringCounters).toMatchObject({ entriesMade: 1, entriesExpired: 1 });
  });

  it('takes a flow for closing after a RST that may be forged only until its client goes on', () => {
    const { balancer, flow } = tracked();
    for (const packet of [flow.syn(), flow.data(), flow.data(undefined, TcpFlag.RST)])
      balancer.steer(0, packet);
    expect(balancer.pollTimeout()).toBe(closingNs);
    balancer.steer(SECOND, flow.data());
    expect(balancer.pollTimeout()).toBe(SECOND + idleNs);
  });

  it('keeps a flow that closes by FIN for as long as its client acknowledges', () => {
    const { balancer, flow } = tracked();
    for (const packet of [flow.syn(), flow.data(), flow.data(undefined, TcpFlag.FIN | TcpFlag.ACK)])
      balancer.steer(0, packet);
    balancer.steer(50 * SECOND, flow.data());
    expect(balancer.pollTimeout()).toBe(50 * SECOND + closingNs);
  });

  it('sends a flow elsewhere whose server is gone, so that the client hears of it', () => {
    const { balancer, flow } = tracked();
    balancer.steer(0, flow.syn());
    balancer.setServers(0, servers(3).slice(1));
    expect(serverFor(balancer, flow.data())).toBeGreaterThan(1);
    expect(balancer.entryCount).toBe(1);
  });

  it('under a flood of SYNs keeps live flows, and holds no more new ones than allowed', () => {
    const { balancer, flow, isKept } = tracked({ maxFlows: 1000, maxNewFlows: 100 });
    balancer.steer(0, flow.syn());
    balancer.steer(1, flow.data());
    for (let i = 0; i < 5000; i++) balancer.steer(2, new ClientFlow(i & 255, 1024 + i).syn());
    expect(balancer.entryCount).toBe(101);
    expect(balancer.steeringCounters.entriesDisplaced).toBe(4900);
    expect(isKept(3)).toBe(true);
  });

  it('steers without an entry when the table is full of live flows', () => {
    const { balancer } = tracked({ maxFlows: 50, maxNewFlows: 50 });
    for (let i = 0; i < 60; i++) {
      const flow = new ClientFlow(5, 2000 + i);
      balancer.steer(0, flow.syn());
      expect(serverFor(balancer, flow.data())).toBe(1);
    }
    expect(balancer.entryCount).toBe(50);
    // Each of the ten is new with either of its packets.
    expect(balancer.steeringCounters.untracked).toBe(20);
  });

  it('makes no entry for an ICMP error, and lets none live longer by it', () => {
    const { balancer, flow } = tracked();
    expect(serverFor(balancer, flow.tooBig())).toBe(1);
    expect(balancer.entryCount).toBe(0);
    balancer.steer(0, flow.syn());
    expect(serverFor(balancer, flow.tooBig(), SECOND)).toBe(1);
    expect(balancer.pollTimeout()).toBe(newFlowNs);
  });

  it('finds every flow of many, whatever was forgotten in between', () => {
    const balancer = balancerOf('stateful', { settings: { maxFlows: 4096, maxNewFlows: 4096 } });
    const flows = Array.from(
      { length: 3000 },
      (_, i) => new ClientFlow(i % 200, 1024 + i, i % 2 === 0 ? 4 : 6),
    );
    const at = flows.map((flow) => serverFor(balancer, flow.syn()));
    // Two of three are heard of once more.
    flows.forEach((flow, i) => {
      if (i % 3 !== 0) balancer.steer(SECOND, flow.syn());
    });
    balancer.handleTimeout(newFlowNs);
    expect(balancer.entryCount).toBe(2000);
    balancer.setServers(newFlowNs, servers(30));
    flows.forEach((flow, i) => {
      if (i % 3 !== 0) expect(serverFor(balancer, flow.data(), newFlowNs)).toBe(at[i]);
    });
    balancer.handleTimeout(10 * MINUTE + idleNs);
    expect(balancer.entryCount).toBe(0);
  });
});
