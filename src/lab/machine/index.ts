/** The view of a machine that is alive: what its server tells, and what becomes of it over the last minute. */
export * from './history.js';
export * from './rows.js';
export * from './state.js';
