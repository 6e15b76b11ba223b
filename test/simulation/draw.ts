/** What a world is made of, drawn from its seed: a plan is plain data, so a failure can print it. */

import { MILLISECOND, SECOND, SeededRandom } from '../../src/base/index.js';
import { burstyLoss, type LinkOptions, noLoss, randomLoss } from '../../src/network/index.js';
import type { LinkFacts, ServiceType } from '../../src/policy/index.js';
import type { MptcpVersion, Nat64PrefixLength } from '../../src/wire/index.js';
import type { FastOpenListenOptions, FastOpenMode } from '../../src/stack/index.js';
import { Dice } from './dice.js';
import { withFeatures } from './features.js';

/** What one path does, and what happens to it. */
export interface PathPlan {
  readonly families: 'ipv4' | 'ipv6' | 'both';
  readonly mtu: number;
  readonly forward: Partial<LinkOptions>;
  readonly backward: Partial<LinkOptions>;
  readonly checksumOffload: boolean;
  readonly maxOffloadBytes: number;
  readonly backup: boolean;
  /** A translator stands before the client. */
  readonly nat: boolean;
  /** The client's end is IPv6 only, with such a translator to the IPv4 of the path; undefined for none. */
  readonly nat64?: Nat64Plan;
  readonly incidents: readonly Incident[];
  /** What the client is told of its end in the beginning; undefined for nothing. */
  readonly link?: LinkFacts;
  /** Name of the behaviour of the box that stands before the client; undefined for none. */
  readonly box?: string;
}

/** A translator from IPv6 to IPv4. */
export interface Nat64Plan {
  readonly prefixLength: Nat64PrefixLength;
  /** Largest IPv6 packet that it hands to the client, in bytes. */
  readonly ipv6Mtu: number;
  readonly filtering: 'endpoint-independent' | 'address-and-port-dependent';
}

/** Something that happens to a path at an instant. */
export interface Incident {
  readonly at: number;
  readonly kind:
    'down' | 'blackhole' | 'up' | 'rebind' | 'rate' | 'delay' | 'signal' | 'no-carrier' | 'carrier';
  /** New rate in bit/s, delay in ns or signal in dBm. */
  readonly value: number;
}

/** What one side of a connection does with it. */
export interface SidePlan {
  readonly writeBytes: number;
  readonly chunkBytes: number;
  /** Waits so long before its first write, in ns. */
  readonly pauseNs: number;
  /** Reads at most so many bytes at a time; Infinity reads all there is. */
  readonly readBytes: number;
  /** Waits so long between reads, in ns. */
  readonly readIntervalNs: number;
  /** How it ends: when all is written, or after it has read `endAfterBytes`. */
  readonly ending: 'half-close' | 'early-close' | 'abort';
  readonly endAfterBytes: number;
}

/** How the stack of one side is set. */
export interface StackPlan {
  readonly multipath: boolean;
  /** Versions of Multipath TCP spoken, the preferred one first. */
  readonly versions: readonly MptcpVersion[];
  readonly fastClose: 'reset' | 'ack';
  readonly dataChecksum: boolean;
  readonly dataSequenceBits: 32 | 64;
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly windowScaling: boolean;
  readonly nagle: boolean;
  readonly delayedAckNs: number;
  /** Name of the congestion control. */
  readonly congestion: string;
  /** Name of the scheduler. */
  readonly scheduler: string;
  readonly opportunisticRetransmission: boolean;
  readonly penalisation: boolean;
  /** Service type; undefined for none chosen: full mesh. */
  readonly serviceType?: ServiceType;
}

export interface ConnectionPlan {
  /** How the client uses Fast Open; undefined for not at all. */
  readonly fastOpen?: FastOpenMode;
  /** How it begins on several paths; undefined for the first one alone. */
  readonly robust?: 'timeout' | 'simultaneous';
  readonly startAt: number;
  readonly client: SidePlan;
  readonly server: SidePlan;
}

export interface WorldPlan {
  readonly seed: number;
  readonly paths: readonly PathPlan[];
  readonly client: StackPlan;
  readonly server: StackPlan;
  readonly connections: readonly ConnectionPlan[];
  /** How the server takes Fast Open; undefined for not at all. */
  readonly fastOpen?: FastOpenListenOptions;
  /** Somebody attacks: so many packets, one in each interval of so many ns; undefined for nobody. */
  readonly attack?: { readonly packets: number; readonly intervalNs: number };
}

/** The plan of the world of this seed. */
export function drawWorld(seed: number): WorldPlan {
  const draw = new Dice(new SeededRandom(seed));
  const families = draw.pick(['ipv4', 'ipv4', 'ipv6', 'both'] as const);
  const pathCount = draw.pick([1, 2, 2, 2, 3, 4]);
  // In most worlds of several paths one of them never fails, so that there is no excuse for an error.
  const surePath = draw.chance(0.75) ? draw.below(pathCount) : -1;
  const paths = Array.from({ length: pathCount }, (_, index) => drawPath(draw, families, index === surePath));
  const connections = Array.from({ length: draw.pick([1, 1, 1, 2, 3]) }, () => drawConnection(draw));
  return withFeatures({ seed, paths, client: drawStack(draw), server: drawStack(draw), connections });
}

function drawPath(draw: Dice, families: PathPlan['families'], isSure: boolean): PathPlan {
  const nat = families !== 'both' && draw.chance(0.25);
  const mtu = draw.chance(0.7) ? 1500 : draw.pick([1280, 1400, 9000]);
  const forward = drawDirection(draw, mtu);
  // Most paths are alike in both directions, in kind at least.
  const backward = draw.chance(0.7) ? { ...forward, loss: drawLoss(draw) } : drawDirection(draw, mtu);
  const checksumOffload = draw.chance(0.5);
  return {
    families,
    mtu,
    forward,
    backward,
    checksumOffload,
    maxOffloadBytes: checksumOffload && draw.chance(0.5) ? draw.pick([8000, 65_000]) : 0,
    backup: draw.chance(0.1),
    nat,
    incidents: draw.chance(isSure ? 0.2 : 0.6) ? drawIncidents(draw, nat, isSure) : [],
  };
}

function drawDirection(draw: Dice, mtu: number): Partial<LinkOptions> {
  const rateBps = draw.magnitude(500_000, 200_000_000);
  const delayNs = draw.chance(0.1) ? 0 : draw.magnitude(100_000, 150 * MILLISECOND);
  const isRough = draw.chance(0.4);
  return {
    mtu,
    rateBps,
    delayNs,
    loss: drawLoss(draw),
    jitterNs: draw.chance(0.3) ? Math.round(delayNs * draw.between(0.1, 1)) : 0,
    queue: draw.chance(0.5)
      ? { ns: draw.magnitude(5 * MILLISECOND, 2 * SECOND) }
      : { bytes: draw.magnitude(5000, 1_000_000) },
    reorderProbability: isRough && draw.chance(0.5) ? draw.between(0, 0.2) : 0,
    reorderNs: draw.magnitude(100_000, 50 * MILLISECOND),
    duplicateProbability: isRough && draw.chance(0.5) ? draw.between(0, 0.1) : 0,
    corruptProbability: isRough && draw.chance(0.5) ? draw.between(0, 0.05) : 0,
  };
}

function drawLoss(draw: Dice): LinkOptions['loss'] {
  const kind = draw.between(0, 1);
  if (kind < 0.4) return noLoss;
  if (kind < 0.7) return randomLoss(draw.between(0, 0.03));
  if (kind < 0.85) return randomLoss(draw.between(0.03, 0.2));
  return burstyLoss(draw.between(0, 0.05), draw.between(1, 4));
}

/** What happens to a path; nothing deadly to one that is to be sure. */
function drawIncidents(draw: Dice, nat: boolean, isSure: boolean): Incident[] {
  const incidents: Incident[] = [];
  const kinds = isSure
    ? (['rate', 'delay'] as const)
    : nat
      ? (['rebind', 'rebind', 'down', 'blackhole'] as const)
      : (['down', 'down', 'blackhole', 'blackhole', 'rate', 'delay'] as const);
  let at = draw.magnitude(5 * MILLISECOND, 3 * SECOND);
  for (let left = draw.pick([1, 1, 2, 3]); left > 0; left--) {
    const kind = draw.pick(kinds);
    const value =
      kind === 'rate' ? draw.magnitude(500_000, 200_000_000) : draw.magnitude(100_000, 200 * MILLISECOND);
    incidents.push({ at, kind, value });
    const isDeath = kind === 'down' || kind === 'blackhole';
    if (isDeath && draw.chance(0.3)) break;
    at += draw.magnitude(10 * MILLISECOND, 20 * SECOND);
    if (isDeath) incidents.push({ at, kind: 'up', value: 0 });
    at += draw.magnitude(10 * MILLISECOND, 5 * SECOND);
  }
  return incidents;
}

function drawStack(draw: Dice): StackPlan {
  const isTiny = draw.chance(0.2);
  return {
    multipath: draw.chance(0.85),
    versions: [1, 0],
    fastClose: 'reset',
    dataChecksum: draw.chance(0.25),
    dataSequenceBits: draw.chance(0.7) ? 64 : 32,
    sendBufferBytes: draw.magnitude(isTiny ? 1000 : 20_000, 1_000_000),
    receiveBufferBytes: isTiny ? draw.magnitude(2000, 20_000) : draw.magnitude(20_000, 2_000_000),
    sack: draw.chance(0.85),
    timestamps: draw.chance(0.85),
    windowScaling: draw.chance(0.85),
    nagle: draw.chance(0.5),
    delayedAckNs: draw.pick([0, 40 * MILLISECOND, 200 * MILLISECOND]),
    congestion: draw.pick(['cubic', 'new-reno']),
    scheduler: 'lowest-rtt',
    opportunisticRetransmission: true,
    penalisation: true,
  };
}

function drawConnection(draw: Dice): ConnectionPlan {
  return {
    startAt: draw.chance(0.5) ? 0 : draw.magnitude(MILLISECOND, 2 * SECOND),
    client: drawSide(draw),
    server: drawSide(draw),
  };
}

/** Nothing, a message, or a transfer that takes its time. */
function drawLength(draw: Dice): number {
  const kind = draw.between(0, 1);
  if (kind < 0.08) return 0;
  if (kind < 0.3) return draw.magnitude(1, 2000);
  return kind < 0.8 ? draw.magnitude(2000, 200_000) : draw.magnitude(100_000, 1_000_000);
}

function drawSide(draw: Dice): SidePlan {
  const isSlow = draw.chance(0.2);
  const ending = draw.chance(0.84) ? 'half-close' : draw.pick(['early-close', 'abort'] as const);
  return {
    writeBytes: drawLength(draw),
    chunkBytes: draw.magnitude(1, 60_000) + 50,
    pauseNs: draw.chance(0.7) ? 0 : draw.magnitude(MILLISECOND, SECOND),
    readBytes: isSlow ? draw.magnitude(500, 30_000) : Number.POSITIVE_INFINITY,
    readIntervalNs: isSlow ? draw.magnitude(MILLISECOND, 300 * MILLISECOND) : 0,
    ending,
    endAfterBytes: draw.magnitude(1, 300_000),
  };
}
