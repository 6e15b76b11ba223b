export * from './observation.js';
export * from './report.js';
