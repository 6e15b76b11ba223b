export * from './message.js';
export * from './mptcp-events.js';
export * from './mptcp-pm.js';
export * from './mptcp-endpoints.js';
export * from './netlink-socket.js';
export * from './route-message.js';
export * from './route-socket.js';
export * from './socket-diagnosis.js';
