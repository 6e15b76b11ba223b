/** Fills of bars: a colour and, from the second group on, white lines that tell groups apart where colours do not. */

import { seriesStyle } from './palette.js';
import { element, group } from './svg.js';

/** Lines within a tile of 8 by 8 units; the first group is plain. */
const lines = [
  '',
  'M-2 2l4 -4M0 8l8 -8M6 10l4 -4',
  'M0 4h8',
  'M-2 6l4 4M0 0l8 8M6 -2l4 4',
  'M4 0v8',
  'M0 4h8M4 0v8',
  'M0 0l8 8M0 8l8 -8',
  'M0 2h4M4 6h4',
];

/** How the bars of group number `index` are filled. */
export function barFill(index: number): string {
  return index === 0 ? seriesStyle(index).color : `url(#bars-${index})`;
}

/** What {@link barFill} refers to, for so many groups. */
export function barPatterns(groups: number): string[] {
  return Array.from({ length: Math.max(0, groups - 1) }, (_, at) => {
    const index = at + 1;
    const tile = { id: `bars-${index}`, width: 8, height: 8, patternUnits: 'userSpaceOnUse' };
    return group('pattern', tile, [
      element('rect', { width: 8, height: 8, fill: seriesStyle(index).color }),
      element('path', {
        d: lines[index % lines.length]!,
        stroke: '#ffffff',
        'stroke-width': 1,
        fill: 'none',
      }),
    ]);
  });
}
