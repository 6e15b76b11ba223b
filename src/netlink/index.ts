export * from './message.js';
export * from './mptcp-events.js';
export * from './mptcp-pm.js';
export * from './route-message.js';
export * from './routing.js';
export * from './socket-diagnosis.js';
export * from './subflow-diagnosis.js';
