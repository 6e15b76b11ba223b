export * from './experiment.js';
export * from './linux-lab.js';
export * from './parameter.js';
export * from './registry.js';
export * from './run.js';
export * from './transfer-side.js';
export * from './transfer.js';
