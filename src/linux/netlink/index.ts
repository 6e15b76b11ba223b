// Whoever works with the sockets wants the names of what goes over them, too.
export * from '../../netlink/index.js';
export * from './connection-list.js';
export * from './mptcp-events.js';
export * from './mptcp-pm.js';
export * from './mptcp-endpoints.js';
export * from './netlink-socket.js';
export * from './route-socket.js';
export * from './route-tables.js';
export * from './socket-diagnosis.js';
export * from './subflow-list.js';
