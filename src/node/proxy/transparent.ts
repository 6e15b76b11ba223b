/** Transparent proxies: connections that rules of packets bring, and the rules. */
export * from './capture.js';
export * from './transparent-listener.js';
export * from './transparent-rules.js';
