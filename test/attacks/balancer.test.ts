/** Attacks on a balancer and through it: tables keep their limits, established connections go on, spoofed packets are refused. */
import { describe, expect, it } from 'vitest';
import { type DesignName, encapsulate } from '../../src/balancer/index.js';
import { SECOND, SeededRandom, uint64 } from '../../src/base/index.js';
import { deriveToken, IpAddress } from '../../src/wire/index.js';
import { BalancedWorld } from '../../src/experiments/index.js';
import { balancerOf, ClientFlow, inWords, serverFor } from '../support/balancer-packets.js';

const designs = ['stateful', 'key-select', 'token-map', 'direct-address', 'beamer'] as const;

/** What each design may hold after a flood: the limits below, or the buckets. */
const limits = { maxFlows: 2000, maxNewFlows: 300, maxTokens: 500, buckets: 256 };

/** 30 connections in use, a flood of 1500 packets within a second, and what is left. */
function flooded(design: DesignName, packet: (index: number, random: SeededRandom) => Uint8Array) {
  const world = new BalancedWorld({ design, clients: 6, settings: limits });
  world.connectAll();
  const random = new SeededRandom(9);
  for (let i = 0; i < 1500; i++) {
    world.inject(packet(i, random));
    if (i % 100 === 99) world.run(0.03 * SECOND);
  }
  return { world, broken: world.countBroken(5 * SECOND) };
}

describe('a flood of joins with random tokens', () => {
  it.each(designs)('breaks nothing with %s, and fills no table', (design) => {
    const { world, broken } = flooded(design, (index, random) =>
      new ClientFlow(1024 + (index % 200), 1024 + index).join(random.nextUint32()),
    );
    expect(broken).toBe(0);
    expect(world.balancer.entryCount).toBeLessThanOrEqual(
      design === 'stateful' ? 100 + limits.maxNewFlows : 256,
    );
    let held = 0;
    for (const { host } of world.servers.values()) held += host.stack.connectionCount;
    expect(held).toBe(30);
  });

  it('does not reach the servers with token-map', () => {
    const { world } = flooded('token-map', (index, random) =>
      new ClientFlow(1024 + (index % 200), 1024 + index).join(random.nextUint32()),
    );
    expect(world.strayJoins).toBe(0);
  });
});

describe('a flood of SYNs from made-up addresses', () => {
  it.each(designs)('breaks nothing with %s, and leaves room in its tables', (design) => {
    const { world, broken } = flooded(design, (index) =>
      new ClientFlow(1024 + (index % 200), 1024 + index).syn(),
    );
    expect(broken).toBe(0);
    expect(world.balancer.entryCount).toBeLessThanOrEqual(100 + limits.maxNewFlows);
  });

  it('does not make stateful forget what it needs when servers change', () => {
    const { world } = flooded('stateful', (index) =>
      new ClientFlow(1024 + (index % 200), 1024 + index).syn(),
    );
    world.setServer(5, 'up');
    world.setServer(2, 'draining');
    expect(world.countBroken()).toBe(0);
  });
});

describe('a forged third ACK', () => {
  const key = 0x0123_4567_89ab_cdefn;
  const token = deriveToken(uint64(key), 1);

  it('that claims the token of a connection for another server takes no join from it', () => {
    const balancer = balancerOf('token-map');
    const victim = new ClientFlow(1);
    const home = serverFor(balancer, victim.syn());
    balancer.steer(0, victim.thirdAck(key));
    const early = new ClientFlow(100, 1);
    expect(serverFor(balancer, early.join(token))).toBe(home);
    // Whoever knows the key forges from as many addresses as it takes to hit every server.
    for (let port = 1; port < 500; port++) balancer.steer(0, new ClientFlow(66, port).thirdAck(key));
    expect(balancer.entryCount).toBe(5);
    expect(serverFor(balancer, early.data())).toBe(home);
    expect(serverFor(balancer, victim.data())).toBe(home);
    // A later join comes home too, at worst when it is tried again.
    const tries = [1, 2, 3, 4].map((port) => serverFor(balancer, new ClientFlow(101, port).join(token)));
    expect(tries).toContain(home);
  });

  it('that comes first does not take the token either: both claims are tried', () => {
    const balancer = balancerOf('token-map');
    const victim = new ClientFlow(1);
    const home = serverFor(balancer, victim.syn());
    let port = 1;
    while (serverFor(balancer, new ClientFlow(66, port).data()) === home) port++;
    balancer.steer(0, new ClientFlow(66, port).thirdAck(key));
    balancer.steer(0, victim.thirdAck(key));
    const tries = [1, 2].map((source) => serverFor(balancer, new ClientFlow(101, source).join(token)));
    expect(tries).toContain(home);
  });

  it('cannot push out tokens in use, however many come', () => {
    const { world, broken } = flooded('token-map', (index, random) =>
      new ClientFlow(1024 + (index % 200), 1024 + index).thirdAck(BigInt(random.nextUint32())),
    );
    expect(broken).toBe(0);
    expect(world.balancer.steeringCounters.entriesDisplaced).toBeGreaterThan(900);
    const socket = world.connections[0]!.socket;
    const server = world.serverOf(world.connections[0]!)!;
    const packet = new ClientFlow(150, 9).join(socket.connection.remoteToken!);
    expect(world.balancer.steer(world.simulator.now, packet).server?.id).toBe(server.id);
  });
});

describe('spoofed encapsulation', () => {
  const flow = new ClientFlow(1);
  const forged = (source: IpAddress, destination: IpAddress): Uint8Array =>
    encapsulate(flow.syn(), 0, flow.syn().length, {
      ...{ source, destination, previous: undefined, movedAtSeconds: 0, generation: 4_000_000_000 },
    });

  it('does not pass the border, whoever it says it is from', () => {
    const world = new BalancedWorld({ design: 'beamer', clients: 2 });
    world.connectAll();
    const balancer = IpAddress.parse('10.9.255.1')!;
    for (let id = 1; id <= 4; id++) world.inject(forged(balancer, world.serverAddress(id)));
    world.inject(forged(balancer, world.service));
    expect(world.countBroken(SECOND)).toBe(0);
    expect(world.machine.counters.stopped).toBe(5);
    for (const { chain } of world.servers.values())
      expect(chain.counters).toMatchObject({ spoofed: 0, stale: 0 });
  });

  it('for a service is dropped by the balancer itself', () => {
    const balancer = balancerOf('beamer');
    const packet = forged(IpAddress.parse('10.9.255.1')!, IpAddress.parse('192.0.2.80')!);
    expect(inWords(balancer.steer(0, packet))).toBe('drop tunnelled');
  });

  it('from inside is refused by the servers unless it comes from a balancer or a server', () => {
    const world = new BalancedWorld({ design: 'beamer', clients: 1 });
    const { chain } = world.servers.get(1)!;
    expect(chain.open(forged(IpAddress.parse('10.9.0.99')!, world.serverAddress(1)))).toBe('drop');
    expect(chain.counters.spoofed).toBe(1);
  });
});
