/** Which server a packet goes to. Start with {@link Balancer}. */
export * from './balancer.js';
export { type BucketSnapshot, BucketTable } from './bucket-table.js';
export * from './control/index.js';
export * from './daisy-chain.js';
export { designNamed, designNames, type DesignName } from './designs.js';
export { encapsulate, encapsulationBytes, TunnelPacket, type TunnelNote } from './encapsulation.js';
export * from './flow-simulation.js';
export { maxSimulatedJoins } from './flow-simulation-packets.js';
export type { FlowSimulationEvent, FlowSimulationRow } from './flow-simulation-row.js';
export {
  defaultScenarioEvents,
  maxScenarioEvents,
  maxSimulatedBalancers,
  maxSimulatedServers,
  type ScenarioEvent,
  type ScenarioEventKind,
  scenarioEventKinds,
} from './flow-simulation-scenario.js';
export { OuterHeader } from './outer-header.js';
export { isForwarded } from './packet-view.js';
export { MaglevTable } from './maglev.js';
export * from './servers.js';
export * from './simulated.js';
export { defaultJoinPortBase, maxServices, Services } from './services.js';
export { checkSteeringSettings, defaultSteeringSettings, type SteeringSettings } from './settings.js';
export { SteeringCounters, type TokenLearnedEvent } from './steering.js';
export type { TokenEntry } from './token-table.js';
export * from './verdict.js';
