/** A running balancer and its parts. Start with {@link startBalancer}. */
export * from './config-file.js';
export * from './data-path.js';
export * from './embedded-store.js';
export * from './health-checks.js';
export * from './log-events.js';
export * from './nats-store.js';
export * from './runtime.js';
export * from './state-store.js';
export * from './status-socket.js';
export * from './user-path.js';
export * from './xdp-path.js';
