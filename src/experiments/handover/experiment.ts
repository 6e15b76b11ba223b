/**
 * How long an application waits when the Wi-Fi under it dies, by service type: of a sudden or after it has faded, with the
 * loss of carrier known or not; on our stack and on the kernel's.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Figure } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import { atMost, type Check, defineExperiment, type FinishedTrial, inMs, type Row } from '../experiment.js';
import { liveDistributions } from '../live.js';
import { phoneLinkParameters } from '../mobility/flags.js';
import type { CarrierNews } from '../mobility/phone.js';
import { phoneVariants } from '../mobility/variants.js';
import { gapFigure, sequenceFigures } from './figures.js';
import { runOnKernel } from './kernel.js';
import { published } from './published.js';
import {
  type Direction,
  directions,
  type Ending,
  endings,
  type HandoverRun,
  type HandoverTrial,
  newsKinds,
  runHandover,
} from './world.js';

const source =
  'Paasch, Detal, Duchene, Raiciu, Bonaventure: Exploring Mobile/WiFi Handover with Multipath TCP, CellNet 2012; ' +
  'multipath-tcp/mptcp_net-next#554 (a handover of Linux that takes more than 30 s)';

/** Most that a gap may be once the loss of carrier is known, in round-trip times of the new path. */
const knownBoundRtts = 2;
/** Most that it may be where nobody tells, in retransmission timeouts of the old path. */
const unknownBoundRtos = 1.5;

/** All runs of one line of the table. */
export interface HandoverRuns {
  readonly stack: 'subflow' | 'linux';
  readonly variant: string;
  readonly direction: Direction;
  readonly ending: Ending;
  readonly news: CarrierNews;
  readonly runs: readonly HandoverRun[];
}

export const handover = defineExperiment({
  name: 'handover',
  title: 'The gap when the Wi-Fi of a phone dies, by service type',
  source,
  summary:
    'A stream of 2 Mbit/s begins over the cellular link; the Wi-Fi appears, fades away or not, dies and comes back. The gap is the ' +
    'longest time that the application at the other end waits for a byte after the death and before the Wi-Fi is back: in ms, ' +
    'in round-trip times of the cellular path as the sender measures it, and in retransmission timeouts of the Wi-Fi subflow. ' +
    'Where the loss of carrier is known the interface of the phone goes down, otherwise packets vanish and nobody is told. ' +
    'none is plain TCP, which stays on the cellular link. On the kernel, where there is one, a network manager takes the ' +
    'address and the endpoint away when the loss is known; aggregate there is one endpoint for each link, interactive has the ' +
    'cellular one as a backup.',
  parameters: {
    ...phoneLinkParameters,
    rateBps: {
      ...{ kind: 'rate', default: 2e6, min: 1e5, max: 1e9 },
      doc: 'rate of the stream; more than the links carry is as much as they do',
    },
    appearsAtNs: {
      ...{ kind: 'duration', default: SECOND, min: 0, max: 60 * SECOND },
      doc: 'when the Wi-Fi appears',
    },
    fadesAtNs: {
      ...{ kind: 'duration', default: 4 * SECOND, min: 0, max: 120 * SECOND },
      doc: 'when a Wi-Fi that fades begins to',
    },
    diesAtNs: {
      ...{ kind: 'duration', default: 8 * SECOND, min: SECOND, max: 180 * SECOND },
      doc: 'when it dies',
    },
    returnsAtNs: {
      ...{ kind: 'duration', default: 11 * SECOND, min: SECOND, max: 240 * SECOND },
      doc: 'when it comes back',
    },
    endsAtNs: {
      ...{ kind: 'duration', default: 14 * SECOND, min: SECOND, max: 300 * SECOND },
      doc: 'when everything ends',
    },
    lastDbm: {
      ...{ kind: 'number', default: -79, min: -84, max: -30 },
      doc: 'signal that a Wi-Fi that fades dies with, in dBm',
    },
    runs: { kind: 'number', default: 5, min: 1, max: 100, whole: true, doc: 'runs of each line' },
    direction: {
      ...{ kind: 'choice', default: 'both', choices: ['both', ...directions] },
      doc: 'which way the data goes',
    },
  },
  small: { runs: 1, direction: 'download' },
  published,
  columns: [
    { name: 'stack', title: 'stack', kind: 'text' },
    { name: 'serviceType', title: 'service type', kind: 'text' },
    { name: 'direction', title: 'direction', kind: 'text' },
    { name: 'ending', title: 'ending', kind: 'text' },
    { name: 'carrierLoss', title: 'carrier loss', kind: 'text' },
    { name: 'gapMs', title: 'gap (ms)', kind: 'number' },
    { name: 'halfWidthMs', title: '95 % (± ms)', kind: 'number' },
    { name: 'worstMs', title: 'worst (ms)', kind: 'number' },
    { name: 'gapRtt', title: 'gap (RTT)', kind: 'number', digits: 2 },
    { name: 'gapRto', title: 'gap (RTO)', kind: 'number', digits: 2 },
    { name: 'fadeStallMs', title: 'longest stall in the fade (ms)', kind: 'number' },
    { name: 'deliveredBytes', title: 'delivered (B)', kind: 'number' },
    { name: 'cellularShare', title: 'cellular', kind: 'number', digits: 2 },
  ],
  trial: runHandover,
  live: liveFigure,

  async run(context) {
    const { seed, parameters, runTrials, linux, noLinux } = context;
    const trials = linesOf(parameters.direction).flatMap((line) =>
      Array.from({ length: parameters.runs }, (_, run) => ({ ...line, parameters, seed, run })),
    );
    const outcomes = await runTrials<HandoverTrial, HandoverRun>(trials, describe);
    const ours: HandoverRuns[] = [];
    for (let at = 0; at < trials.length; at += parameters.runs) {
      const runs = outcomes.slice(at, at + parameters.runs);
      ours.push({ ...trials[at]!, stack: 'subflow', runs });
    }
    const kernel = linux === undefined ? undefined : await runOnKernel(context, linux, source);
    const all = [...ours, ...(kernel?.lines ?? [])];
    return {
      rows: all.map(rowOf),
      figures: {
        gap: gapFigure(all, source),
        ...sequenceFigures({ parameters, seed, source, direction: trials[0]!.direction }),
        ...kernel?.figures,
      },
      checks: checksOf(ours),
      notes:
        linux === undefined
          ? [noLinux]
          : [`Rows of the stack 'linux': Linux ${linux.kernel}, one run each, in real time.`],
    };
  },
});

function describe({ variant, direction, ending, news }: Omit<HandoverTrial, 'parameters'>): string {
  return `${variant}, ${direction}, ${ending}, ${news}`;
}

/** The lines of the table for our stack. */
function linesOf(direction: string): Pick<HandoverTrial, 'variant' | 'direction' | 'ending' | 'news'>[] {
  return phoneVariants.flatMap(({ name: variant }) =>
    directions
      .filter((one) => direction === 'both' || direction === one)
      .flatMap((one) =>
        endings.flatMap((ending) => newsKinds.map((news) => ({ variant, direction: one, ending, news }))),
      ),
  );
}

function rowOf({ stack, variant, direction, ending, news, runs }: HandoverRuns): Row {
  const gap = estimate(runs.map(({ gapNs }) => gapNs));
  const mean = (valueOf: (run: HandoverRun) => number): number => estimate(runs.map(valueOf)).mean;
  const hasTimeout = runs.every(({ rtoNs }) => rtoNs > 0);
  return {
    ...{ stack, serviceType: variant, direction, ending, carrierLoss: news },
    gapMs: gap.mean / MILLISECOND,
    halfWidthMs: inMs(gap.halfWidth),
    worstMs: Math.max(...runs.map(({ gapNs }) => gapNs)) / MILLISECOND,
    gapRtt: mean(gapInRtts),
    gapRto: hasTimeout ? mean(gapInRtos) : null,
    fadeStallMs: ending === 'fading' ? mean(({ stallNs }) => stallNs) / MILLISECOND : null,
    deliveredBytes: mean(({ deliveredBytes }) => deliveredBytes),
    cellularShare: mean(({ cellularShare }) => cellularShare),
  };
}

function gapInRtts({ gapNs, rttNs }: HandoverRun): number {
  return gapNs / rttNs;
}

function gapInRtos({ gapNs, rtoNs }: HandoverRun): number {
  return gapNs / rtoNs;
}

/** The worst run of each line counts. */
function checksOf(ours: readonly HandoverRuns[]): Check[] {
  return ours
    .filter(({ variant }) => variant !== 'none')
    .map(({ variant, direction, ending, news, runs }) => {
      const name = `${variant}, ${direction}, ${ending}, loss ${news}: worst gap, in`;
      return news === 'known'
        ? atMost(`${name} round-trip times of the new path`, Math.max(...runs.map(gapInRtts)), knownBoundRtts)
        : atMost(
            `${name} retransmission timeouts of the old path`,
            Math.max(...runs.map(gapInRtos)),
            unknownBoundRtos,
          );
    });
}

/** The gaps that are known so far. */
function liveFigure(finished: readonly FinishedTrial<HandoverTrial, HandoverRun>[]): Figure {
  const series = liveDistributions(finished, ({ input, output }) => ({
    ...{ series: input.variant, values: [output.gapNs / SECOND] },
  }));
  return {
    ...{ kind: 'xy', title: 'Gap when the Wi-Fi dies, so far', caption: '', series },
    x: { label: 'gap', unit: 's', low: 0 },
    y: { label: 'share', low: 0, high: 1 },
  };
}
