export * from './figure.js';
export { renderFigure } from './render.js';
export type { Unit } from './ticks.js';
