/** A broadcaster's van: what comes through two to six uplinks of very different quality, against the sum of them. */

import { SECOND } from '../../base/index.js';
import { schedulers as allSchedulers } from '../../mptcp/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { congestionControls } from '../../tcp/index.js';
import { estimate, type Estimate } from '../confidence.js';
import { atLeast, type Check, defineExperiment, type FinishedTrial, type Row } from '../experiment.js';
import { liveMeans } from '../live.js';
import { runWithSeeds } from '../with-seeds.js';
import { uplinks } from './uplinks.js';
import { measureUpload, type UploadOutcome, type UploadTrial } from './world.js';

const source =
  'Chen, Lim, Gibbens, Nahum, Khalili, Towsley: A Measurement-based Study of MultiPath TCP Performance over Wireless ' +
  'Networks, IMC 2013; Chen, Nahum, Towsley, Liu: On Uplink Measurement of Cellular Networks for Mobile Multi-Path TCP; the ' +
  'goals are those of RFC 6356 §2 (2011)';

/** Schedulers that are compared where none is named. */
const compared: readonly string[] = ['lowest-rtt', 'blest', 'ecf', 'linux'];
/** Schedulers that send things twice, or leave paths unused, on purpose: nothing is held against them. */
const wasteful: readonly string[] = ['redundant', 'target-based'];

/** Least part of the sum that must come through, whatever the number of uplinks. */
const leastEfficiency = 0.75;
/** Least goodput with one more uplink over that without: one with a queue of seconds fills buffers before it carries much. */
const leastStep = 0.85;

/** One number of uplinks with one scheduler. */
interface Bond {
  readonly count: number;
  readonly scheduler: string;
  readonly goodput: Estimate;
  /** Of the same uplinks one by one, with TCP. */
  readonly sum: Estimate;
  readonly best: Estimate;
  /** Goodput over that sum, run by run. */
  readonly efficiency: Estimate;
}

export const bonding = defineExperiment({
  name: 'bonding',
  title: 'What comes through two to six uplinks of a broadcaster, against their sum',
  source,
  summary:
    'A van uploads through 5G, two LTE networks, two kinds of satellite and 3G at a time, whose rates go up and down twice a ' +
    'second, with delays from 15 to 280 ms and queues from 150 ms to 2 s. Efficiency is the goodput over what TCP gets over ' +
    'the same uplinks one by one: a bond should carry nearly all of it, and no further uplink should do harm.',
  parameters: {
    scheduler: {
      ...{ kind: 'choice', default: 'several', choices: ['several', ...Object.keys(allSchedulers)] },
      doc: 'one scheduler, or the ones that aim at goodput',
    },
    congestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control of the bond',
    },
    tcpCongestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control of TCP over single uplinks',
    },
    maxUplinks: {
      ...{ kind: 'number', default: 6, min: 2, max: uplinks.length, whole: true },
      doc: 'most uplinks; all numbers from 2 on are run',
    },
    runs: {
      ...{ kind: 'number', default: 5, min: 1, max: 100, whole: true },
      doc: 'runs of each: with the seed, the next one and so on',
    },
    warmUpNs: {
      ...{ kind: 'duration', default: 5 * SECOND, min: 0, max: 600 * SECOND },
      doc: 'left out of each run',
    },
    durationNs: {
      ...{ kind: 'duration', default: 30 * SECOND, min: SECOND, max: 600 * SECOND },
      doc: 'measured of each run',
    },
    fluctuation: {
      ...{ kind: 'number', default: 1, min: 0, max: 1.6 },
      doc: 'how much rates go up and down; 0: not at all, 1: by 10 to 60 %',
    },
    windowBytes: { kind: 'size', default: 16e6, min: 64e3, max: 64e6, doc: 'send and receive buffers' },
  },
  small: {
    ...{ scheduler: 'lowest-rtt', maxUplinks: 2, runs: 1 },
    ...{ warmUpNs: 2 * SECOND, durationNs: 4 * SECOND },
  },
  columns: [
    { name: 'uplinks', title: 'uplinks', kind: 'number' },
    { name: 'scheduler', title: 'scheduler', kind: 'text' },
    { name: 'congestion', title: 'congestion control', kind: 'text' },
    { name: 'goodputBps', title: 'goodput (bit/s)', kind: 'number' },
    { name: 'goodputHalfWidthBps', title: '95 % ±', kind: 'number' },
    { name: 'sumBps', title: 'sum of each alone (bit/s)', kind: 'number' },
    { name: 'bestBps', title: 'best alone (bit/s)', kind: 'number' },
    { name: 'efficiency', title: 'efficiency', kind: 'number', digits: 3 },
    { name: 'efficiencyHalfWidth', title: '95 % ±', kind: 'number', digits: 3 },
  ],
  trial: measureUpload,
  live: liveFigure,

  async run(context) {
    const { scheduler, congestion, tcpCongestion, maxUplinks, runs, ...upload } = context.parameters;
    const chosen = scheduler === 'several' ? compared : [scheduler];
    const alone = uplinks.slice(0, maxUplinks).map((_uplink, place) => ({
      ...{ uplinks: [place], scheduler: compared[0]!, congestion: tcpCongestion },
    }));
    const counts = Array.from({ length: maxUplinks - 1 }, (_, index) => index + 2);
    const bonds = counts.flatMap((count) =>
      chosen.map((one) => ({
        ...{ uplinks: Array.from({ length: count }, (_, place) => place), scheduler: one, congestion },
      })),
    );
    const items = [...alone, ...bonds].map((what) => ({ ...what, parameters: upload }));
    const nameOf = ({ uplinks: used, scheduler: by }: UploadTrial): string =>
      used.length === 1 ? uplinks[used[0]!]!.name : `${used.length} uplinks, ${by}`;
    const found = await runWithSeeds<Omit<UploadTrial, 'seed'>, UploadOutcome>(context, items, runs, nameOf);
    const goodputs = found.map(({ outcomes }) => outcomes.map(({ goodputBps }) => goodputBps));
    const singles = goodputs.slice(0, alone.length);
    const results = bonds.map((bond, index) =>
      bondOf(bond.uplinks.length, bond.scheduler, goodputs[alone.length + index]!, singles),
    );
    return {
      rows: results.map((bond) => rowOf(bond, congestion)),
      figures: { efficiency: efficiencyFigure(results), goodput: goodputFigure(results) },
      checks: checksOf(results),
      notes: [singlesNote(singles)],
    };
  },
});

/** Goodput by the number of uplinks, from the runs that are done; with one, the mean of all. */
function liveFigure(finished: readonly FinishedTrial<UploadTrial, UploadOutcome>[]): Figure {
  return {
    ...{ kind: 'xy', title: 'Goodput through several uplinks, so far', caption: '' },
    x: { label: 'uplinks', low: 0 },
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    series: liveMeans(finished, ({ input, output }) => ({
      series: input.uplinks.length === 1 ? 'TCP on one' : input.scheduler,
      ...{ x: input.uplinks.length, y: output.goodputBps },
    })),
  };
}

/** Puts the runs of a bond together with those of its uplinks alone: `singles` are by uplink and run. */
function bondOf(
  count: number,
  scheduler: string,
  goodputs: readonly number[],
  singles: readonly (readonly number[])[],
): Bond {
  const used = singles.slice(0, count);
  const sums = goodputs.map((_, run) => used.reduce((sum, runs) => sum + runs[run]!, 0));
  return {
    ...{ count, scheduler, goodput: estimate(goodputs), sum: estimate(sums) },
    best: estimate(goodputs.map((_, run) => Math.max(...used.map((runs) => runs[run]!)))),
    efficiency: estimate(goodputs.map((goodput, run) => goodput / sums[run]!)),
  };
}

function rowOf({ count, scheduler, goodput, sum, best, efficiency }: Bond, congestion: string): Row {
  return {
    ...{ uplinks: count, scheduler, congestion },
    ...{ goodputBps: goodput.mean, goodputHalfWidthBps: goodput.halfWidth },
    ...{ sumBps: sum.mean, bestBps: best.mean },
    ...{ efficiency: efficiency.mean, efficiencyHalfWidth: efficiency.halfWidth },
  };
}

function singlesNote(singles: readonly (readonly number[])[]): string {
  const rates = singles.map(
    (runs, place) => `${uplinks[place]!.name} ${(estimate(runs).mean / 1e6).toFixed(1)}`,
  );
  return `TCP over each uplink alone, in Mbit/s: ${rates.join(', ')}.`;
}

function checksOf(bonds: readonly Bond[]): Check[] {
  const names = [...new Set(bonds.map(({ scheduler }) => scheduler))];
  return names.flatMap((name) => {
    const own = bonds.filter(({ scheduler }) => scheduler === name);
    const overBest = Math.min(...own.map(({ goodput, best }) => goodput.mean / best.mean));
    const steps = own.slice(1).map(({ goodput }, index) => goodput.mean / own[index]!.goodput.mean);
    const checks = [atLeast(`${name}: goodput over that of the best uplink, at the least`, overBest, 0.95)];
    if (wasteful.includes(name)) return checks;
    const least = Math.min(...own.map(({ efficiency }) => efficiency.mean));
    checks.push(atLeast(`${name}: least efficiency`, least, leastEfficiency));
    if (steps.length > 0)
      checks.push(
        atLeast(`${name}: goodput with one more uplink over that without`, Math.min(...steps), leastStep),
      );
    return checks;
  });
}

const caption =
  'Uplinks are added in the order 5G, LTE, LTE of another operator, satellite in a low orbit, 3G, geostationary satellite; their ' +
  'rates go up and down.';

function efficiencyFigure(bonds: readonly Bond[]): string {
  const names = [...new Set(bonds.map(({ scheduler }) => scheduler))];
  return renderFigure({
    ...{ kind: 'bars', title: 'Efficiency of a bond of uplinks', caption, x: { label: 'uplinks' } },
    y: { label: 'goodput over the sum of each alone' },
    categories: [...new Set(bonds.map(({ count }) => String(count)))],
    groups: names.map((name) => ({
      name,
      values: bonds.filter(({ scheduler }) => scheduler === name).map(({ efficiency }) => efficiency.mean),
    })),
  });
}

function goodputFigure(bonds: readonly Bond[]): string {
  const [first] = bonds;
  const own = bonds.filter(({ scheduler }) => scheduler === first!.scheduler);
  return renderFigure({
    ...{ kind: 'bars', title: `Goodput of a bond of uplinks, ${first!.scheduler}`, caption },
    ...{ x: { label: 'uplinks' }, y: { label: 'goodput', unit: 'bit/s' } },
    categories: own.map(({ count }) => String(count)),
    groups: [
      { name: 'the best alone', values: own.map(({ best }) => best.mean) },
      { name: 'all together', values: own.map(({ goodput }) => goodput.mean) },
      { name: 'the sum of each alone', values: own.map(({ sum }) => sum.mean) },
    ],
  });
}
