/** What proxies have in common: relays of bytes between two connections, their limits, and rules on who may go where. */
export * from './access-rules.js';
export * from './client-session.js';
export * from './connecting.js';
export * from './listener.js';
export * from './own-addresses.js';
export * from './relay.js';
export * from './relay-end.js';
export * from './relay-set.js';
export { parseRules, readRules } from './rules-file.js';
export { RelaySocket } from './relay-socket.js';
