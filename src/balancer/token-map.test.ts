import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  inWords,
  server,
  serverFor,
  servers,
} from '../../test/support/balancer-packets.js';
import { SECOND, uint64 } from '../base/index.js';
import { deriveToken, type MptcpVersion, TcpFlag } from '../wire/index.js';
import type { Balancer } from './balancer.js';

const key = 0x1122_3344_5566_7788n;
const tokenOf = (version: MptcpVersion, of = key): number => deriveToken(uint64(of), version);

/** Connects `flow`; gives the server that it went to. */
function connect(balancer: Balancer, flow: ClientFlow, of = key, now = 0): number {
  const to = serverFor(balancer, flow.syn(), now);
  expect(serverFor(balancer, flow.thirdAck(of), now)).toBe(to);
  return to;
}

/** A join from an address of its own, which the hash alone would send elsewhere. */
function joinElsewhere(balancer: Balancer, to: number, port = 1024): ClientFlow {
  for (let i = port; ; i++) {
    const flow = new ClientFlow(77, i);
    if (serverFor(balancer, flow.data()) !== to) return flow;
  }
}

describe('token-map', () => {
  it.each([
    ['version 1, in a third ACK', 1, undefined, undefined],
    ['version 1, with data', 1, 100, undefined],
    ['version 1, with data and a checksum', 1, 100, 0x1234],
    ['version 0', 0, undefined, undefined],
  ] as const)('learns the token from the server key of %s', (_, version, dataLength, checksum) => {
    for (const family of [4, 6] as const) {
      const balancer = balancerOf('token-map');
      const flow = new ClientFlow(1, 40_000, family);
      const to = serverFor(balancer, flow.syn(version));
      balancer.steer(0, flow.thirdAck(key, version, dataLength, checksum));
      const join = joinElsewhere(balancer, to);
      expect(serverFor(balancer, join.join(tokenOf(version)))).toBe(to);
      expect(serverFor(balancer, join.data())).toBe(to);
      expect(balancer.pollEvent()).toEqual({
        type: 'token-learned',
        token: tokenOf(version),
        version,
        server: to,
      });
      expect(balancer.pollEvent()).toBeUndefined();
    }
  });

  it('refuses joins with unknown tokens, and keeps nothing of them', () => {
    const balancer = balancerOf('token-map');
    for (let token = 0; token < 1000; token++) {
      const packet = new ClientFlow(token & 255, 1024 + token).join(token);
      expect(inWords(balancer.steer(0, packet))).toBe('refuse unknown-token');
    }
    expect(balancer.entryCount).toBe(0);
  });

  it('learns nothing from SYNs, resets, and keys of an unknown length', () => {
    const balancer = balancerOf('token-map');
    const flow = new ClientFlow(1);
    balancer.steer(0, flow.syn(0));
    const reset = flow.thirdAck(key);
    reset[33] = TcpFlag.RST | TcpFlag.ACK;
    balancer.steer(0, reset);
    const version2 = flow.thirdAck(key);
    version2[42] = 0x02;
    balancer.steer(0, version2);
    expect(balancer.entryCount).toBe(0);
  });

  it('with two claims on a token tries them in turn, the oldest first', () => {
    const balancer = balancerOf('token-map');
    const first = connect(balancer, new ClientFlow(1));
    let port = 1;
    while (serverFor(balancer, new ClientFlow(2, port).data()) === first) port++;
    const second = connect(balancer, new ClientFlow(2, port));
    expect(balancer.steeringCounters.tokenCollisions).toBe(1);
    const token = tokenOf(1);
    const to = [1, 2, 3, 4].map((i) => serverFor(balancer, new ClientFlow(50, i).join(token)));
    expect(to).toEqual([first, second, first, second]);
    // A SYN that is sent again is no further try.
    expect(serverFor(balancer, new ClientFlow(50, 2).join(token))).toBe(second);
  });

  it('bounds the claims on one token', () => {
    const balancer = balancerOf('token-map', { servers: servers(9) });
    for (let port = 1; port < 200; port++) connect(balancer, new ClientFlow(2, port));
    expect(balancer.entryCount).toBe(4);
    expect(balancer.steeringCounters.tokensRefused).toBeGreaterThan(0);
  });

  it('under a flood of forged third ACKs keeps the tokens that joins have asked for, within its limit', () => {
    const balancer = balancerOf('token-map', { settings: { maxTokens: 100 } });
    const to = connect(balancer, new ClientFlow(1));
    const token = tokenOf(1);
    serverFor(balancer, new ClientFlow(60, 1).join(token));
    for (let i = 0; i < 5000; i++) balancer.steer(0, new ClientFlow(3, 1024 + i).thirdAck(BigInt(i)));
    expect(balancer.entryCount).toBe(101);
    expect(balancer.steeringCounters.entriesDisplaced).toBe(4901);
    expect(serverFor(balancer, new ClientFlow(60, 2).join(token))).toBe(to);
  });

  it('learns no more when every token is in use', () => {
    const balancer = balancerOf('token-map', { settings: { maxTokens: 3 } });
    for (let i = 1; i <= 3; i++) {
      connect(balancer, new ClientFlow(1, i), BigInt(i));
      balancer.steer(0, new ClientFlow(60, i).join(tokenOf(1, BigInt(i))));
    }
    connect(balancer, new ClientFlow(1, 4), 4n);
    expect(balancer.steeringCounters.tokensRefused).toBe(1);
    expect(inWords(balancer.steer(0, new ClientFlow(60, 4).join(tokenOf(1, 4n))))).toBe(
      'refuse unknown-token',
    );
  });

  it('forgets tokens that nobody asked for, and claims of servers that are gone', () => {
    const balancer = balancerOf('token-map', { settings: { tokenIdleNs: SECOND } });
    const to = connect(balancer, new ClientFlow(1));
    balancer.setServers(
      0,
      servers(4).filter(({ id }) => id !== to),
    );
    expect(inWords(balancer.steer(0, new ClientFlow(60).join(tokenOf(1))))).toBe('refuse unknown-token');
    expect(balancer.entryCount).toBe(0);
    connect(balancer, new ClientFlow(1), 9n);
    balancer.handleTimeout(SECOND);
    expect(balancer.entryCount).toBe(0);
  });

  it('shares its map: what one balancer learned another steers by', () => {
    const [one, two, three] = [balancerOf('token-map'), balancerOf('token-map'), balancerOf('token-map')];
    const to = connect(one, new ClientFlow(1));
    const event = one.pollEvent();
    if (event?.type !== 'token-learned') throw new Error('no token was learned');
    two.importTokens(0, [event]);
    three.importTokens(0, one.exportTokens());
    for (const balancer of [two, three]) {
      expect(serverFor(balancer, new ClientFlow(60).join(tokenOf(1)))).toBe(to);
      expect(balancer.exportTokens()).toEqual(one.exportTokens());
      expect(balancer.pollEvent()).toBeUndefined();
    }
  });

  it('exports claims on one token in the order of their age, and imports nothing that makes no sense', () => {
    const balancer = balancerOf('token-map');
    const entries = [
      { token: 5, version: 1, server: 3 },
      { token: 5, version: 1, server: 2 },
      { token: 6, version: 0, server: 1 },
    ] as const;
    balancer.importTokens(0, [
      ...entries,
      { token: -1, version: 1, server: 1 },
      { token: 7, version: 1, server: 99 },
    ]);
    const exported = balancer.exportTokens();
    expect(exported.filter(({ token }) => token === 5)).toEqual(entries.slice(0, 2));
    expect(exported).toHaveLength(3);
  });

  it('keeps a join at its server when servers change', () => {
    const balancer = balancerOf('token-map');
    const to = connect(balancer, new ClientFlow(1));
    const join = joinElsewhere(balancer, to);
    balancer.steer(0, join.join(tokenOf(1)));
    balancer.setServers(0, [server(to, { state: 'draining' }), server(20), server(21)]);
    expect(serverFor(balancer, join.data())).toBe(to);
  });
});
