/** Figures of two runs on one scale: what differs in them is then what differs in the runs. */
import type { PageFigureData } from '../plot/index.js';

/** The figures, each of which reaches up to the largest value of all. Their axes are of one kind, and begin at one value. */
export function withSharedScale(figures: readonly PageFigureData[]): PageFigureData[] {
  let high = Number.NEGATIVE_INFINITY;
  for (const { series } of figures) {
    for (const { y, top = y } of series) {
      for (let i = 0; i < top.length; i++) if (top[i]! > high) high = top[i]!;
    }
  }
  if (high === Number.NEGATIVE_INFINITY) return [...figures];
  return figures.map((figure) => ({ ...figure, yAxis: { ...figure.yAxis, high } }));
}
