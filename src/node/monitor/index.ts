/** The Multipath TCP connections of this machine, as they are. */
export * from './filter.js';
export * from './model.js';
export * from './monitor.js';
