/** How long short answers, files, web pages and pieces of a video take over unlike paths, by scheduler. */

import { SECOND } from '../../base/index.js';
import { schedulers as allSchedulers } from '../../mptcp/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { congestionControls } from '../../tcp/index.js';
import { defineExperiment, type FinishedTrial, type Row } from '../experiment.js';
import { liveDistributions } from '../live.js';
import { distributionPoints } from '../quantile.js';
import { unlikeLinkParameters } from '../unlike-links.js';
import { seedsFrom } from '../with-seeds.js';
import { checksOf } from './checks.js';
import { drawLinks } from './links.js';
import { type Distribution, distributionOf } from './results.js';
import {
  measureTraffic,
  type SchedulerOutcome,
  type SchedulerTrial,
  type Traffic,
  traffics,
} from './world.js';

const source =
  'Paasch, Ferlin, Alay, Bonaventure: Experimental Evaluation of Multipath TCP Schedulers, CSWS 2014; Ferlin, Alay, Mehani, ' +
  'Boreli: BLEST, IFIP Networking 2016; Lim, Nahum, Towsley, Gibbens: ECF, CoNEXT 2017; Frömmgen et al.: ReMP TCP, ICC 2016';

/** In the order of the table; the first is what the others are compared with. */
const schedulers: readonly string[] = Object.keys(allSchedulers);

export const schedulerComparison = defineExperiment({
  name: 'schedulers',
  title: 'How long downloads take over unlike paths, by scheduler',
  source,
  summary:
    'Wi-Fi and a cellular link with a long queue, drawn around those of NSDI 2012 again and again, and a small receive ' +
    'buffer. Over each pair of links, with each scheduler: short answers over a connection that is there, a file, a web page ' +
    'over six connections, and a video whose pieces are wanted at fixed times. Schedulers that know what a slow path holds ' +
    'up should never be slower than lowest RTT, redundancy should shorten short answers, and taking turns should be worst.',
  parameters: {
    traffic: { kind: 'choice', default: 'all', choices: ['all', ...traffics], doc: 'one kind, or all' },
    scheduler: {
      ...{ kind: 'choice', default: 'all', choices: ['all', ...schedulers] },
      doc: 'one scheduler beside lowest-rtt, or all',
    },
    runs: {
      ...{ kind: 'number', default: 5, min: 1, max: 100, whole: true },
      doc: 'runs: with the seed, the next one and so on; each draws links of its own',
    },
    pairs: {
      ...{ kind: 'number', default: 12, min: 1, max: 1000, whole: true },
      doc: 'pairs of links in each run',
    },
    ...unlikeLinkParameters,
    wifiLoss: {
      ...{ kind: 'number', default: 0.005, min: 0, max: 0.2 },
      doc: 'part of the packets lost at random on Wi-Fi, at the most',
    },
    spread: {
      ...{ kind: 'number', default: 2, min: 1, max: 10 },
      doc: 'how many times more or less each of these may be',
    },
    shortBytes: { kind: 'size', default: 100e3, min: 1000, max: 10e6, doc: 'a short answer' },
    bulkBytes: { kind: 'size', default: 4e6, min: 10e3, max: 1e9, doc: 'the file' },
    videoShare: {
      ...{ kind: 'number', default: 0.6, min: 0.05, max: 1 },
      doc: 'rate of the video, as a part of what both links carry together',
    },
    windowBytes: { kind: 'size', default: 256e3, min: 16e3, max: 64e6, doc: 'receive buffer' },
    congestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control',
    },
    unblock: {
      ...{ kind: 'choice', default: 'off', choices: ['on', 'off'] },
      doc: 'opportunistic retransmission and penalisation, which help schedulers that let a slow path block the window',
    },
  },
  small: { traffic: 'short', runs: 2, pairs: 4 },
  columns: [
    { name: 'traffic', title: 'traffic', kind: 'text' },
    { name: 'scheduler', title: 'scheduler', kind: 'text' },
    { name: 'medianMs', title: 'median (ms)', kind: 'number' },
    { name: 'medianHalfWidthMs', title: '95 % ±', kind: 'number' },
    { name: 'p95Ms', title: '95th percentile (ms)', kind: 'number' },
    { name: 'p95HalfWidthMs', title: '95 % ±', kind: 'number' },
    { name: 'ratio', title: 'over lowest-rtt', kind: 'number', digits: 2 },
    { name: 'ratioHalfWidth', title: '95 % ±', kind: 'number', digits: 2 },
    { name: 'cellularShare', title: 'cellular share', kind: 'number', digits: 2 },
  ],
  trial: measureTraffic,
  live: liveFigure,

  async run({ seed, parameters, runTrials }) {
    const { traffic: kind, scheduler: one, runs, pairs, ...others } = parameters;
    const chosen = traffics.filter((traffic) => kind === 'all' || kind === traffic);
    const compared = schedulers.filter((name, index) => index === 0 || one === 'all' || one === name);
    const seeds = seedsFrom(seed, runs);
    const drawn = seeds.map((own) => drawLinks(others, pairs, own));
    const { shortBytes, bulkBytes, videoShare, windowBytes, congestion, unblock } = others;
    const given = { shortBytes, bulkBytes, videoShare, windowBytes, congestion, unblock };
    const trials = chosen.flatMap((traffic) =>
      compared.flatMap((scheduler) =>
        drawn.flatMap((run, at) =>
          run.map((links, pair) => ({
            ...{ parameters: given, traffic, scheduler, links },
            seed: (seeds[at]! * 1000 + pair) % 2 ** 32,
          })),
        ),
      ),
    );
    const nameOf = ({ traffic, scheduler }: SchedulerTrial): string => `${traffic}, ${scheduler}`;
    const outcomes = await runTrials<SchedulerTrial, SchedulerOutcome>(trials, nameOf);
    const seedsOf = (traffic: number, scheduler: number): SchedulerOutcome[][] => {
      const first = (traffic * compared.length + scheduler) * runs * pairs;
      return seeds.map((_, at) => outcomes.slice(first + at * pairs, first + (at + 1) * pairs));
    };
    const distributions = chosen.flatMap((traffic, index) =>
      compared.map((scheduler, at) =>
        distributionOf(traffic, scheduler, seedsOf(index, at), seedsOf(index, 0)),
      ),
    );
    return {
      rows: distributions.map(rowOf),
      figures: Object.fromEntries(chosen.map((traffic) => [traffic, figureOf(traffic, distributions)])),
      checks: checksOf(distributions, unblock === 'on'),
    };
  },
});

function rowOf({ traffic, scheduler, median, p95, ratio, secondShare }: Distribution): Row {
  return {
    ...{ traffic, scheduler, medianMs: median.mean, medianHalfWidthMs: median.halfWidth },
    ...{ p95Ms: p95.mean, p95HalfWidthMs: p95.halfWidth, ratio: ratio.mean, ratioHalfWidth: ratio.halfWidth },
    cellularShare: secondShare,
  };
}

const what: Readonly<Record<Traffic, string>> = {
  short: 'Short answers',
  bulk: 'A file',
  web: 'A web page',
  video: 'Pieces of a video',
};

const axes = {
  x: { label: 'time until all has come', unit: 's', low: 0 },
  y: { label: 'part of the downloads', low: 0, high: 1 },
} as const;

/** The traffic that is being run: what is known of it by now. */
function liveFigure(finished: readonly FinishedTrial<SchedulerTrial, SchedulerOutcome>[]): Figure {
  const { traffic } = finished.at(-1)!.input;
  const same = finished.filter(({ input }) => input.traffic === traffic);
  const series = liveDistributions(same, ({ input, output }) => ({
    ...{ series: input.scheduler, values: output.timesNs.map((ns) => ns / SECOND) },
  }));
  return { kind: 'xy', title: `${what[traffic]}, so far`, caption: '', ...axes, series };
}

function figureOf(traffic: Traffic, distributions: readonly Distribution[]): string {
  return renderFigure({
    kind: 'xy',
    title: `${what[traffic]}: how long they take over unlike paths`,
    caption:
      'Over the same pairs of links with each scheduler: Wi-Fi and a cellular link with a long queue. After Paasch et al., CSWS ' +
      '2014; BLEST, Networking 2016; ECF, CoNEXT 2017.',
    ...axes,
    series: distributions
      .filter((distribution) => distribution.traffic === traffic)
      .map(({ scheduler, timesMs }) => ({
        ...{ name: scheduler, kind: 'step' as const },
        points: distributionPoints(timesMs.map((ms) => ms / 1000)),
      })),
  });
}
