import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { drawnServices, drawPacket } from '../../../test/support/balancer-traffic.js';
import { describeWith } from '../../../test/support/with-rights.js';
import {
  frameOf,
  pairRoute,
  pairServers,
  pairSettings,
  pairSources,
  pairStart,
  XdpPair,
} from '../../../test/support/xdp-pair.js';
import { MINUTE, SECOND, SeededRandom } from '../../base/index.js';
import { type ServerSpec, type ServerState, verdictReasonNames } from '../../balancer/index.js';
import { IpAddress } from '../../wire/index.js';
import { XdpAction } from '../bpf/index.js';
import { mayUseXdp } from '../capabilities.js';
import { XdpBalancer, xdpDesigns, type XdpDesign } from './xdp-balancer.js';

const HOUR = 60 * MINUTE;

describeWith('a balancer in the kernel', [mayUseXdp()], () => {
  const opened: { close(): void }[] = [];
  function pairOf(design: XdpDesign, family: 4 | 6, servers: readonly ServerSpec[]): XdpPair {
    const pair = new XdpPair(design, family, servers);
    opened.push(pair);
    return pair;
  }
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  const cases = xdpDesigns.flatMap((design) => [[design, 4] as const, [design, 6] as const]);

  it.each(cases)(
    'gives the verdict and the bytes of the one in TypeScript: %s, servers of IPv%i',
    (design, family) => {
      const pair = pairOf(design, family, pairServers(family, 7));
      const random = new SeededRandom(4711 + family);
      const check = (count: number, now: number, era: string): void => {
        for (let i = 0; i < count; i++) {
          const packet = drawPacket(random);
          // The kernel takes no frame without a packet in a trial.
          if (packet.length > 0)
            pair.check(now, packet, `${era}, packet ${i}`, i % 16 === 0 ? 1 + ((i % 3) % 2) : 0);
        }
      };
      check(4000, pairStart, 'seven servers');
      pair.setServers(pairStart + 5 * SECOND, pairServers(family, 9, [2]));
      check(3000, pairStart + 6 * SECOND, 'two more, one draining');
      pair.setServers(pairStart + 2 * HOUR, pairServers(family, 9, [2, 3]));
      check(3000, pairStart + 2 * HOUR, 'another one draining');
      expect(pair.engine.steeringCounters.joins).toBeGreaterThan(50);
      expect(pair.kernel.counters()).toMatchObject(pair.expectedCounters);
    },
  );

  it.each(xdpDesigns)('does with every packet of the fixtures what the rules say: %s', (design) => {
    const fixture = readFixture(design);
    const specsOf = (servers: Fixture['servers']): ServerSpec[] =>
      servers.map(({ address, ...rest }) => ({ ...rest, address: IpAddress.parse(address)! }));
    const services = fixture.services.map(({ address, port }) => ({
      address: IpAddress.parse(address)!,
      port,
    }));
    const place = { services, joinPortBase: fixture.joinPortBase, start: 0 };
    // Of tables with a handful of places the kernel makes other use: what is displaced is tested beside them.
    const settings = { ...fixture.settings, maxFlows: 4096, maxNewFlows: 4096, maxTokens: 4096 };
    const pair = new XdpPair(design, 4, specsOf(fixture.servers), settings, place);
    opened.push(pair);
    let packets = 0;
    const others: string[] = [];
    for (const { atSeconds, name = '', packet, servers, reason } of fixture.steps) {
      const now = atSeconds * SECOND;
      if (servers !== undefined) pair.setServers(now, specsOf(servers));
      // The kernel takes no frame without a packet in a trial.
      if (packet === undefined || packet === '') continue;
      const position = pair.check(now, Uint8Array.from(Buffer.from(packet, 'hex')), name);
      if (verdictReasonNames[position] !== reason) others.push(`${name} at ${atSeconds} s`);
      packets++;
    }
    expect(packets).toBeGreaterThan(100);
    // A larger table has a claim left, of a server that is gone, which made room for another one in the fixture.
    expect(others).toEqual(design === 'token-map' ? ['SYN with MP_JOIN, version 0, IPv6 at 286 s'] : []);
  });

  it.each(xdpDesigns)('refuses every packet while there is no server: %s', (design) => {
    const pair = pairOf(design, 4, []);
    const random = new SeededRandom(99);
    for (let i = 0; i < 300; i++) {
      const packet = drawPacket(random);
      if (packet.length > 0) pair.check(pairStart, packet, `packet ${i}`);
    }
  });

  it('takes servers of one family only, the one of its own address', () => {
    expect(() => pairOf('stateless', 4, pairServers(6, 1))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
  });

  function balancerOf(design: XdpDesign, servers: readonly ServerSpec[], more = {}): XdpBalancer {
    const balancer = new XdpBalancer(pairStart, {
      ...{ design, services: drawnServices, servers, settings: pairSettings },
      ...{ source: pairSources[4], route: pairRoute, ...more },
    });
    opened.push(balancer);
    return balancer;
  }

  it.each(xdpDesigns)('keeps everything as it was when a change of servers cannot be had: %s', (design) => {
    let isBroken = false;
    const route = (server: { readonly id: number }) => {
      if (isBroken && server.id === 9) throw new Error('no way to server 9');
      return pairRoute(server);
    };
    const before = pairServers(4, 7);
    const tried = balancerOf(design, before, { route });
    const spared = balancerOf(design, before);
    isBroken = true;
    const descriptors = readdirSync('/proc/self/fd').length;
    const change = (): void => tried.setServers(pairStart + SECOND, pairServers(4, 9));
    for (let i = 0; i < 5; i++) expect(change).toThrow('no way to server 9');
    expect(readdirSync('/proc/self/fd')).toHaveLength(descriptors);
    expect(tried.servers.all.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(tried.snapshotBuckets(pairStart + SECOND)).toEqual(spared.snapshotBuckets(pairStart + SECOND));
    const isSame = (): void => {
      const random = new SeededRandom(5);
      for (let i = 0; i < 200; i++) {
        const frame = frameOf(drawPacket(random));
        expect(tried.run(frame).packet).toEqual(spared.run(frame).packet);
      }
    };
    isSame();
    isBroken = false;
    for (const each of [tried, spared]) each.setServers(pairStart + HOUR, pairServers(4, 9));
    isSame();
  });

  it('takes no change once it is closed, and says so', () => {
    const balancer = balancerOf('beamer', pairServers(4, 2));
    balancer.close();
    balancer.close();
    expect(() => balancer.setServers(pairStart, pairServers(4, 3))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_CLOSED' }),
    );
  });

  it.each([
    ['an address of 5 bytes', { nextHop: new Uint8Array(5) }],
    ['VLAN 4095', { vlan: 4095 }],
  ])('refuses a route with %s', (_what, wrong) => {
    const route = (server: { readonly id: number }) => ({ ...pairRoute(server), ...wrong });
    expect(() => balancerOf('stateless', pairServers(4, 2), { route })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_ROUTE' }),
    );
  });

  it.each([0, 1, 2])(
    'steers frames with %i tags of VLANs alike, and leaves those with three to the host',
    (tags) => {
      const pair = pairOf('beamer', 6, pairServers(6, 7));
      const random = new SeededRandom(31);
      for (let i = 0; i < 300; i++) {
        const packet = drawPacket(random);
        if (packet.length > 0) pair.check(pairStart, packet, `packet ${i}`, tags);
      }
      const { tagged } = pair.kernel.counters();
      if (tags === 0) expect(tagged).toBe(0);
      else expect(tagged).toBeGreaterThan(250);
      const frame = frameOf(drawPacket(random), 3);
      expect(pair.kernel.run(frame)).toMatchObject({ verdict: XdpAction.PASS, packet: frame });
    },
  );

  it.each([4, 6] as const)(
    'steers a frame of 9,000 bytes, which lies in several pieces, to servers of IPv%i',
    (family) => {
      const pair = pairOf('direct-address', family, pairServers(family, 5));
      const segment = new Uint8Array(9000).fill(0x55);
      segment.set([
        0x45,
        0,
        9000 >> 8,
        9000 & 255,
        0,
        0,
        0x40,
        0,
        64,
        6,
        0,
        0,
        198,
        51,
        100,
        7,
        192,
        0,
        2,
        1,
      ]);
      segment.set([0x9c, 0x40, 1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0], 20);
      pair.check(pairStart, segment, 'nine thousand bytes');
      pair.check(pairStart, segment, 'nine thousand bytes in a VLAN', 1);
      expect(pair.kernel.counters()).toMatchObject({ none: 2 });
      // One whose end is missing makes no sense.
      pair.check(pairStart, segment.subarray(0, 8999), 'one byte less');
      expect(pair.kernel.counters()).toMatchObject({ 'malformed-ip': 1 });
    },
  );
});

/** What is read of a file of test/balancer/fixtures/. */
interface Fixture {
  readonly joinPortBase: number;
  readonly settings: Readonly<Record<string, number>>;
  readonly services: readonly { readonly address: string; readonly port: number }[];
  readonly servers: readonly {
    readonly id: number;
    readonly address: string;
    readonly weight: number;
    readonly state: ServerState;
  }[];
  readonly steps: readonly {
    readonly atSeconds: number;
    readonly name?: string;
    /** In hexadecimal. */
    readonly packet?: string;
    readonly reason?: string;
    readonly servers?: Fixture['servers'];
  }[];
}

function readFixture(design: string): Fixture {
  const folder = join(import.meta.dirname, '..', '..', '..', 'test', 'balancer', 'fixtures');
  return JSON.parse(readFileSync(join(folder, `${design}.json`), 'utf8')) as Fixture;
}
