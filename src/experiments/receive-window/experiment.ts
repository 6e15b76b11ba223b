/**
 * A connection over a quick path and a slow one with a long queue, and a receiver with little room: without help it is
 * slower than TCP on the quick path alone.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { congestionControls } from '../../tcp/index.js';
import { estimate, type Estimate } from '../confidence.js';
import {
  atLeast,
  atMost,
  type Check,
  defineExperiment,
  type FinishedTrial,
  type Row,
} from '../experiment.js';
import { liveMeans } from '../live.js';
import { unlikeLinkParameters } from '../unlike-links.js';
import { runWithSeeds } from '../with-seeds.js';
import { published } from './published.js';
import { goodputOf, variants, type WindowPoint } from './world.js';

const source =
  'Raiciu, Paasch, Barré, Ford, Honda, Duchene, Bonaventure, Handley: How Hard Can It Be? Designing and Implementing a ' +
  'Deployable Multipath TCP, USENIX NSDI 2012, §4.2 and figures 4 and 5';

/** Part of what TCP gets that may be missing where a check compares with it: headers, and the start of a run. */
const tolerance = 0.05;
/** From such a window on both links are to be filled. */
const fullWindowBytes = 600_000;

/** What was measured with one variant and one window. */
interface Point extends Estimate {
  readonly variant: string;
  readonly windowBytes: number;
}

export const receiveWindow = defineExperiment({
  name: 'receive-window',
  title: 'Goodput against the receive window, over Wi-Fi and 3G together',
  source,
  summary:
    'A long download over Wi-Fi (8 Mbit/s, 20 ms, a queue of 80 ms) and 3G (2 Mbit/s, 150 ms, a queue of 2 s), into ' +
    'receive buffers of many sizes: TCP on each link, and Multipath TCP over both, plain, with opportunistic retransmission ' +
    'and with penalisation on top. Plain, what 3G holds keeps the window closed, and the two links together carry less than ' +
    'Wi-Fi alone; with both helps they never do.',
  parameters: {
    ...unlikeLinkParameters,
    jitterNs: {
      ...{ kind: 'duration', default: 2 * MILLISECOND, min: 0, max: SECOND },
      doc: 'longest extra delay of a packet on either link, drawn evenly',
    },
    minWindowBytes: { kind: 'size', default: 50e3, min: 10e3, max: 10e6, doc: 'least receive buffer' },
    maxWindowBytes: { kind: 'size', default: 1e6, min: 10e3, max: 10e6, doc: 'largest receive buffer' },
    stepBytes: {
      kind: 'size',
      default: 100e3,
      min: 10e3,
      max: 10e6,
      doc: 'the buffers between are multiples of it',
    },
    warmUpNs: {
      kind: 'duration',
      default: 5 * SECOND,
      min: 0,
      max: 600 * SECOND,
      doc: 'left out of each run',
    },
    durationNs: {
      kind: 'duration',
      default: 15 * SECOND,
      min: SECOND,
      max: 600 * SECOND,
      doc: 'measured of each run',
    },
    runs: {
      kind: 'number',
      default: 3,
      min: 1,
      max: 100,
      whole: true,
      doc: 'runs for each point, by seeds in turn',
    },
    congestion: {
      ...{ kind: 'choice', default: 'cubic', choices: Object.keys(congestionControls) },
      doc: 'congestion control of the sender',
    },
  },
  small: {
    ...{ runs: 1, warmUpNs: 4 * SECOND, durationNs: 6 * SECOND },
    ...{ minWindowBytes: 100e3, maxWindowBytes: 700e3, stepBytes: 200e3 },
  },
  published,
  columns: [
    { name: 'variant', title: 'variant', kind: 'text' },
    { name: 'windowBytes', title: 'window (B)', kind: 'number' },
    { name: 'goodputBps', title: 'goodput (bit/s)', kind: 'number' },
    { name: 'halfWidthBps', title: '95 % (± bit/s)', kind: 'number' },
  ],
  trial: goodputOf,
  live: liveFigure,

  async run(context) {
    const { runs, minWindowBytes, maxWindowBytes, stepBytes, ...links } = context.parameters;
    const sizes = windowsOf(minWindowBytes, maxWindowBytes, stepBytes);
    const trials = sizes.flatMap((windowBytes) =>
      variants.map(({ name }) => ({ parameters: links, variant: name, windowBytes })),
    );
    const nameOf = ({ variant, windowBytes }: WindowPoint): string => `${variant}, ${windowBytes / 1000} kB`;
    const found = await runWithSeeds<WindowPoint, number>(context, trials, runs, nameOf);
    const points = found.map(({ item: { variant, windowBytes }, outcomes }): Point => ({
      ...{ variant, windowBytes, ...estimate(outcomes) },
    }));
    return { rows: points.map(rowOf), figures: { goodput: figureOf(points) }, checks: checksOf(points) };
  },
});

/** The least window, and the multiples of `step` above it up to the largest. */
function windowsOf(least: number, most: number, step: number): number[] {
  const sizes = [least];
  for (let size = step * (Math.floor(least / step) + 1); size <= most; size += step) sizes.push(size);
  return sizes;
}

function rowOf({ variant, windowBytes, mean, halfWidth }: Point): Row {
  return { variant, windowBytes, goodputBps: mean, halfWidthBps: halfWidth };
}

function meanOf(points: readonly Point[], variant: string, windowBytes: number): number {
  return points.find((point) => point.variant === variant && point.windowBytes === windowBytes)!.mean;
}

function checksOf(points: readonly Point[]): Check[] {
  const sizes = [...new Set(points.map(({ windowBytes }) => windowBytes))];
  const better = (size: number): number =>
    Math.max(meanOf(points, 'tcp-wifi', size), meanOf(points, 'tcp-3g', size));
  const sum = (size: number): number => meanOf(points, 'tcp-wifi', size) + meanOf(points, 'tcp-3g', size);
  const share = (variant: string, of: (size: number) => number, among: readonly number[]): number =>
    Math.min(...among.map((size) => meanOf(points, variant, size) / of(size)));
  const large = sizes.filter((size) => size >= fullWindowBytes);
  return [
    atLeast(
      'with both helps, at every window: share of what the better TCP gets',
      share('mptcp-penalised', better, sizes),
      1 - tolerance,
    ),
    ...(large.length === 0
      ? []
      : [
          atLeast(
            'with both helps, from 600 kB on: share of what both TCPs get together',
            share('mptcp-penalised', sum, large),
            1 - tolerance,
          ),
        ]),
    atMost(
      'plain, at the worst window: share of what the better TCP gets',
      share('mptcp', better, sizes),
      0.8,
    ),
  ];
}

const legends: Readonly<Record<string, string>> = {
  'tcp-wifi': 'TCP on Wi-Fi',
  'tcp-3g': 'TCP on 3G',
  mptcp: 'MPTCP, plain',
  'mptcp-opportunistic': '+ opportunistic retransmission',
  'mptcp-penalised': '+ penalisation',
};

const axes = {
  x: { label: 'receive window', unit: 'B', low: 0 },
  y: { label: 'goodput', unit: 'bit/s', low: 0 },
} as const;

/** Goodput by window, from the runs that are done. */
function liveFigure(finished: readonly FinishedTrial<WindowPoint, number>[]): Figure {
  return {
    ...{ kind: 'xy', title: 'Goodput against the receive window, so far', caption: '' },
    ...axes,
    series: liveMeans(finished, ({ input, output }) => ({
      ...{ series: legends[input.variant]!, x: input.windowBytes, y: output },
    })),
  };
}

function figureOf(points: readonly Point[]): string {
  return renderFigure({
    kind: 'xy',
    title: 'Goodput against the receive window, Wi-Fi and 3G',
    caption:
      'Plain, data on 3G keeps the window closed and Wi-Fi idle; sent again over Wi-Fi, and its subflow slowed down, it ' +
      'does not. After Raiciu et al., NSDI 2012, figures 4 and 5.',
    ...axes,
    series: variants.map(({ name }) => ({
      name: legends[name]!,
      kind: 'line' as const,
      points: points
        .filter(({ variant }) => variant === name)
        .map(({ windowBytes, mean }) => ({ x: windowBytes, y: mean })),
    })),
  });
}
