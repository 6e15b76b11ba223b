export { ConnectionSeries, SEPARATE_SUBFLOWS, type SeriesOptions } from './connection-series.js';
export { type SeriesColumns, type SeriesPoint, ThinnedPoints } from './thinned-points.js';
export { TimeBins } from './time-bins.js';
