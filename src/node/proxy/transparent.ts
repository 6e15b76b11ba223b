/** Transparent proxies: connections that rules of packets bring, the rules, and ways on. */
export * from './capture.js';
export * from './transparent-listener.js';
export * from './transparent-rules.js';
export * from './transparent-upstream.js';
