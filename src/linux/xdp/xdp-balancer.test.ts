import { afterEach, expect, it } from 'vitest';
import { drawnPortBase, drawnServices, drawPacket } from '../../../test/support/balancer-traffic.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { MINUTE, SECOND, SeededRandom } from '../../base/index.js';
import {
  Balancer,
  encapsulate,
  VerdictAction,
  verdictReasonNames,
  type ServerSpec,
  type Verdict,
} from '../../balancer/index.js';
import { emitIpHeader, IpAddress } from '../../wire/index.js';
import { XdpAction } from '../bpf/index.js';
import { mayUseXdp } from '../capabilities.js';
import { XdpBalancer, xdpDesigns, type XdpDesign } from './xdp-balancer.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const ETHERNET_BYTES = 14;
const HOUR = 60 * MINUTE;
const start = 1000 * SECOND;
/** Time passes in the kernel, and does not in the test: nothing must expire meanwhile. */
const settings = {
  buckets: 64,
  maglevPlaces: 251,
  newFlowNs: HOUR,
  closingNs: HOUR,
  idleNs: HOUR,
  chainNs: HOUR,
};

const sources = { 4: address('10.0.0.99'), 6: address('fd00::99') } as const;

function serversOf(family: 4 | 6, count: number, draining: readonly number[] = []): ServerSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    address: address(family === 4 ? `10.0.0.${i + 1}` : `fd00::${i + 1}`),
    weight: 1 + (i % 3),
    state: draining.includes(i + 1) ? ('draining' as const) : ('up' as const),
  }));
}

const route = ({ id }: { readonly id: number }) => ({
  nextHop: Uint8Array.of(2, 0, 0, 0, 0, id),
  ownHop: Uint8Array.of(2, 0, 0, 0, 0, 99),
});

/** `packet` in an Ethernet frame, which has to have a byte behind its header at least. */
function frameOf(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + packet.length);
  frame.set([2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 1, ...((packet[0] ?? 0) >>> 4 === 6 ? [0x86, 0xdd] : [8, 0])]);
  frame.set(packet, ETHERNET_BYTES);
  return frame;
}

/** What the frame is to become by a verdict of the balancer in TypeScript. */
function forwarded(packet: Uint8Array, verdict: Verdict, source: IpAddress): Uint8Array {
  const { family } = source;
  const server = verdict.server!;
  const isV6 = packet[0]! >>> 4 === 6;
  const view = new DataView(packet.buffer, packet.byteOffset);
  const length = isV6 ? 40 + view.getUint16(4) : view.getUint16(2);
  let outer: Uint8Array;
  if (verdict.action === VerdictAction.ENCAPSULATE) {
    const { previous, movedAtSeconds, generation } = verdict;
    const note = {
      source,
      destination: server.address,
      previous: previous?.address,
      movedAtSeconds,
      generation,
    };
    outer = encapsulate(packet, 0, length, note);
  } else {
    const headerBytes = family === 4 ? 20 : 40;
    outer = new Uint8Array(headerBytes + length);
    emitIpHeader(outer, 0, {
      ...{
        source,
        destination: server.address,
        protocol: isV6 ? 41 : 4,
        payloadLength: length,
        hopLimit: 250,
      },
      dscpEcn: (isV6 ? (view.getUint16(0) >>> 4) & 0xff : packet[1]!) & 0xfc,
    });
    outer.set(packet.subarray(0, length), headerBytes);
  }
  const { nextHop, ownHop } = route(server);
  // What stood behind the packet in its frame still does.
  return Uint8Array.of(
    ...[...nextHop, ...ownHop, ...(family === 4 ? [8, 0] : [0x86, 0xdd])],
    ...outer,
    ...packet.subarray(length),
  );
}

/** The same balancer twice: in TypeScript, and in the kernel. */
class Pair {
  readonly engine: Balancer;
  readonly kernel: XdpBalancer;
  private readonly source: IpAddress;
  private counted: number[];

  constructor(design: XdpDesign, family: 4 | 6, servers: readonly ServerSpec[]) {
    const common = { design, services: drawnServices, servers, joinPortBase: drawnPortBase, settings };
    this.source = sources[family];
    this.engine = new Balancer(start, { ...common, random: new SeededRandom(1) });
    this.kernel = new XdpBalancer(start, { ...common, source: this.source, route });
    this.counted = this.readCounters();
  }

  setServers(now: number, servers: readonly ServerSpec[]): void {
    this.engine.setServers(now, servers);
    this.kernel.setServers(now, servers);
  }

  /** Position of the reason for which the kernel did not forward its last packet; -1 when it gave none or several. */
  private newReason(): number {
    const before = this.counted;
    this.counted = this.readCounters();
    const rose = verdictReasonNames.map((_, i) => this.counted[i]! - before[i]!);
    return rose.reduce((sum, by) => sum + by) === 1 ? rose.indexOf(1) : -1;
  }

  private readCounters(): number[] {
    return this.kernel.counterValues();
  }

  /** Gives both the packet; they have to agree. */
  check(now: number, packet: Uint8Array, label: string): void {
    const verdict = this.engine.steer(now, packet);
    const frame = frameOf(packet);
    const result = this.kernel.run(frame);
    const isForwarded = verdict.server !== undefined;
    const isPassed = verdict.action === VerdictAction.PASS;
    const expected = {
      reason: verdict.reason as number,
      verdict: isForwarded ? XdpAction.TX : isPassed ? XdpAction.PASS : XdpAction.DROP,
      packet: isForwarded ? forwarded(packet, verdict, this.source) : frame,
    };
    const got = { reason: this.newReason(), verdict: result.verdict, packet: result.packet };
    const isSame =
      got.reason === expected.reason &&
      got.verdict === expected.verdict &&
      Buffer.compare(got.packet, expected.packet) === 0;
    // A whole comparison for each of so many packets would take minutes.
    if (!isSame) expect(got, `${label}: ${Buffer.from(packet).toString('hex')}`).toEqual(expected);
  }
}

describeWith('a balancer in the kernel', [mayUseXdp()], () => {
  const opened: XdpBalancer[] = [];
  function pairOf(design: XdpDesign, family: 4 | 6, servers: readonly ServerSpec[]): Pair {
    const pair = new Pair(design, family, servers);
    opened.push(pair.kernel);
    return pair;
  }
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  const cases = xdpDesigns.flatMap((design) => [[design, 4] as const, [design, 6] as const]);

  it.each(cases)(
    'gives the verdict and the bytes of the one in TypeScript: %s, servers of IPv%i',
    (design, family) => {
      const pair = pairOf(design, family, serversOf(family, 7));
      const random = new SeededRandom(4711 + family);
      const check = (count: number, now: number, era: string): void => {
        for (let i = 0; i < count; i++) {
          const packet = drawPacket(random);
          // The kernel takes no frame without a packet in a trial.
          if (packet.length > 0) pair.check(now, packet, `${era}, packet ${i}`);
        }
      };
      check(4000, start, 'seven servers');
      pair.setServers(start + 5 * SECOND, serversOf(family, 9, [2]));
      check(3000, start + 6 * SECOND, 'two more, one draining');
      pair.setServers(start + 2 * HOUR, serversOf(family, 9, [2, 3]));
      check(3000, start + 2 * HOUR, 'another one draining');
      const { joins, joinsByChance, tokensLearned, tokenCollisions } = pair.engine.steeringCounters;
      expect(joins).toBeGreaterThan(50);
      expect(pair.kernel.counters()).toMatchObject({
        ...{ joins, 'joins-by-chance': joinsByChance },
        ...{ 'tokens-learned': tokensLearned, 'token-collisions': tokenCollisions },
      });
    },
  );

  it.each(xdpDesigns)('refuses every packet while there is no server: %s', (design) => {
    const pair = pairOf(design, 4, []);
    const random = new SeededRandom(99);
    for (let i = 0; i < 300; i++) {
      const packet = drawPacket(random);
      if (packet.length > 0) pair.check(start, packet, `packet ${i}`);
    }
  });

  it('takes servers of one family only, the one of its own address', () => {
    expect(() => pairOf('stateless', 4, serversOf(6, 1))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
  });
});
