/** What traffic of several kinds goes through while a phone leaves the Wi-Fi, as a phone app measured it. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Figure } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import {
  atMost,
  type Check,
  defineExperiment,
  equals,
  type FinishedTrial,
  inMs,
  type Row,
} from '../experiment.js';
import { liveDistributions } from '../live.js';
import { phoneLinkParameters } from '../mobility/flags.js';
import { phoneVariants } from '../mobility/variants.js';
import { quantile } from '../quantile.js';
import { runWithSeeds } from '../with-seeds.js';
import { bulkFigure, streamFigure, worstFigure } from './figures.js';
import { delaysOf, type TesterRuns, worstDelays } from './runs.js';
import { directions, patienceNs, type TesterRun, type TesterTrial, testOnWalk, traffics } from './world.js';

const source =
  'De Coninck, Bonaventure: MultipathTester: Comparing MPTCP and MPQUIC in Mobile Environments, MNM at TMA 2019; the same: ' +
  'Observing Network Handovers with Multipath TCP, SIGCOMM 2018 (poster)';

export const multipathTester = defineExperiment({
  name: 'multipath-tester',
  title: 'Files, requests and streams while a phone leaves the Wi-Fi',
  source,
  summary:
    'Somebody stands near an access point, walks away from it until nothing is heard of it any more, and uses the network ' +
    'all the while: a file each way, begun on the way; requests of 750 bytes with answers of 750 every 400 ms; a block of 2 kB ' +
    'every 100 ms, acknowledged by the other application. Delays are what the side that sends sees. With TCP the phone ' +
    'begins a new connection when the one on the Wi-Fi is gone, and what was under way is missed.',
  parameters: {
    ...phoneLinkParameters,
    walks: { kind: 'number', default: 8, min: 1, max: 10_000, whole: true, doc: 'walks of each kind' },
    walkNs: {
      ...{ kind: 'duration', default: 40 * SECOND, min: SECOND, max: 600 * SECOND },
      doc: 'time that the walk away takes',
    },
    farthestM: {
      ...{ kind: 'number', default: 60, min: 5, max: 500 },
      doc: 'distance from the access point at its end, in m',
    },
    shadowDb: {
      ...{ kind: 'number', default: 4, min: 0, max: 20 },
      doc: 'standard deviation of the shadows of walls and people, in dB',
    },
    bulkBytes: { kind: 'size', default: 10e6, min: 10e3, max: 1e9, doc: 'size of a file' },
    bulkAtNs: {
      ...{ kind: 'duration', default: 22 * SECOND, min: 0, max: 600 * SECOND },
      doc: 'when the file is begun: five seconds pass before the walk begins',
    },
    traffic: { kind: 'choice', default: 'all', choices: ['all', ...traffics], doc: 'kind of traffic' },
  },
  small: { walks: 1 },
  columns: [
    { name: 'traffic', title: 'traffic', kind: 'text' },
    { name: 'direction', title: 'direction', kind: 'text' },
    { name: 'serviceType', title: 'service type', kind: 'text' },
    { name: 'answered', title: 'answered', kind: 'number' },
    { name: 'missed', title: 'missed', kind: 'number' },
    { name: 'medianMs', title: 'median (ms)', kind: 'number' },
    { name: 'p95Ms', title: '95th percentile (ms)', kind: 'number' },
    { name: 'worstMs', title: 'worst of a walk (ms)', kind: 'number' },
    { name: 'worstHalfWidthMs', title: '95 % (± ms)', kind: 'number' },
    { name: 'cellularShare', title: 'cellular', kind: 'number', digits: 2 },
  ],
  trial: testOnWalk,
  live: liveFigure,

  async run(context) {
    const { parameters } = context;
    const { walks, traffic: wanted } = parameters;
    const kinds = traffics
      .filter((traffic) => wanted === 'all' || wanted === traffic)
      .flatMap((traffic) =>
        directions.flatMap((direction) =>
          phoneVariants.map(({ name: variant }) => ({ traffic, direction, variant })),
        ),
      );
    const items = kinds.map((kind) => ({ ...kind, parameters }));
    const nameOf = ({ traffic, direction, variant }: TesterTrial): string =>
      `${traffic} ${direction}, ${variant}`;
    const found = await runWithSeeds<Omit<TesterTrial, 'seed'>, TesterRun>(context, items, walks, nameOf);
    const all = found.map(({ item, outcomes }): TesterRuns => ({ ...item, runs: outcomes }));
    const stream = streamFigure(all, source);
    return {
      rows: all.map(rowOf),
      figures: {
        ...(wanted !== 'bulk' && { worst: worstFigure(all, source) }),
        ...((wanted === 'all' || wanted === 'bulk') && { bulk: bulkFigure(all, source) }),
        ...(stream !== undefined && { stream }),
      },
      checks: checksOf(all),
    };
  },
});

function rowOf(all: TesterRuns): Row {
  const { traffic, direction, variant, runs } = all;
  const delays = runs.flatMap(delaysOf);
  const worst = worstDelays(all);
  const isAny = delays.length > 0;
  const { mean, halfWidth } = isAny ? estimate(worst) : { mean: null, halfWidth: null };
  return {
    ...{ traffic, direction, serviceType: variant, answered: delays.length },
    missed: missedOf(all),
    medianMs: isAny ? quantile(delays, 0.5) / MILLISECOND : null,
    p95Ms: isAny ? quantile(delays, 0.95) / MILLISECOND : null,
    worstMs: inMs(mean),
    worstHalfWidthMs: inMs(halfWidth),
    cellularShare: runs.reduce((sum, { cellularShare }) => sum + cellularShare, 0) / runs.length,
  };
}

function missedOf({ runs }: TesterRuns): number {
  return runs.reduce((sum, { missed }) => sum + missed, 0);
}

/** Multipath TCP loses nothing, and no stream of it stands still for longer than one of TCP. */
function checksOf(all: readonly TesterRuns[]): Check[] {
  const multipath = all.filter(({ variant }) => variant !== 'none');
  // Somebody who misses a block has waited as long as patience lasts.
  const worstMs = (one: TesterRuns): number =>
    (missedOf(one) > 0 ? patienceNs : estimate(worstDelays(one)).mean) / MILLISECOND;
  const streams = multipath.filter(({ traffic }) => traffic === 'stream');
  return [
    equals(
      'over Multipath TCP: requests, blocks and files that were missed',
      multipath.reduce((sum, one) => sum + missedOf(one), 0),
      0,
    ),
    ...streams.map((one) => {
      const tcp = all.find(
        (other) =>
          other.traffic === 'stream' && other.direction === one.direction && other.variant === 'none',
      )!;
      const name = `${one.variant}, stream ${one.direction}: mean of the worst delays (ms), at most that of TCP`;
      return atMost(name, worstMs(one), worstMs(tcp));
    }),
  ];
}

/** How long answers took that are known so far, of all traffics together. */
function liveFigure(finished: readonly FinishedTrial<TesterTrial, TesterRun>[]): Figure {
  const series = liveDistributions(finished, ({ input, output }) => ({
    ...{ series: input.variant, values: output.delays.map(({ delayNs }) => delayNs / SECOND) },
  }));
  return {
    ...{ kind: 'xy', title: 'Time to an answer, so far', caption: '', series },
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'share', low: 0, high: 1 },
  };
}
