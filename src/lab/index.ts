/**
 * What the lab shows, without a page: scenarios of the playground as data, as text and at work, and the figures of scenarios
 * and of captures. Start with {@link Scenario} and {@link LabWorld}.
 */
export { makeFigure, type PlotKind, plotKinds, type PlotSource, seriesOfSubflows } from '../plot/index.js';
export * from './captures/index.js';
export * from './comparison.js';
export { explainReason, type Reason, reasons } from './decisions.js';
export type { LastDecision } from './decision-log.js';
export {
  decodeFlight,
  FLIGHT_FIELDS,
  type FlightCode,
  type FlightColumns,
  FlightFate,
} from './flight-log.js';
export * from './floor-plan.js';
export * from './lessons/index.js';
export * from './live-figures.js';
export * from './machine/index.js';
export * from './place-sampler.js';
export * from './names.js';
export * from './quantity.js';
export { runScenario } from './run.js';
export * from './scenario.js';
export {
  readPath,
  type ReadScenario,
  readScenario,
  readTraffic,
  writeScenario,
  writeTraffic,
} from './scenario-text.js';
export * from './shared-scale.js';
export { type LabSummary, type PathSummary, summarise } from './summary.js';
export { LabWorld, type LabWorldOptions, LONGEST_RUN_NS } from './world.js';
