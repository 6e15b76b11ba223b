export * from './xdp-agent.js';
