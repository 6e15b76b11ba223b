export {
  binPoints,
  binStarts,
  collected,
  collectedHeights,
  rateIn,
  seriesOf,
  totalOf,
} from './connection/collected.js';
export * from './connection/figures.js';
export * from './figure.js';
export { sha256Base64 } from './page/digest.js';
export type { PageCanvas, PageElement, Pen } from './page/browser.js';
export type { ChosenPacket, PageFigureData, PageSeries } from './page/data.js';
export { FigurePanel, type PanelHost } from './page/figure-panel.js';
export { FigureView } from './page/figure-view.js';
export { Frame } from './page/frame.js';
export { Painter } from './page/painter.js';
export { PixelCover } from './page/pixel-cover.js';
export { columnBuffers, figureData, type PageFigure, renderPage } from './page/render.js';
export { TimeRange } from './page/time-range.js';
export { seriesStyle } from './palette.js';
export { renderPoints } from './points.js';
export { renderFigure } from './render.js';
export { escapeText } from './text.js';
export { describeValue, ticksWithin, type Unit } from './ticks.js';
export { LEAST_COLUMNS, LEAST_ROWS, renderTerminal, type TerminalRoom } from './terminal/render.js';
export { renderXplot } from './xplot.js';
