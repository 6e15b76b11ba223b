/** All uplinks of a machine together, for the LAN behind it. */
export * from './bond.js';
export type { UplinkUse } from '../paths/index.js';
export { KeptUplinks, planUplinks, type Uplink, type UplinkChoice, type UplinkKeeper } from './uplinks.js';
