export {
  pathKeeperEvents,
  type PathKeeperEvent,
  type PathKeeperEventName,
  type Uplink,
  type UplinkState,
} from './events.js';
export { LEDGER_FOLDER } from './ledger.js';
export {
  keeperServiceTypes,
  type KeeperServiceType,
  type PathKeeperOptions,
  type PathKeeperSettings,
} from './options.js';
export { PathKeeper } from './path-keeper.js';
export { UplinkMeter, type UplinkUse } from './uplink-use.js';
export { uplinkCandidates, type UplinkCandidate, type UplinkSettings, type UplinkWay } from './uplinks.js';
export { uplinkAdvice } from './advice.js';
