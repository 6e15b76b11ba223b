import { expect, it } from 'vitest';
import { balancerOf, ClientFlow, server, serverFor, services } from '../../test/support/balancer-packets.js';
import { type DesignName } from './designs.js';
import { defaultJoinPortBase } from './services.js';

const ids = [1, 2, 3, 4];
/** The same addresses, where a server's port is a service's like any other. */
const plainServices = services.flatMap(({ address, port }) =>
  [port, ...ids.map((id) => defaultJoinPortBase + id)].map((each) => ({ address, port: each })),
);

it.each<[DesignName, DesignName]>([
  ['beamer', 'beamer'],
  ['direct-address', 'maglev'],
  ['key-select', 'maglev'],
  ['token-map', 'maglev'],
])('joins that %s brings to their server, and the hash alone would not, are counted', (design, hash) => {
  const balancer = balancerOf(design);
  const plain = balancerOf(hash, { services: plainServices, joinPortBase: 0 });
  const isByPort = design === 'beamer' || design === 'direct-address';
  let expected = 0;
  for (let i = 0; i < 200; i++) {
    const owner = ids[i % 4]!;
    if (design === 'token-map')
      balancer.importTokens(0, [{ token: i * 256 + owner, version: 1, server: owner }]);
    const flow = new ClientFlow(1, 20_000 + i, 4, isByPort ? defaultJoinPortBase + owner : 80);
    const join = flow.join(i * 256 + owner);
    expect(serverFor(balancer, join)).toBe(owner);
    if (serverFor(plain, join) !== owner) expected++;
    serverFor(balancer, flow.data());
  }
  expect(balancer.steeringCounters).toMatchObject({
    joins: 200,
    joinsByChance: 0,
    misSteersAvoided: expected,
  });
  // About one in four finds its server by chance.
  expect(expected).toBeGreaterThan(120);
  expect(expected).toBeLessThan(180);
});

it('joins that go by chance, or to nobody, avoid nothing', () => {
  const balancer = balancerOf('beamer', { servers: [server(1), server(2)] });
  balancer.steer(0, new ClientFlow(1, 20_000, 4).join(5));
  balancer.steer(0, new ClientFlow(1, 20_000, 4, defaultJoinPortBase + 4).join(5));
  expect(balancer.steeringCounters).toMatchObject({ joins: 2, joinsByChance: 1, misSteersAvoided: 0 });
});
