export * from './congestion-control.js';
