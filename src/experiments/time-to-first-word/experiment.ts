/** How long somebody who talks to a phone waits for the first word of the answer, on walks at the edge of the Wi-Fi. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Figure, renderFigure, type Point } from '../../plot/index.js';
import { type Estimate, jackknife } from '../confidence.js';
import { atMost, type Check, defineExperiment, type FinishedTrial, inMs, type Row } from '../experiment.js';
import { liveDistributions } from '../live.js';
import { phoneLinkParameters } from '../mobility/flags.js';
import { phoneVariants } from '../mobility/variants.js';
import { quantile } from '../quantile.js';
import { runWithSeeds } from '../with-seeds.js';
import { published } from './published.js';
import { talkOnWalk, type WordRun, type WordTrial } from './world.js';

const source =
  'Apple, WWDC 2017, session 707: with Multipath TCP the 95th percentile of the time to first word of Siri is 20 % lower, and ' +
  'five times fewer requests fail for the network';

/** The published bar: parts of what TCP has. */
const bar = { time: 0.8, failures: 0.2 } as const;
/** Groups of walks of which one at a time is left out, for an interval. */
const groupCount = 8;

/** All walks of one variant. */
interface VariantRuns {
  readonly name: string;
  readonly runs: readonly WordRun[];
  /** In ns. */
  readonly p95: Estimate;
  /** The same over what TCP had on the same walks. */
  readonly ratio: Estimate;
  readonly failures: number;
}

export const timeToFirstWord = defineExperiment({
  name: 'time-to-first-word',
  title: 'How long a phone takes to answer its owner at the edge of the Wi-Fi',
  source,
  summary:
    'Somebody walks about within reach of an access point and out of it, and talks to the phone: two seconds of speech go up ' +
    'while they are spoken, and the answer comes down. Every few requests have a connection of their own, begun on Wi-Fi ' +
    'while the phone is associated. TCP stays on the link that it began on until that is gone; each service type has the ' +
    'cellular link to spare. What counts is the time from the end of the speech to the first byte of the answer; a request ' +
    'fails when its connection breaks or its answer takes too long. Walks have seeds of their own, the same for all.',
  parameters: {
    ...phoneLinkParameters,
    walks: { kind: 'number', default: 64, min: 1, max: 10_000, whole: true, doc: 'walks with each variant' },
    durationNs: {
      ...{ kind: 'duration', default: 90 * SECOND, min: 10 * SECOND, max: 3600 * SECOND },
      doc: 'length of a walk',
    },
    farthestM: {
      ...{ kind: 'number', default: 45, min: 5, max: 500 },
      doc: 'greatest distance from the access point, in m',
    },
    shadowDb: {
      ...{ kind: 'number', default: 4, min: 0, max: 20 },
      doc: 'standard deviation of the shadows of walls and people, in dB',
    },
    intervalNs: {
      ...{ kind: 'duration', default: 7 * SECOND, min: 3 * SECOND, max: 600 * SECOND },
      doc: 'from the beginning of a request to that of the next',
    },
    requestsPerConnection: {
      ...{ kind: 'number', default: 4, min: 1, max: 1000, whole: true },
      doc: 'requests after which the phone begins a new connection',
    },
    answerBytes: { kind: 'size', default: 4000, min: 1, max: 1e6, doc: 'size of an answer' },
    thinkNs: {
      ...{ kind: 'duration', default: 200 * MILLISECOND, min: 0, max: 10 * SECOND },
      doc: 'time that the server takes to understand',
    },
    patienceNs: {
      ...{ kind: 'duration', default: 5 * SECOND, min: 100 * MILLISECOND, max: 60 * SECOND },
      doc: 'time after which a request has failed',
    },
  },
  small: { walks: 16 },
  published,
  columns: [
    { name: 'serviceType', title: 'service type', kind: 'text' },
    { name: 'requests', title: 'requests', kind: 'number' },
    { name: 'failures', title: 'failed', kind: 'number' },
    { name: 'medianMs', title: 'median (ms)', kind: 'number' },
    { name: 'p95Ms', title: '95th percentile (ms)', kind: 'number' },
    { name: 'p95HalfWidthMs', title: '95 % (± ms)', kind: 'number' },
    { name: 'overTcp', title: 'over TCP', kind: 'number', digits: 2 },
    { name: 'overTcpHalfWidth', title: '95 % (±)', kind: 'number', digits: 2 },
    { name: 'cellularBytes', title: 'cellular (B a walk)', kind: 'number' },
  ],
  trial: talkOnWalk,
  live: liveFigure,

  async run(context) {
    const { parameters } = context;
    const { walks, patienceNs } = parameters;
    const items = phoneVariants.map(({ name }) => ({ parameters, variant: name }));
    const nameOf = ({ variant, seed: walk }: WordTrial): string => `${variant}, walk ${walk}`;
    const found = await runWithSeeds<Omit<WordTrial, 'seed'>, WordRun>(context, items, walks, nameOf);
    const tcp = found[0]!.outcomes;
    const all = found.map(({ item, outcomes }) =>
      summaryOf(item.variant, { own: outcomes, tcp }, patienceNs),
    );
    return {
      rows: all.map(rowOf),
      figures: { waits: figureOf(all, patienceNs) },
      checks: checksOf(all),
    };
  },
});

/** The waits of a walk for the figure: for a request that failed somebody waited as long as patience lasts. */
function waitsOf({ waitsNs, failures }: WordRun, patienceNs: number): number[] {
  return [...waitsNs, ...new Array<number>(failures).fill(patienceNs)];
}

/** The same walks, or some of them, with a variant and with TCP. */
interface WalkGroup {
  readonly own: readonly WordRun[];
  readonly tcp: readonly WordRun[];
}

/** The 95th percentile of what was answered, in ns; patience where nothing was. */
function p95Of(runs: readonly WordRun[], patienceNs: number): number {
  const waits = runs.flatMap(({ waitsNs }) => waitsNs);
  return waits.length === 0 ? patienceNs : quantile(waits, 0.95);
}

function summaryOf(name: string, { own, tcp }: WalkGroup, patienceNs: number): VariantRuns {
  const every = (runs: readonly WordRun[], first: number): WordRun[] =>
    runs.filter((_, index) => index % groupCount === first);
  const groups = Array.from({ length: Math.min(groupCount, own.length) }, (_, first): WalkGroup => ({
    own: every(own, first),
    tcp: every(tcp, first),
  }));
  const p95 = (runs: readonly (readonly WordRun[])[]): number => p95Of(runs.flat(), patienceNs);
  return {
    ...{ name, runs: own },
    p95: jackknife(groups, (kept) => p95(kept.map((group) => group.own))),
    ratio: jackknife(
      groups,
      (kept) => p95(kept.map((group) => group.own)) / p95(kept.map((group) => group.tcp)),
    ),
    failures: own.reduce((sum, { failures }) => sum + failures, 0),
  };
}

function rowOf({ name, runs, p95, ratio, failures }: VariantRuns): Row {
  const waits = runs.flatMap(({ waitsNs }) => waitsNs);
  return {
    serviceType: name,
    requests: waits.length + failures,
    failures,
    medianMs: waits.length === 0 ? null : quantile(waits, 0.5) / MILLISECOND,
    p95Ms: inMs(p95.mean),
    p95HalfWidthMs: inMs(p95.halfWidth),
    overTcp: ratio.mean,
    overTcpHalfWidth: ratio.halfWidth,
    cellularBytes: runs.reduce((sum, { cellularBytes }) => sum + cellularBytes, 0) / runs.length,
  };
}

function checksOf([tcp, ...others]: readonly VariantRuns[]): Check[] {
  return others.flatMap(({ name, ratio, failures }) => [
    atMost(`${name}: 95th percentile of the time to first word, over that of TCP`, ratio.mean, bar.time),
    atMost(
      `${name}: failed requests, at most a fifth of those of TCP`,
      failures,
      tcp!.failures * bar.failures,
    ),
  ]);
}

/** What is shown: above this share of the requests, and up to this time. */
const shown = { leastShare: 0.8, mostS: 2 } as const;

/** Which share of the requests had their first word by when. */
function figureOf(all: readonly VariantRuns[], patienceNs: number): string {
  return renderFigure({
    kind: 'xy',
    title: 'Time to first word on walks at the edge of the Wi-Fi',
    caption:
      'Share of all requests whose answer had begun by then; what is missing at the right edge took longer or failed. After ' +
      `${source}.`,
    x: { label: 'time since the end of the speech', unit: 's', low: 0, high: shown.mostS },
    y: { label: 'requests', unit: '%', low: shown.leastShare * 100, high: 100 },
    series: all.map(({ name, runs }) => ({
      ...{ name, kind: 'step' },
      points: sharesOf(runs.flatMap((run) => waitsOf(run, patienceNs)).sort((a, b) => a - b)),
    })),
  });
}

function sharesOf(sorted: readonly number[]): Point[] {
  const points: Point[] = [];
  sorted.forEach((waitNs, index) => {
    const share = (index + 1) / sorted.length;
    if (share >= shown.leastShare && waitNs <= shown.mostS * SECOND)
      points.push({ x: waitNs / SECOND, y: share * 100 });
  });
  const last = points.at(-1) ?? { x: 0, y: shown.leastShare * 100 };
  return [...points, { x: shown.mostS, y: last.y }];
}

/** How long those waited who are known so far; a walk on which nobody was answered adds nothing. */
function liveFigure(finished: readonly FinishedTrial<WordTrial, WordRun>[]): Figure {
  const series = liveDistributions(finished, ({ input, output }) => ({
    ...{ series: input.variant, values: output.waitsNs.map((ns) => ns / SECOND) },
  }));
  return {
    ...{ kind: 'xy', title: 'Time to the first word, so far', caption: '', series },
    x: { label: 'wait', unit: 's', low: 0 },
    y: { label: 'share', low: 0, high: 1 },
  };
}
