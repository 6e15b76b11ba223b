/** The figures of `multipath-tester`. */

import { SECOND } from '../../base/index.js';
import { renderFigure, type Series } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import { type TesterRuns, worstDelays } from './runs.js';

/** Mean of the worst delay of each walk, in s. */
function meanWorstS(one: TesterRuns | undefined): number {
  const worst = one === undefined ? [] : worstDelays(one);
  return worst.length === 0 ? 0 : estimate(worst).mean / SECOND;
}

/** Bars for some traffics: each variant by traffic and direction. */
function barsOf(all: readonly TesterRuns[]): {
  categories: string[];
  groups: { name: string; values: number[] }[];
} {
  const categories = [...new Set(all.map(({ traffic, direction }) => `${traffic} ${direction}`))];
  const variants = [...new Set(all.map(({ variant }) => variant))];
  const find = (category: string, name: string): TesterRuns | undefined =>
    all.find(({ traffic, direction, variant }) => `${traffic} ${direction}` === category && variant === name);
  return {
    categories,
    groups: variants.map((name) => ({
      name,
      values: categories.map((category) => meanWorstS(find(category, name))),
    })),
  };
}

/** The longest time that requests and blocks of a walk took. */
export function worstFigure(all: readonly TesterRuns[], source: string): string {
  return renderFigure({
    kind: 'bars',
    title: 'Worst delay of a walk away from the Wi-Fi',
    caption: `Mean over walks, of what was answered: what TCP lost is not in it. After ${source}.`,
    x: { label: 'traffic' },
    y: { label: 'worst delay', unit: 's', low: 0 },
    ...barsOf(all.filter(({ traffic }) => traffic !== 'bulk')),
  });
}

/** How long files take. */
export function bulkFigure(all: readonly TesterRuns[], source: string): string {
  return renderFigure({
    kind: 'bars',
    title: 'A file on a walk away from the Wi-Fi',
    caption: `Mean time over walks, of files that were carried to their end; nothing where none was. After ${source}.`,
    x: { label: 'direction' },
    y: { label: 'time', unit: 's', low: 0 },
    ...barsOf(all.filter(({ traffic }) => traffic === 'bulk')),
  });
}

/**
 * What the owner of one phone sees: delay of each block of an upload over time, in the first walk of each variant that had any; undefined
 * where none had.
 */
export function streamFigure(all: readonly TesterRuns[], source: string): string | undefined {
  const series = all.flatMap(({ traffic, direction, variant, runs }): Series[] => {
    const points = runs[0]!.delays.map(({ atNs, delayNs }) => ({ x: atNs / SECOND, y: delayNs / SECOND }));
    const isDrawn = traffic === 'stream' && direction === 'up' && points.length > 0;
    return isDrawn ? [{ name: variant, kind: 'line', points }] : [];
  });
  if (series.length === 0) return undefined;
  return renderFigure({
    kind: 'xy',
    title: 'Delay of each block of a stream up, on one walk away from the Wi-Fi',
    caption: `The first walk of each variant; blocks that were never acknowledged are missing. After ${source}.`,
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'delay', unit: 's', low: 0 },
    series,
  });
}
