/**
 * The same balancer twice, in TypeScript and in the kernel, which have to agree on every packet: on the verdict, on the reason and on
 * every byte of what is sent. What differs is thrown as an error that shows the packet.
 */
import { MINUTE, SECOND, SeededRandom } from '../../src/base/index.js';
import {
  Balancer,
  encapsulate,
  type ServerSpec,
  type SteeringSettings,
  VerdictAction,
  type Verdict,
  verdictReasonNames,
} from '../../src/balancer/index.js';
import { XdpAction, XdpBalancer, type XdpDesign, type XdpRoute } from '../../src/linux/index.js';
import { type Endpoint, emitIpHeader, IpAddress } from '../../src/wire/index.js';
import { drawnPortBase, drawnServices } from './balancer-traffic.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;

/** Time passes in the kernel, and does not in a test: nothing must expire meanwhile. */
export const pairSettings: Partial<SteeringSettings> = {
  ...{ buckets: 64, maglevPlaces: 251 },
  ...{ newFlowNs: 60 * MINUTE, closingNs: 60 * MINUTE, idleNs: 60 * MINUTE, chainNs: 60 * MINUTE },
};
/** When a pair begins, in ns. */
export const pairStart = 1000 * SECOND;

/** Where packets for servers come from, by the servers' family. */
export const pairSources = { 4: address('10.0.0.99'), 6: address('fd00::99') } as const;

/** Servers 1 to `count`, of differing weights. */
export function pairServers(family: 4 | 6, count: number, draining: readonly number[] = []): ServerSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    address: address(family === 4 ? `10.0.0.${i + 1}` : `fd00::${i + 1}`),
    weight: 1 + (i % 3),
    state: draining.includes(i + 1) ? ('draining' as const) : ('up' as const),
  }));
}

/** The next hop to server `id`; every seventh is in a VLAN. */
export function pairRoute({ id }: { readonly id: number }): XdpRoute {
  return {
    nextHop: Uint8Array.of(2, 0, 0, 0, 0, id),
    ownHop: Uint8Array.of(2, 0, 0, 0, 0, 99),
    ...(id % 7 === 0 && { vlan: 7 * id }),
  };
}

/** Bytes of an Ethernet header; of a tag in it. */
const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;

/** `packet` in an Ethernet frame, with as many tags of VLANs: the outer one is a service tag when there are two. */
export function frameOf(packet: Uint8Array, tags = 0): Uint8Array {
  const headerBytes = ETHERNET_BYTES + TAG_BYTES * tags;
  const frame = new Uint8Array(headerBytes + packet.length);
  frame.set([2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 1]);
  for (let tag = 0; tag < tags; tag++)
    frame.set([...(tag === 0 && tags > 1 ? [0x88, 0xa8] : [0x81, 0]), 0, 100 + tag], 12 + TAG_BYTES * tag);
  frame.set((packet[0] ?? 0) >>> 4 === 6 ? [0x86, 0xdd] : [8, 0], headerBytes - 2);
  frame.set(packet, headerBytes);
  return frame;
}

/** What the frame of `packet` is to become by a verdict that forwards it. */
export function forwardedFrame(packet: Uint8Array, verdict: Verdict, source: IpAddress): Uint8Array {
  const server = verdict.server!;
  const isV6 = packet[0]! >>> 4 === 6;
  const length = isV6 ? 40 + packet[4]! * 256 + packet[5]! : packet[2]! * 256 + packet[3]!;
  const outer =
    verdict.action === VerdictAction.ENCAPSULATE
      ? withNote(packet, length, verdict, source)
      : withoutNote(packet, length, server.address, source);
  const { nextHop, ownHop, vlan } = pairRoute(server);
  const tag = vlan === undefined ? [] : [0x81, 0, vlan >>> 8, vlan & 255];
  const headerBytes = ETHERNET_BYTES + tag.length;
  // What stood behind the packet in its frame still does.
  const frame = new Uint8Array(headerBytes + outer.length + packet.length - length);
  frame.set(nextHop);
  frame.set(ownHop, 6);
  frame.set(tag, 12);
  frame.set(source.family === 4 ? [8, 0] : [0x86, 0xdd], headerBytes - 2);
  frame.set(outer, headerBytes);
  frame.set(packet.subarray(length), headerBytes + outer.length);
  return frame;
}

function withNote(packet: Uint8Array, length: number, verdict: Verdict, source: IpAddress): Uint8Array {
  const { server, previous, movedAtSeconds, generation } = verdict;
  const note = {
    source,
    destination: server!.address,
    previous: previous?.address,
    movedAtSeconds,
    generation,
  };
  return encapsulate(packet, 0, length, note);
}

function withoutNote(
  packet: Uint8Array,
  length: number,
  destination: IpAddress,
  source: IpAddress,
): Uint8Array {
  const isV6 = packet[0]! >>> 4 === 6;
  const headerBytes = source.family === 4 ? 20 : 40;
  const outer = new Uint8Array(headerBytes + length);
  const trafficClass = isV6 ? ((packet[0]! << 4) | (packet[1]! >>> 4)) & 0xff : packet[1]!;
  emitIpHeader(outer, 0, {
    ...{ source, destination, protocol: isV6 ? 41 : 4, payloadLength: length, hopLimit: 250 },
    dscpEcn: trafficClass & 0xfc,
  });
  outer.set(packet.subarray(0, length), headerBytes);
  return outer;
}

/** What a pair stands before, where it is not what packets are drawn for. */
export interface PairPlace {
  readonly services?: readonly Endpoint[];
  readonly joinPortBase?: number;
  /** When it begins, in ns. */
  readonly start?: number;
}

/** See the module. */
export class XdpPair {
  readonly engine: Balancer;
  readonly kernel: XdpBalancer;
  private readonly source: IpAddress;
  private counted: number[];

  constructor(
    design: XdpDesign,
    family: 4 | 6,
    servers: readonly ServerSpec[],
    settings: Partial<SteeringSettings> = {},
    { services = drawnServices, joinPortBase = drawnPortBase, start = pairStart }: PairPlace = {},
  ) {
    const common = { design, services, servers, joinPortBase, settings: { ...pairSettings, ...settings } };
    this.source = pairSources[family];
    this.engine = new Balancer(start, { ...common, random: new SeededRandom(1) });
    this.kernel = new XdpBalancer(start, { ...common, source: this.source, route: pairRoute });
    this.counted = this.kernel.counterValues();
  }

  setServers(now: number, servers: readonly ServerSpec[]): void {
    this.engine.setServers(now, servers);
    this.kernel.setServers(now, servers);
  }

  /**
   * Gives both the packet, one byte long at least, in a frame with as many tags; throws when they do not agree. Gives the position
   * of the reason.
   */
  check(now: number, packet: Uint8Array, label: string, tags = 0): number {
    const verdict = this.engine.steer(now, packet);
    const frame = frameOf(packet, tags);
    const result = this.kernel.run(frame);
    const isForwarded = verdict.server !== undefined;
    const isPassed = verdict.action === VerdictAction.PASS;
    const expected = {
      reason: verdict.reason as number,
      verdict: isForwarded ? XdpAction.TX : isPassed ? XdpAction.PASS : XdpAction.DROP,
      packet: isForwarded ? forwardedFrame(packet, verdict, this.source) : frame,
    };
    const reason = this.newReason();
    const isSame =
      reason === expected.reason &&
      result.verdict === expected.verdict &&
      Buffer.compare(result.packet, expected.packet) === 0;
    if (!isSame) throw new Error(describe(label, packet, expected, { ...result, reason }));
    return reason;
  }

  /** The designs' counters as the kernel names them, by what the engine counted. */
  get expectedCounters(): Readonly<Record<string, number>> {
    const { joins, joinsByChance, tokensLearned, tokenCollisions } = this.engine.steeringCounters;
    return {
      ...{ joins, 'joins-by-chance': joinsByChance },
      ...{ 'tokens-learned': tokensLearned, 'token-collisions': tokenCollisions },
    };
  }

  close(): void {
    this.kernel.close();
  }

  /** Position of the reason for which the kernel did not forward its last packet; -1 when it gave none or several. */
  private newReason(): number {
    const before = this.counted;
    this.counted = this.kernel.counterValues();
    let reason = -1;
    for (let i = 0; i < verdictReasonNames.length; i++) {
      const rose = this.counted[i]! - before[i]!;
      if (rose === 0) continue;
      if (rose > 1 || reason >= 0) return -1;
      reason = i;
    }
    return reason;
  }
}

interface Outcome {
  readonly reason: number;
  readonly verdict: number;
  readonly packet: Uint8Array;
}

function describe(label: string, packet: Uint8Array, expected: Outcome, got: Outcome): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const words = ({ reason, verdict, packet: frame }: Outcome): string =>
    `${verdictReasonNames[reason] ?? `reason ${reason}`}, action ${verdict}, frame ${hex(frame)}`;
  return `${label}: ${hex(packet)}\n  TypeScript: ${words(expected)}\n  kernel:     ${words(got)}`;
}
