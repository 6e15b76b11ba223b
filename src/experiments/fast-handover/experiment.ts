/**
 * How long an application waits when the path under it dies: with the detection of silence that this stack has, with
 * the retransmission timer alone, with a second path that comes up only after the first has died, and with plain TCP.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { atLeast, atMost, type Check, defineExperiment, equals, type Row } from '../experiment.js';
import { goodputFigure, sequenceFigure } from './figures.js';
import {
  type Handover,
  type HandoverTrial,
  kernelVariants,
  runHandover,
  runKernelHandover,
  type Variant,
  variants,
} from './world.js';

/** Round-trip times of the surviving path within which the application hears again when silence is noticed; a queue of two of them included. */
const silenceBoundRtts = 8;

const source =
  'Paasch, Detal, Duchene, Raiciu, Bonaventure: Exploring Mobile/WiFi Handover with Multipath TCP, CellNet 2012; ' +
  'De Coninck, Bonaventure: MultiMob: Enabling Multipath TCP on Mobile Devices, 2018';

/** What early data saves the wait of the application, where what is sent first is what the peer lacks. */
const leastFadingGainRtts = 0.9;

/** All runs of one variant. */
export interface VariantRuns {
  readonly variant: Variant;
  readonly runs: readonly Handover[];
}

export const fastHandover = defineExperiment({
  name: 'fast-handover',
  title: 'How long the application waits when a path dies',
  source,
  summary:
    'A transfer runs over Wi-Fi and LTE; the Wi-Fi becomes a black hole in the middle. The gap is the longest time ' +
    'without a byte for the application after that, the median of several runs and the worst, also in round-trip times of ' +
    'the LTE. Modes as in the first source: full (both paths in use), backup (LTE opened and idle), single-path (LTE comes ' +
    'up some time after the Wi-Fi went down; an upload may send with the third packet of its join), fading (the same, but the ' +
    'uplink of the Wi-Fi is dead all that time). Early data begins with the lowest byte that is not acknowledged: in fading ' +
    'that is the one that the receiver waits for; in single-path what went out last arrived, and only its acknowledgment was ' +
    'lost, so that the first window is a repetition. Detection: silence (as shipped), the retransmission timer alone, or what the kernel of this machine does.',
  parameters: {
    wifiRateBps: { kind: 'rate', default: 20e6, min: 100e3, max: 1e9, doc: 'capacity of the Wi-Fi' },
    wifiDelayNs: {
      kind: 'duration',
      default: 10 * MILLISECOND,
      min: 0,
      max: SECOND,
      doc: 'one-way delay of the Wi-Fi',
    },
    lteRateBps: { kind: 'rate', default: 10e6, min: 100e3, max: 1e9, doc: 'capacity of the LTE' },
    lteDelayNs: {
      ...{ kind: 'duration', default: 25 * MILLISECOND, min: MILLISECOND, max: SECOND },
      doc: 'one-way delay of the LTE',
    },
    sizeBytes: { kind: 'size', default: 6e6, min: 500e3, max: 200e6, doc: 'bytes to download' },
    absenceNs: {
      ...{ kind: 'duration', default: 500 * MILLISECOND, min: 0, max: 10 * SECOND },
      doc: 'time without any path in mode single-path',
    },
    runs: { kind: 'number', default: 5, min: 1, max: 50, whole: true, doc: 'runs of each variant' },
  },
  small: { sizeBytes: 3e6, runs: 1 },
  columns: [
    { name: 'mode', title: 'mode', kind: 'text' },
    { name: 'detection', title: 'detection', kind: 'text' },
    { name: 'direction', title: 'direction', kind: 'text' },
    { name: 'earlyData', title: 'early data', kind: 'boolean' },
    { name: 'completed', title: 'completed', kind: 'number' },
    { name: 'gapMs', title: 'gap (ms)', kind: 'number' },
    { name: 'worstGapMs', title: 'worst (ms)', kind: 'number' },
    { name: 'gapRtt', title: 'gap (RTT)', kind: 'number', digits: 1 },
    { name: 'durationMs', title: 'transfer (ms)', kind: 'number' },
  ],

  trial: runHandover,

  async run({ seed, parameters, step, runTrials, linux, noLinux }) {
    const { runs } = parameters;
    const trials = variants.flatMap((variant) =>
      Array.from({ length: runs }, (_, run): HandoverTrial => ({ parameters, variant, seed, run })),
    );
    const nameOf = ({ variant: { mode, detection } }: HandoverTrial): string => `${mode}, ${detection}`;
    const outcomes = await runTrials<HandoverTrial, Handover>(trials, nameOf);
    const all = variants.map((variant, i): VariantRuns => ({
      variant,
      runs: outcomes.slice(i * runs, (i + 1) * runs),
    }));
    const kernel: VariantRuns[] = [];
    for (const variant of linux === undefined ? [] : kernelVariants) {
      await step(kernel.length, kernelVariants.length, `${variant.mode}, on the kernel`);
      kernel.push({ variant, runs: [await runKernelHandover(linux!, parameters, variant, seed)] });
    }
    return {
      rows: [...all, ...kernel].map((one) => rowOf(one, 2 * parameters.lteDelayNs)),
      figures: {
        sequence: sequenceFigure(all, source),
        goodput: goodputFigure(all, source),
      },
      checks: checksOf(all, 2 * parameters.lteDelayNs, parameters.absenceNs),
      notes:
        linux === undefined
          ? [noLinux]
          : [`Rows of detection 'kernel': Linux ${linux.kernel}, one run each.`],
    };
  },
});

/** Gaps in ns, ascending. */
function gapsOf({ runs }: VariantRuns): number[] {
  return runs
    .map(({ gapNs }) => gapNs)
    .filter((gap) => gap !== undefined)
    .sort((a, b) => a - b);
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.POSITIVE_INFINITY;
}

/** Durations of the transfers that completed, in ns, ascending. */
function durationsOf(runs: readonly Handover[]): number[] {
  return runs.flatMap(({ receiver }) => receiver.completedAtNs ?? []).sort((a, b) => a - b);
}

function rowOf(one: VariantRuns, rttNs: number): Row {
  const gaps = gapsOf(one);
  const isAny = gaps.length > 0;
  const durations = durationsOf(one.runs);
  return {
    ...one.variant,
    completed: gaps.length,
    gapMs: isAny ? median(gaps) / MILLISECOND : null,
    worstGapMs: isAny ? gaps.at(-1)! / MILLISECOND : null,
    gapRtt: isAny ? median(gaps) / rttNs : null,
    durationMs: isAny ? median(durations) / MILLISECOND : null,
  };
}

function checksOf(all: readonly VariantRuns[], rttNs: number, absenceNs: number): Check[] {
  const upload = (mode: string, early: boolean): VariantRuns =>
    all.find(
      ({ variant }) => variant.mode === mode && variant.direction === 'upload' && variant.earlyData === early,
    )!;
  const uploadMs = (early: boolean): number =>
    median(durationsOf(upload('single-path', early).runs)) / MILLISECOND;
  const fadingGapNs = (early: boolean): number => median(gapsOf(upload('fading', early)));
  const find = (mode: string, detection: string): VariantRuns =>
    all.find(({ variant }) => variant.mode === mode && variant.detection === detection)!;
  const gapMs = (mode: string, detection: string): number =>
    median(gapsOf(find(mode, detection))) / MILLISECOND;
  const multipath = all.filter(({ variant }) => variant.mode !== 'tcp');
  const runs = multipath.flatMap((one) => one.runs);
  return [
    equals(
      'every transfer over Multipath TCP completes, byte for byte',
      runs.filter(({ receiver }) => receiver.isComplete).length,
      runs.length,
    ),
    equals('no download over plain TCP does', gapsOf(find('tcp', 'timeout')).length, 0),
    ...['full', 'backup'].flatMap((mode) => [
      atMost(
        `${mode}: the gap with silence noticed, in round-trip times of the LTE`,
        gapMs(mode, 'silence') / (rttNs / MILLISECOND),
        silenceBoundRtts,
      ),
      atLeast(
        `${mode}: the gap with the timer alone is at least that with silence noticed (ms)`,
        gapMs(mode, 'timeout'),
        gapMs(mode, 'silence'),
      ),
    ]),
    atMost(
      'single-path: the gap beyond the time without a path, in round-trip times of the LTE',
      (gapMs('single-path', 'carrier') - absenceNs / MILLISECOND) / (rttNs / MILLISECOND),
      silenceBoundRtts,
    ),
    atMost(
      'single-path upload: data right behind the join makes the transfer no slower (ms, 5 % grace)',
      uploadMs(true),
      uploadMs(false) * 1.05,
    ),
    atLeast(
      'fading upload: the gap that data right behind the join saves, in round-trip times of the LTE',
      (fadingGapNs(false) - fadingGapNs(true)) / rttNs,
      leastFadingGainRtts,
    ),
  ];
}
