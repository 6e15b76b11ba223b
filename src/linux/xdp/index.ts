export * from './xdp-balancer.js';
export type { XdpRoute } from './xdp-tables.js';
