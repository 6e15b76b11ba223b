/** Finds the range of a stream offset among those that were sent: SACK blocks come in about the order of offsets. */
import type { Deque } from '../base/index.js';
import type { SentSegment } from './sent-segment.js';

/** Index of the range that holds `offset`, the number of ranges when none does; looks near the index `hint` first. */
export function indexOfOffset<R>(ranges: Deque<SentSegment<R>>, offset: number, hint: number): number {
  let low = 0;
  let high = ranges.length;
  if (hint >= 0 && hint < high) {
    let step = 1;
    if (ranges.at(hint)!.end <= offset) {
      low = hint + 1;
      for (let probe = low; probe < high; probe += step, step *= 2) {
        if (ranges.at(probe)!.end > offset) high = probe;
        else low = probe + 1;
      }
    } else {
      high = hint;
      for (let probe = high - 1; probe >= low; probe -= step, step *= 2) {
        if (ranges.at(probe)!.end <= offset) low = probe + 1;
        else high = probe;
      }
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges.at(middle)!.end <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
