export * from './congestion-control.js';
export { cubic } from './cubic.js';
export { newReno } from './new-reno.js';
export { congestionControls, congestionNamed } from './named.js';
