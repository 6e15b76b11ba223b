/** The control plane of a balancer, without I/O: what is to be, what is, and what follows. Start with {@link ControlPlane}. */
export * from './config.js';
export * from './control-plane.js';
export * from './generation.js';
export * from './generation-json.js';
export * from './generation-log.js';
export * from './health.js';
export type * from './health-monitor.js';
export { metricsText } from './metrics-text.js';
export * from './observation.js';
export * from './status.js';
