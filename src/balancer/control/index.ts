/** The control plane of a balancer, without I/O: what is to be, what is, and what follows. */
export * from './generation.js';
export * from './generation-json.js';
export * from './health.js';
export * from './observation.js';
