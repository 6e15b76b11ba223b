/**
 * What the playground simulates: paths, what runs over them, and what happens meanwhile. A scenario is data, complete in
 * itself: the same one gives the same packets in a page and on the command line. Owns the limits that keep a scenario from
 * anywhere (a link that somebody sent) within bounds; how it is written is in `scenario-text.ts`.
 */
import { MILLISECOND, SECOND } from '../base/index.js';
import type { LinkKind } from '../policy/index.js';
import type { Place } from './floor-plan.js';
import { FULL_MESH } from './names.js';

/** One path between the two hosts. */
export interface PathScenario {
  /** What plots and tables call it: letters, digits, hyphens and blanks. */
  readonly name: string;
  /** Rate of either direction, in bit/s. */
  readonly rateBps: number;
  /** Propagation delay of one direction, in ns. */
  readonly delayNs: number;
  /** Share of packets that the medium loses, in either direction, from 0 to 1. */
  readonly loss: number;
  /** Room for packets that wait for the link, in bytes. */
  readonly bufferBytes: number;
  /** A box before the client, by its name among the registered behaviours; empty for none. */
  readonly box: string;
  /** Whether the client asks for its subflow to be a backup. */
  readonly isBackup: boolean;
}

/** What the application does. The client asks, the server answers; what counts is how the answers arrive. */
export type Traffic =
  /** One answer of so many bytes. */
  | { readonly kind: 'bulk'; readonly bytes: number }
  /** One request after the other, a pause between an answer and the next request. */
  | {
      readonly kind: 'requests';
      readonly count: number;
      readonly bytes: number;
      readonly pauseNs: number;
    }
  /** One answer that comes up at a rate, as live video does. */
  | { readonly kind: 'stream'; readonly rateBps: number; readonly durationNs: number };

/** What is done to a path by a click. */
export const incidentKinds = ['kill', 'fade', 'restore'] as const;
/**
 * `kill`: packets vanish and nobody is told; `fade`: a tenth of the rate, and a tenth of the packets lost; `restore`: as it
 * was at the beginning.
 */
export type IncidentKind = (typeof incidentKinds)[number];

/** What happens to a path. */
export type Incident = {
  /** When, in whole microseconds from the beginning. */
  readonly atUs: number;
  /** Index of the path. */
  readonly path: number;
} & (
  | { readonly what: IncidentKind }
  /** The phone is at a place of the floor plan from then on, and the path is what the radio leaves of it there. */
  | { readonly what: 'place'; readonly place: Place }
);

export interface Scenario {
  /** Where all that is random comes from: 0 to 2^32 - 1. */
  readonly seed: number;
  readonly paths: readonly PathScenario[];
  /** Name of the scheduler of both hosts. */
  readonly scheduler: string;
  /** Name of the congestion control of every subflow. */
  readonly congestion: string;
  /** What the client asks its paths for; `full-mesh` opens a subflow over every path, without a service type. */
  readonly service: string;
  /** Version of Multipath TCP that the client asks for. */
  readonly version: 0 | 1;
  /** Whether both hosts want DSS checksums. */
  readonly checksum: boolean;
  /** The client's receive buffer, in bytes: the largest window that it advertises. */
  readonly windowBytes: number;
  readonly traffic: Traffic;
  readonly incidents: readonly Incident[];
}

/** Bounds of every number of a scenario. */
export const scenarioLimits = Object.freeze({
  paths: { low: 2, high: 6 },
  nameLength: 16,
  rateBps: { low: 10_000, high: 1e9 },
  delayNs: { low: 0, high: 5 * SECOND },
  loss: { low: 0, high: 0.5 },
  bufferBytes: { low: 1500, high: 16e6 },
  windowBytes: { low: 8000, high: 16e6 },
  bulkBytes: { low: 1, high: 1e9 },
  requestBytes: { low: 1, high: 10e6 },
  requests: { low: 1, high: 1000 },
  pauseNs: { low: 0, high: 10 * SECOND },
  streamNs: { low: 100 * MILLISECOND, high: 600 * SECOND },
  incidents: 300,
  seed: { low: 0, high: 0xffff_ffff },
});

const wifi: PathScenario = {
  ...{ name: 'Wi-Fi', rateBps: 20e6, delayNs: 10 * MILLISECOND, loss: 0, bufferBytes: 100_000 },
  ...{ box: '', isBackup: false },
};
const cellular: PathScenario = { ...wifi, name: 'LTE', rateBps: 12e6, delayNs: 35 * MILLISECOND };

/** What a new path is like. */
export const newPaths: readonly PathScenario[] = [
  wifi,
  cellular,
  { ...wifi, name: 'Ethernet', rateBps: 50e6, delayNs: 5 * MILLISECOND },
  { ...cellular, name: '5G', rateBps: 40e6, delayNs: 20 * MILLISECOND },
  { ...cellular, name: 'Satellite', rateBps: 10e6, delayNs: 280 * MILLISECOND, bufferBytes: 500_000 },
  { ...wifi, name: 'DSL', rateBps: 6e6, delayNs: 18 * MILLISECOND },
];

export const defaultTraffic: Readonly<Record<Traffic['kind'], Traffic>> = {
  bulk: { kind: 'bulk', bytes: 20e6 },
  requests: { kind: 'requests', count: 40, bytes: 100_000, pauseNs: 100 * MILLISECOND },
  stream: { kind: 'stream', rateBps: 8e6, durationNs: 20 * SECOND },
};

/** Two paths as a phone has them. */
export const defaultScenario: Scenario = {
  ...{ seed: 1, paths: [wifi, cellular], scheduler: 'lowest-rtt', congestion: 'cubic', service: FULL_MESH },
  ...{ version: 1, checksum: false, windowBytes: 2e6, traffic: defaultTraffic.bulk, incidents: [] },
};

/** What kind of link a path's name stands for; service types go by that. */
export function linkKindOf(name: string): LinkKind {
  if (/wi-?fi|wlan/i.test(name)) return 'wifi';
  if (/lte|[345]g|cell|mobile|satellite/i.test(name)) return 'cellular';
  return /ethernet|dsl|fibre|fiber|wire/i.test(name) ? 'wired' : 'unknown';
}

/** Bytes of the answers of a scenario, all together. */
export function answerBytes(traffic: Traffic): number {
  if (traffic.kind === 'bulk') return traffic.bytes;
  if (traffic.kind === 'requests') return traffic.count * traffic.bytes;
  return Math.floor((traffic.rateBps * traffic.durationNs) / (8 * SECOND));
}
