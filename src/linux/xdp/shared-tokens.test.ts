import { afterEach, expect, it } from 'vitest';
import { ClientFlow, services, server } from '../../../test/support/balancer-packets.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { frameOf, pairRoute } from '../../../test/support/xdp-pair.js';
import { Balancer, type ServerSpec, type SteeringSettings } from '../../balancer/index.js';
import { SeededRandom, uint64 } from '../../base/index.js';
import { deriveToken, IpAddress } from '../../wire/index.js';
import { XdpAction } from '../bpf/index.js';
import { mayUseXdp } from '../capabilities.js';
import { XdpBalancer, type XdpDesign } from './xdp-balancer.js';

const source = IpAddress.parse('10.9.9.9')!;
/** Where the outer destination stands in a frame that was forwarded. */
const OUTER_DESTINATION = 14 + 16;
/** Numbers of servers whose route has no tag of a VLAN. */
const four = [1, 2, 3, 4].map((id) => server(id));

describeWith('tokens of balancers in the kernel', [mayUseXdp()], () => {
  const opened: XdpBalancer[] = [];
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  function balancerOf(
    settings: Partial<SteeringSettings> = {},
    servers: readonly ServerSpec[] = four,
    design: XdpDesign = 'token-map',
  ): XdpBalancer {
    const balancer = new XdpBalancer(0, { design, services, servers, settings, source, route: pairRoute });
    opened.push(balancer);
    return balancer;
  }

  /** Number of the server that the packet goes to; 0 for none. */
  function serverFor(balancer: XdpBalancer, packet: Uint8Array): number {
    const { verdict, packet: frame } = balancer.run(frameOf(packet));
    return verdict === XdpAction.TX ? frame[OUTER_DESTINATION + 3]! : 0;
  }

  const keyOf = (i: number): bigint => 0x0123_4567_0000_0000n + BigInt(i);
  const tokenOf = (i: number, version: 0 | 1 = 1): number => deriveToken(uint64(keyOf(i)), version);

  it('are told in the order in which they were learned, once, and a join comes home through the other balancer', () => {
    const first = balancerOf();
    const second = balancerOf({ maxFlows: 1024, maxNewFlows: 1024, maxTokens: 1024 });
    const homes: number[] = [];
    for (let i = 0; i < 40; i++) {
      const flow = new ClientFlow(i, 40_000, i % 3 === 0 ? 6 : 4);
      homes.push(serverFor(first, flow.syn()));
      serverFor(first, flow.thirdAck(keyOf(i), i % 2 === 0 ? 1 : 0));
    }
    expect(new Set(homes).size).toBeGreaterThan(1);
    const join = (i: number): Uint8Array => new ClientFlow(500 + i).join(tokenOf(i, i % 2 === 0 ? 1 : 0));
    expect(serverFor(second, join(0))).toBe(0);
    const learned = first.takeLearnedTokens();
    expect(learned).toEqual(
      homes.map((home, i) => ({
        ...{ token: tokenOf(i, i % 2 === 0 ? 1 : 0), version: i % 2 === 0 ? 1 : 0, server: home },
      })),
    );
    expect(first.takeLearnedTokens()).toEqual([]);
    second.importTokens(learned);
    expect(homes.map((_, i) => serverFor(second, join(i)))).toEqual(homes);
    expect(second.counters()).toMatchObject({ 'tokens-learned': 40, joins: 41, 'unknown-token': 1 });
    // What came from others is not told again, and neither is what is known.
    expect(second.takeLearnedTokens()).toEqual([]);
    second.importTokens(learned);
    expect(second.counters()).toMatchObject({ 'tokens-learned': 40, 'token-collisions': 0 });
    expect(second.entryCount).toBe(80);
  });

  it('that nobody takes in time make room for later ones, and are counted', () => {
    const balancer = balancerOf({ maxEvents: 8 });
    for (let i = 0; i < 21; i++) serverFor(balancer, new ClientFlow(i).thirdAck(keyOf(i)));
    const tokens = balancer.takeLearnedTokens().map(({ token }) => token);
    expect(tokens).toEqual(Array.from({ length: 8 }, (_, i) => tokenOf(13 + i)));
    expect(balancer.learnedTokensMissed).toBe(13);
    serverFor(balancer, new ClientFlow(30).thirdAck(keyOf(30)));
    expect(balancer.takeLearnedTokens()).toMatchObject([{ token: tokenOf(30) }]);
    expect(balancer.learnedTokensMissed).toBe(13);
  });

  it('that make no sense are left out: numbers out of range, servers that are not in reach', () => {
    const balancer = balancerOf();
    balancer.importTokens([
      { token: -1, version: 1, server: 1 },
      { token: 2 ** 32, version: 1, server: 1 },
      { token: 1.5, version: 1, server: 1 },
      { token: 1, version: 1, server: 0 },
      { token: 1, version: 1, server: 16_384 },
      { token: 1, version: 1, server: 9 },
      { token: 0, version: 1, server: 4 },
    ]);
    expect(balancer.counters()).toMatchObject({ 'tokens-learned': 1 });
    expect(serverFor(balancer, new ClientFlow(1).join(0))).toBe(4);
    expect(serverFor(balancer, new ClientFlow(2).join(1))).toBe(0);
  });

  it('are not for other designs', () => {
    const balancer = balancerOf({}, four, 'beamer');
    balancer.importTokens([{ token: 1, version: 1, server: 1 }]);
    expect(balancer.takeLearnedTokens()).toEqual([]);
  });

  it('of several servers are tried in turn, and a server that is gone loses its claim, as in TypeScript', () => {
    const kernel = balancerOf();
    const options = { design: 'token-map', services, servers: four, random: new SeededRandom(1) } as const;
    const engine = new Balancer(0, options);
    const entries = [3, 1, 4, 2].map((id) => ({ token: 77, version: 1 as const, server: id }));
    for (const each of [entries, [entries[0]!]]) {
      kernel.importTokens(each);
      engine.importTokens(0, each);
    }
    let client = 0;
    const both = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const packet = new ClientFlow(++client).join(77);
        expect(serverFor(kernel, packet), `join ${client}`).toBe(engine.steer(0, packet).server?.id ?? 0);
      }
    };
    both(7);
    for (const gone of [3, 4, 1, 2]) {
      const left = four.map((each) => ({ ...each, state: each.id === gone ? ('gone' as const) : undefined }));
      const list = left.map(({ state, ...each }) => ({ ...each, ...(state !== undefined && { state }) }));
      kernel.setServers(0, list);
      engine.setServers(0, list);
      both(9);
    }
  });

  it('of which a flood is forged push out none that a join asked for', () => {
    // A table of flows so small that its entries are counted one by one.
    const balancer = balancerOf({ maxTokens: 64, maxFlows: 512, maxNewFlows: 512 });
    for (let i = 0; i < 16; i++) {
      balancer.importTokens([{ token: tokenOf(i), version: 1, server: 1 + (i % 4) }]);
      expect(serverFor(balancer, new ClientFlow(i).join(tokenOf(i)))).toBe(1 + (i % 4));
    }
    for (let i = 0; i < 5000; i++) serverFor(balancer, new ClientFlow(i % 60_000).thirdAck(keyOf(1000 + i)));
    const { displaced } = balancer.counters();
    expect(displaced).toBeGreaterThan(4000);
    // A table for 64 has 256 cells, and no more are ever used.
    expect(balancer.entryCount).toBeLessThanOrEqual(256 + 16);
    for (let i = 0; i < 16; i++)
      expect(serverFor(balancer, new ClientFlow(100 + i).join(tokenOf(i)))).toBe(1 + (i % 4));
  });

  it('bring joins home of which a flood pushes out no live one', () => {
    const balancer = balancerOf({ maxFlows: 64, maxNewFlows: 64 });
    balancer.importTokens([1, 2, 3, 4].map((id) => ({ token: id, version: 1 as const, server: id })));
    // A client that keeps one port has one flow; its first subflow would go anywhere.
    const live = Array.from({ length: 16 }, (_, i) => new ClientFlow(i, 50_000, i % 2 === 0 ? 4 : 6));
    live.forEach((flow, i) => {
      expect(serverFor(balancer, flow.join(1 + (i % 4)))).toBe(1 + (i % 4));
      expect(serverFor(balancer, flow.data())).toBe(1 + (i % 4));
    });
    for (let i = 0; i < 4000; i++) {
      const flow = new ClientFlow(i % 60_000, 1024 + (i % 100), i % 2 === 0 ? 4 : 6);
      expect(serverFor(balancer, flow.join(1 + (i % 4)))).toBe(1 + (i % 4));
    }
    expect(balancer.counters()['displaced']).toBeGreaterThan(3000);
    live.forEach((flow, i) => expect(serverFor(balancer, flow.data())).toBe(1 + (i % 4)));
  });

  it.each([4, 6] as const)('fill buckets evenly, whatever ports clients have: IPv%i', (family) => {
    const balancer = balancerOf({ maxFlows: 4096, maxNewFlows: 4096 });
    balancer.importTokens([{ token: 5, version: 1, server: 2 }]);
    for (let i = 0; i < 4096; i++)
      serverFor(balancer, new ClientFlow(7 + (i >>> 10), 20_000 + (i & 1023), family).join(5));
    const { displaced, untracked } = balancer.counters();
    // Of cells four times as many as entries, eight to a bucket, one in ten thousand finds none free.
    expect(displaced! + untracked!).toBeLessThan(20);
    // Of a table this large a part is counted.
    expect(balancer.entryCount).toBeGreaterThan(3600);
    expect(balancer.entryCount).toBeLessThan(4600);
  });
});
