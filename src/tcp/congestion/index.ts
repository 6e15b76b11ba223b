export { balia } from './balia.js';
export { bbr } from './bbr.js';
export * from './congestion-control.js';
export { cubic } from './cubic.js';
export { lia } from './lia.js';
export { newReno } from './new-reno.js';
export { olia } from './olia.js';
export { weightedVegas } from './weighted-vegas.js';
export { congestionControls, congestionNamed } from './named.js';
