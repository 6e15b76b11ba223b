/**
 * The situations that congestion control of Multipath TCP is judged by, and what is measured in each. Competitors with one
 * path run New Reno, which is what the sources compare with.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Point } from '../../plot/index.js';
import type { CongestionFactory } from '../../tcp/index.js';
import { FairnessWorld, type FairnessSetup, type UserGroup } from './world.js';

/** What a run of a scenario gives. */
export interface Outcome {
  /** One value for each of the scenario's measures. */
  readonly values: readonly number[];
  /** A curve, where there is one to show: seconds and bit/s. */
  readonly curve?: readonly Point[];
}

/** Something measured. */
export interface Measure {
  readonly name: string;
  /** What the equations of the source give for an algorithm, solved for these rates, or what it measured. */
  readonly expected?: Readonly<Record<string, number>>;
}

export interface Scenario {
  /** In kebab-case. */
  readonly name: string;
  readonly measures: readonly Measure[];
  readonly run: (congestion: CongestionFactory, seed: number, durationNs: number) => Outcome;
}

const DELAY_NS = 20 * MILLISECOND;
/** What of a run is left out at its beginning: slow start, and the way to balance. */
const WARM_UP = 1 / 3;

const mean = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0) / values.length;

/** A pipe whose queue holds what it carries in 100 ms. */
function pipe(rateBps: number) {
  return { rateBps, queueBytes: (rateBps * 0.1) / 8 };
}

/** Goodput in bit/s of each user, by group and path, after the warm-up. */
function goodputs(setup: FairnessSetup, durationNs: number): (group: string, path?: number) => number[] {
  const world = new FairnessWorld(setup);
  const fromNs = durationNs * WARM_UP;
  world.runUntil(fromNs);
  const before = new Map<string, number[]>();
  const keyOf = (group: string, path?: number): string => `${group} ${path ?? ''}`;
  for (const { name, paths } of setup.groups) {
    before.set(keyOf(name), world.ackedBytes(name));
    for (const path of paths.keys()) before.set(keyOf(name, path), world.ackedBytes(name, path));
  }
  world.runUntil(durationNs);
  const seconds = (durationNs - fromNs) / SECOND;
  return (group, path) => {
    const earlier = before.get(keyOf(group, path))!;
    return world.ackedBytes(group, path).map((bytes, index) => ((bytes - earlier[index]!) * 8) / seconds);
  };
}

const sharedBottleneck: Scenario = {
  name: 'shared-bottleneck',
  measures: [{ name: 'MPTCP over TCP', expected: { lia: 1, olia: 1, balia: 1, 'new-reno': 2 } }],
  run(congestion, seed, durationNs) {
    const groups: UserGroup[] = [
      { name: 'mptcp', count: 5, paths: [[0], [0]], congestion },
      { name: 'tcp', count: 5, paths: [[0]] },
    ];
    const goodput = goodputs({ seed, delayNs: DELAY_NS, pipes: [pipe(20e6)], groups }, durationNs);
    return { values: [mean(goodput('mptcp')) / mean(goodput('tcp'))] };
  },
};

/** Rate of each of two links, and of the competitors on the first. */
const TWO_LINKS_BPS = 10e6;
const COMPETITORS = 4;

const twoLinks: Scenario = {
  name: 'two-links',
  measures: [{ name: 'use of the free link' }, { name: 'MPTCP over TCP on the congested link' }],
  run(congestion, seed, durationNs) {
    const groups: UserGroup[] = [
      { name: 'mptcp', count: 1, paths: [[0], [1]], congestion },
      { name: 'tcp', count: COMPETITORS, paths: [[0]] },
    ];
    const pipes = [pipe(TWO_LINKS_BPS), pipe(TWO_LINKS_BPS)];
    const goodput = goodputs({ seed, delayNs: DELAY_NS, pipes, groups }, durationNs);
    return {
      values: [mean(goodput('mptcp', 1)) / TWO_LINKS_BPS, mean(goodput('mptcp', 0)) / mean(goodput('tcp'))],
    };
  },
};

/** CoNEXT 2012: round trips of 150 ms, a third of them in queues. */
const PAPER_DELAY_NS = 50 * MILLISECOND;
const PAPER_USERS = 10;

/**
 * Type 1 users download from a server with a rate of its own, over a private access point and over one that they share
 * with type 2 users: whatever they take there gains them nothing.
 */
const scenarioA: Scenario = {
  name: 'scenario-a',
  measures: [{ name: 'type 1 of its rate' }, { name: 'type 2 of its rate', expected: { lia: 0.74 } }],
  run(congestion, seed, durationNs) {
    const shareBps = 1e6;
    const groups: UserGroup[] = [
      { name: 'one', count: PAPER_USERS, paths: [[0], [0, 1]], congestion },
      { name: 'two', count: PAPER_USERS, paths: [[1]] },
    ];
    const pipes = [pipe(PAPER_USERS * shareBps), pipe(PAPER_USERS * shareBps)];
    const goodput = goodputs({ seed, delayNs: PAPER_DELAY_NS, pipes, groups }, durationNs);
    return { values: [mean(goodput('one')) / shareBps, mean(goodput('two')) / shareBps] };
  },
};

/** Blue users have two providers, X and T. Red users have T; when they get Multipath TCP, also a path through both. */
const scenarioB: Scenario = {
  name: 'scenario-b',
  measures: [{ name: 'total, when Red users upgrade', expected: { lia: 0.87, olia: 0.965 } }],
  run(congestion, seed, durationNs) {
    const total = (redPaths: UserGroup['paths']): number => {
      const groups: UserGroup[] = [
        { name: 'blue', count: 15, paths: [[0], [1]], congestion },
        { name: 'red', count: 15, paths: redPaths, congestion },
      ];
      const pipes = [pipe(27e6), pipe(36e6)];
      const goodput = goodputs({ seed, delayNs: PAPER_DELAY_NS, pipes, groups }, durationNs);
      return mean(goodput('blue')) + mean(goodput('red'));
    };
    return { values: [total([[1], [0, 1]]) / total([[1]])] };
  },
};

/** Type 1 users have an access point of their own, twice as fast, and one that they share with type 2 users. */
const scenarioC: Scenario = {
  name: 'scenario-c',
  measures: [{ name: 'type 1 of its rate' }, { name: 'type 2 of its rate', expected: { lia: 0.77 } }],
  run(congestion, seed, durationNs) {
    const groups: UserGroup[] = [
      { name: 'one', count: PAPER_USERS, paths: [[0], [1]], congestion },
      { name: 'two', count: PAPER_USERS, paths: [[1]] },
    ];
    const pipes = [pipe(PAPER_USERS * 2e6), pipe(PAPER_USERS * 1e6)];
    const goodput = goodputs({ seed, delayNs: PAPER_DELAY_NS, pipes, groups }, durationNs);
    return { values: [mean(goodput('one')) / 2e6, mean(goodput('two')) / 1e6] };
  },
};

/** When the crowd comes to the second link and leaves it, and how long either is watched at most. */
export const CROWD_FROM_NS = 20 * SECOND;
export const CROWD_TO_NS = 50 * SECOND;
const CROWD_END_NS = 80 * SECOND;
const CROWD = 5;
/** Rate of the link that it comes to; the other one has three times that. */
const CROWDED_BPS = 5e6;
/** Step in which goodput is looked at, and over which it is averaged. */
const BIN_NS = SECOND / 2;
const BINS = 4;

/** Five TCP connections come to the slower of two links, and leave again. */
const crowd: Scenario = {
  name: 'crowd',
  measures: [{ name: 'gives way after (s)' }, { name: 'comes back after (s)' }],
  run(congestion, seed) {
    const world = new FairnessWorld({
      seed,
      delayNs: DELAY_NS,
      pipes: [pipe(3 * CROWDED_BPS), pipe(CROWDED_BPS)],
      groups: [
        { name: 'mptcp', count: 1, paths: [[0], [1]], congestion },
        { name: 'tcp', count: CROWD, paths: [[1]], fromNs: CROWD_FROM_NS, toNs: CROWD_TO_NS },
      ],
    });
    const bytes = [0];
    const curve: Point[] = [];
    for (let at = BIN_NS; at <= CROWD_END_NS; at += BIN_NS) {
      world.runUntil(at);
      bytes.push(world.ackedBytes('mptcp', 1)[0]!);
      const from = Math.max(0, bytes.length - 1 - BINS);
      const span = ((bytes.length - 1 - from) * BIN_NS) / SECOND;
      curve.push({ x: at / SECOND, y: ((bytes.at(-1)! - bytes[from]!) * 8) / span });
    }
    // Half more than an equal share of the link; and four fifths of it.
    const fullBps = (1.5 * CROWDED_BPS) / (CROWD + 1);
    const freeBps = 0.8 * CROWDED_BPS;
    return {
      values: [
        after(curve, CROWD_FROM_NS, CROWD_TO_NS, (bps) => bps <= fullBps),
        after(curve, CROWD_TO_NS, CROWD_END_NS, (bps) => bps >= freeBps),
      ],
      curve,
    };
  },
};

/** Seconds from `fromNs` until the goodput `is` so; all there are up to `toNs` if it never is. */
function after(curve: readonly Point[], fromNs: number, toNs: number, is: (bps: number) => boolean): number {
  const from = fromNs / SECOND;
  const found = curve.find(({ x, y }) => x > from && x <= toNs / SECOND && is(y));
  return (found?.x ?? toNs / SECOND) - from;
}

export const scenarios: readonly Scenario[] = [
  sharedBottleneck,
  twoLinks,
  scenarioA,
  scenarioB,
  scenarioC,
  crowd,
];
