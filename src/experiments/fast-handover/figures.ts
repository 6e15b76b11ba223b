/** The figures of `fast-handover`, from the first run of each variant, with time counted from the death of the Wi-Fi. */

import { SECOND } from '../../base/index.js';
import { type Point, renderFigure, type Series } from '../../plot/index.js';
import { goodputPoints } from '../points.js';
import type { VariantRuns } from './experiment.js';
import type { Handover } from './world.js';

/** What is shown of the time before and after the death, in s. */
const windowS = { before: 0.5, after: 2 };
/** Width of a bin of the goodput, in s. */
const binS = 0.1;

function nameOf({ variant }: VariantRuns): string {
  if (variant.mode === 'tcp') return 'plain TCP';
  if (variant.mode !== 'single-path' && variant.mode !== 'fading')
    return `${variant.mode}, ${variant.detection}`;
  return `${variant.mode} ${variant.direction}${variant.earlyData ? ', early data' : ''}`;
}

/** Whether a line of its own shows something: uploads that only differ in early data lie upon each other in single-path. */
function isDrawn({ variant }: VariantRuns): boolean {
  return variant.mode !== 'single-path' || variant.direction === 'download';
}

/** Bytes delivered since the window began, by time. */
function sequence({ receiver, diedAtNs }: Handover): Point[] {
  const points: Point[] = [];
  let base: number | undefined;
  for (const { atNs, totalBytes } of receiver.arrivals) {
    const x = (atNs - diedAtNs) / SECOND;
    if (x < -windowS.before || x > windowS.after) continue;
    base ??= totalBytes;
    points.push({ x, y: totalBytes - base });
  }
  const last = points.at(-1);
  return last === undefined
    ? [{ x: -windowS.before, y: 0 }]
    : [...points, ...(receiver.isComplete ? [] : [{ x: windowS.after, y: last.y }])];
}

/** Goodput around the death of the Wi-Fi. */
function goodput({ receiver, diedAtNs }: Handover): Point[] {
  const bins = { originNs: diedAtNs, fromS: -windowS.before, toS: windowS.after, binS };
  return goodputPoints(receiver, ({ totalBytes }) => totalBytes, bins);
}

function seriesOf(
  all: readonly VariantRuns[],
  kind: Series['kind'],
  points: (run: Handover) => Point[],
): Series[] {
  return all.filter(isDrawn).map((one) => ({ name: nameOf(one), kind, points: points(one.runs[0]!) }));
}

const markers = [{ x: 0, label: 'Wi-Fi dies' }];
const time = {
  label: 'time since the Wi-Fi died',
  unit: 's',
  low: -windowS.before,
  high: windowS.after,
} as const;

/** Bytes delivered to the application over time. */
export function sequenceFigure(all: readonly VariantRuns[], source: string): string {
  return renderFigure({
    kind: 'xy',
    title: 'Bytes delivered around the death of the Wi-Fi',
    caption: `A flat stretch is time that the application waits. First run of each variant. After ${source}.`,
    x: time,
    y: { label: 'delivered since the picture begins', unit: 'B', low: 0 },
    markers,
    series: seriesOf(all, 'step', sequence),
  });
}

/** Goodput over time. */
export function goodputFigure(all: readonly VariantRuns[], source: string): string {
  return renderFigure({
    kind: 'xy',
    title: 'Goodput around the death of the Wi-Fi',
    caption: `In bins of 100 ms, as the application sees it; what waited for missing bytes comes at once. After ${source}.`,
    x: time,
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    markers,
    series: seriesOf(all, 'step', goodput),
  });
}
