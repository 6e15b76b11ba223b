export * from './figure.js';
export { sha256Base64 } from './page/digest.js';
export { type PageFigure, renderPage } from './page/render.js';
export { renderPoints } from './points.js';
export { renderFigure } from './render.js';
export { escapeText } from './text.js';
export type { Unit } from './ticks.js';
export { LEAST_COLUMNS, LEAST_ROWS, renderTerminal, type TerminalRoom } from './terminal/render.js';
export { renderXplot } from './xplot.js';
