/** Where the parts of a figure stand: title and legend above, axes around the plot, caption below. Units are SVG's. */

import { textWidth, wrapText } from './text.js';

export const FONT_SIZE = 14;
export const TITLE_SIZE = 18;
export const CAPTION_SIZE = 12;
const lineHeight = 1.35;
const margin = 20;

/** The parts of a figure and their places. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The plot itself. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Lines of the title, with the baseline of the first. */
  readonly title: readonly string[];
  readonly titleY: number;
  /** Where the entries of the legend begin. */
  readonly legend: readonly { readonly x: number; readonly y: number }[];
  /** Lines of the caption, with the baseline of the first. */
  readonly caption: readonly string[];
  readonly captionY: number;
}

/** What the layout depends on. */
export interface LayoutInput {
  readonly title: string;
  readonly caption: string;
  /** Names in the legend; a single one needs none. */
  readonly names: readonly string[];
  /** Labels of the ticks of y. */
  readonly yLabels: readonly string[];
  /** Room in units for what stands below the x axis. */
  readonly belowAxis: number;
}

/** Height of `count` lines of text of `size`. */
export function linesHeight(count: number, size: number): number {
  return count * size * lineHeight;
}

/** Width of the sample of a line or mark before a name in the legend. */
export const LEGEND_SAMPLE = 34;

function placeLegend(names: readonly string[], width: number, y: number): { x: number; y: number }[] {
  const places: { x: number; y: number }[] = [];
  let x = margin;
  let lineY = y;
  for (const name of names) {
    const needed = LEGEND_SAMPLE + textWidth(name, FONT_SIZE) + 24;
    if (x > margin && x + needed > width - margin) {
      x = margin;
      lineY += FONT_SIZE * lineHeight;
    }
    places.push({ x, y: lineY });
    x += needed;
  }
  return places;
}

/** Lays out a figure of a fixed width; its height grows with title, legend and caption. */
export function layOut(input: LayoutInput): Layout {
  const width = 800;
  const plotHeight = 380;
  const title = wrapText(input.title, TITLE_SIZE, width - 2 * margin);
  const titleY = margin + TITLE_SIZE * 0.8;
  const legendY = margin + linesHeight(title.length, TITLE_SIZE) + FONT_SIZE;
  const legend = input.names.length > 1 ? placeLegend(input.names, width, legendY) : [];
  const top = legend.length === 0 ? legendY + 4 : legend.at(-1)!.y + FONT_SIZE * 1.5;
  const widest = Math.max(0, ...input.yLabels.map((label) => textWidth(label, FONT_SIZE)));
  const bottom = top + plotHeight;
  const caption = wrapText(input.caption, CAPTION_SIZE, width - 2 * margin);
  const captionY = bottom + input.belowAxis + CAPTION_SIZE + 8;
  return {
    ...{ width, left: margin + FONT_SIZE * 1.6 + widest + 8, right: width - margin - 8, top, bottom },
    ...{ title, titleY, legend, caption, captionY },
    height: Math.ceil(captionY + linesHeight(caption.length, CAPTION_SIZE) + margin / 2),
  };
}
