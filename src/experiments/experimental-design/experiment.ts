/** What two paths together are worth beside the better one, over many pairs of paths drawn by a space-filling design. */

import { schedulers } from '../../mptcp/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { congestionControls } from '../../tcp/index.js';
import { estimate } from '../confidence.js';
import { atLeast, type Check, defineExperiment, type FinishedTrial, type Row } from '../experiment.js';
import { liveDistributions } from '../live.js';
import { distributionPoints } from '../quantile.js';
import { runWithSeeds } from '../with-seeds.js';
import { aggregationBenefit } from './benefit.js';
import { drawPaths, environments } from './environments.js';
import { published } from './published.js';
import { type MeasuredSet, measuredSet, sentenceOf, type Summary, summaryOf } from './summary.js';
import { type DesignOutcome, type DesignTrial, measureSet } from './world.js';

const source =
  'Paasch, Khalili, Bonaventure: On the Benefits of Applying Experimental Design to Improve Multipath TCP, CoNEXT 2013; the ' +
  'environments and the benefit over what TCP gets after De Coninck, Bonaventure: Multipath QUIC: Design and Evaluation, ' +
  'CoNEXT 2017';

/** Part of the sets in which two paths must be worth as much as the better one: more than was published. */
const leastGainShares: Readonly<Record<string, number>> = {
  'low-bdp-no-loss': 0.7,
  'low-bdp-losses': 0.7,
  'high-bdp-no-loss': 0.4,
  'high-bdp-losses': 0.6,
};
/** Least median of the benefit. */
const leastMedians: Readonly<Record<string, number>> = {
  'low-bdp-no-loss': 0.4,
  'low-bdp-losses': 0.4,
  'high-bdp-no-loss': -0.1,
  'high-bdp-losses': 0.3,
};

export const experimentalDesign = defineExperiment({
  name: 'experimental-design',
  title: 'What a second path is worth, over many pairs of paths',
  source,
  summary:
    'Pairs of paths whose rates (0.1 to 100 Mbit/s), delays, queues and losses fill their ranges evenly (WSP algorithm), in ' +
    'environments with low and high bandwidth-delay products, with losses and without. A file is downloaded over each path ' +
    'by TCP and over both by Multipath TCP. The aggregation benefit is 1 where both together carry the sum, 0 where as much ' +
    'as the better one, and below 0 where a second path does harm.',
  parameters: {
    environment: {
      ...{ kind: 'choice', default: 'all', choices: ['all', ...environments.map(({ name }) => name)] },
      doc: 'one environment, or all',
    },
    sets: {
      ...{ kind: 'number', default: 30, min: 1, max: 2000, whole: true },
      doc: 'pairs of paths in each environment; 253 in the second paper',
    },
    runs: {
      ...{ kind: 'number', default: 3, min: 1, max: 100, whole: true },
      doc: 'runs with each pair, by seeds in turn',
    },
    sizeBytes: { kind: 'size', default: 20e6, min: 100e3, max: 1e9, doc: 'what is downloaded' },
    windowBytes: { kind: 'size', default: 16e6, min: 64e3, max: 64e6, doc: 'send and receive buffers' },
    scheduler: {
      ...{ kind: 'choice', default: 'lowest-rtt', choices: Object.keys(schedulers) },
      doc: 'scheduler of the sender',
    },
    congestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control of Multipath TCP',
    },
    tcpCongestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control of TCP',
    },
  },
  small: { environment: 'high-bdp-no-loss', sets: 8, runs: 1, sizeBytes: 5e6 },
  published,
  columns: [
    { name: 'environment', title: 'environment', kind: 'text' },
    { name: 'set', title: 'set', kind: 'number' },
    ...[1, 2].flatMap(
      (path) =>
        [
          { name: `rate${path}Bps`, title: `rate ${path} (bit/s)`, kind: 'number' },
          { name: `rtt${path}Ms`, title: 'RTT (ms)', kind: 'number', digits: 1 },
          { name: `queue${path}Ms`, title: 'queue (ms)', kind: 'number', digits: 1 },
          { name: `loss${path}Percent`, title: 'loss (%)', kind: 'number', digits: 2 },
          { name: `tcp${path}Bps`, title: `TCP ${path} (bit/s)`, kind: 'number' },
        ] as const,
    ),
    { name: 'mptcpBps', title: 'MPTCP (bit/s)', kind: 'number' },
    { name: 'benefit', title: 'benefit', kind: 'number', digits: 2 },
    { name: 'halfWidth', title: '95 % ±', kind: 'number', digits: 2 },
    { name: 'capacityBenefit', title: 'of capacity', kind: 'number', digits: 2 },
  ],
  trial: measureSet,
  live: liveFigure,

  async run(context) {
    const { environment, sets, runs, ...download } = context.parameters;
    const chosen = environments.filter(({ name }) => environment === 'all' || environment === name);
    const drawn = chosen.flatMap((one) =>
      drawPaths(one, sets, context.seed).map((paths, index) => ({
        environment: one,
        number: index + 1,
        paths,
      })),
    );
    const items = drawn.map(({ paths }) => ({ parameters: download, paths }));
    const nameOf = ({ paths }: DesignTrial): string =>
      paths
        .map(({ rateBps, rttNs }) => `${(rateBps / 1e6).toFixed(1)} Mbit/s, ${rttNs / 1e6} ms`)
        .join(' and ');
    const found = await runWithSeeds<Omit<DesignTrial, 'seed'>, DesignOutcome>(context, items, runs, nameOf);
    const measured = drawn.map((set, index) =>
      measuredSet(set.environment, set.number, set.paths, found[index]!.outcomes),
    );
    const summaries = chosen.map((one) => summaryOf(measured.filter((set) => set.environment === one)));
    return {
      rows: measured.map(rowOf),
      figures: { benefit: figureOf(summaries) },
      checks: summaries.flatMap(checksOf),
      notes: summaries.map(sentenceOf),
    };
  },
});

function rowOf(set: MeasuredSet): Row {
  const { mean, halfWidth } = estimate(set.benefits);
  const row: Record<string, Row[string]> = { environment: set.environment.name, set: set.number };
  set.paths.forEach(({ rateBps, rttNs, queueNs, loss }, index) => {
    const path = index + 1;
    row[`rate${path}Bps`] = rateBps;
    row[`rtt${path}Ms`] = rttNs / 1e6;
    row[`queue${path}Ms`] = queueNs / 1e6;
    row[`loss${path}Percent`] = 100 * loss;
    row[`tcp${path}Bps`] = set.tcpBps[index]!;
  });
  const { mptcpBps, capacityBenefit } = set;
  return { ...row, mptcpBps, benefit: mean, halfWidth, capacityBenefit };
}

function checksOf({ environment: { name }, median, gainShare }: Summary): Check[] {
  return [
    atLeast(`${name}: median of the aggregation benefit`, median.mean, leastMedians[name]!),
    atLeast(
      `${name}: part of the sets in which both paths carry as much as the better one, or more`,
      gainShare,
      leastGainShares[name]!,
    ),
  ];
}

const axes = {
  x: { label: 'aggregation benefit' },
  y: { label: 'part of the sets', low: 0, high: 1 },
} as const;
const markers = [{ x: 0, label: 'the better path' }];

/** The benefit of all runs so far, whatever their environment. */
function liveFigure(finished: readonly FinishedTrial<DesignTrial, DesignOutcome>[]): Figure {
  const series = liveDistributions(finished, ({ output }) => ({
    ...{ series: 'all sets', values: [aggregationBenefit(output.mptcpBps, output.tcpBps)] },
  }));
  return { kind: 'xy', title: 'Aggregation benefit, so far', caption: '', ...axes, markers, series };
}

function figureOf(summaries: readonly Summary[]): string {
  return renderFigure({
    kind: 'xy',
    title: 'Aggregation benefit of a second path',
    caption:
      '1: both paths carry what TCP carries over each, together; 0: as much as the better one; below 0 the second path does ' +
      'harm. After Paasch et al., CoNEXT 2013, and De Coninck and Bonaventure, CoNEXT 2017.',
    ...axes,
    series: summaries.map(({ environment, benefits }) => ({
      ...{ name: environment.name, kind: 'step' as const, points: distributionPoints(benefits) },
    })),
    markers,
  });
}
