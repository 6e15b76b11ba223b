/** The figures of `direct-bypass`. */

import { SECOND } from '../../base/index.js';
import { type Point, renderFigure } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import { goodputBps, type ModeRuns } from './runs.js';
import { balancedShare, binNs, type BypassRun, modes } from './world.js';

/** Share of the bytes of each bin of time that passed the balancer, in percent, until the bin in which all had arrived. */
function sharePoints({ totalBytes, balancedBytes, durationNs }: BypassRun): Point[] {
  const bins = Math.max(1, Math.floor(durationNs / binNs));
  return totalBytes
    .slice(0, bins)
    .flatMap((total, bin) =>
      total === 0 ? [] : [{ x: (bin * binNs) / SECOND, y: (100 * balancedBytes[bin]!) / total }],
    );
}

/** What passed the balancer over the time of one large transfer. */
export function timeFigure(all: readonly ModeRuns[], direction: string, source: string): string {
  return renderFigure({
    kind: 'xy',
    title: 'What passes the balancer, over time',
    caption: `One ${direction} of ${all[0]!.sizeBytes / 1e6} MB, in bins of 50 ms. After ${source}.`,
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'bytes by the balancer', unit: '%', low: 0, high: 100 },
    series: all.map(({ mode, runs }) => ({ name: mode, kind: 'line', points: sharePoints(runs[0]!) })),
  });
}

/** What passed the balancer of transfers of several sizes. */
export function sizesFigure(all: readonly ModeRuns[], direction: string, source: string): string {
  const sizes = [...new Set(all.map(({ sizeBytes }) => sizeBytes))];
  return renderFigure({
    kind: 'bars',
    title: 'What passes the balancer, by size of the transfer',
    caption: `One ${direction} at a time; means of ${all[0]!.runs.length} runs. After ${source}.`,
    x: { label: 'size of the transfer' },
    y: { label: 'bytes by the balancer', unit: '%', low: 0, high: 100 },
    categories: sizes.map((size) => (size < 1e6 ? `${size / 1e3} kB` : `${size / 1e6} MB`)),
    groups: modes.map((mode) => ({
      name: mode,
      values: sizes.map((size) => {
        const one = all.find((each) => each.mode === mode && each.sizeBytes === size)!;
        return 100 * estimate(one.runs.map(balancedShare)).mean;
      }),
    })),
  });
}

/** Goodput of all clients together, where the balancer is the bottleneck. */
export function goodputFigure(
  all: readonly ModeRuns[],
  { balancerRateBps, direction }: { readonly balancerRateBps: number; readonly direction: string },
  source: string,
): string {
  const { clients, sizeBytes, runs } = all[0]!;
  return renderFigure({
    kind: 'bars',
    title: `Goodput of ${clients} clients at once`,
    caption:
      `${sizeBytes / 1e6} MB each (${direction}) behind a balancer that carries ${balancerRateBps / 1e6} Mbit/s; means of ${runs.length} ` +
      `runs. After ${source}.`,
    x: { label: 'mode' },
    y: { label: 'goodput of all', unit: 'bit/s', low: 0 },
    categories: all.map(({ mode }) => mode),
    groups: [
      {
        name: 'goodput',
        values: all.map((one) => estimate(one.runs.map((run) => goodputBps(one, run))).mean),
      },
    ],
  });
}
