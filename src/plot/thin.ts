/** Lines of very many points: what no screen can show need not stand in the file. */

import type { Point } from './figure.js';

/**
 * A line that looks the same: of all points within the same column (a step of `columnWidth` in x) the first, the lowest,
 * the highest and the last, in their order. Points are ordered by x.
 */
export function thinLine(points: readonly Point[], columnWidth: number): readonly Point[] {
  const kept: Point[] = [];
  for (let start = 0; start < points.length;) {
    const column = Math.floor(points[start]!.x / columnWidth);
    let low = start;
    let high = start;
    let end = start;
    for (; end < points.length && Math.floor(points[end]!.x / columnWidth) === column; end++) {
      if (points[end]!.y < points[low]!.y) low = end;
      if (points[end]!.y > points[high]!.y) high = end;
    }
    const chosen = [start, low, high, end - 1].sort((a, b) => a - b);
    chosen.forEach((index, i) => {
      if (i === 0 || index !== chosen[i - 1]) kept.push(points[index]!);
    });
    start = end;
  }
  return kept;
}
