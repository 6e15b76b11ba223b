export * from './link-facts.js';
export * from './link-quality.js';
export * from './metered-limit.js';
export * from './path-policy.js';
export * from './path-sample.js';
export * from './policy-view.js';
export * from './service-type.js';
export * from './thresholds.js';
