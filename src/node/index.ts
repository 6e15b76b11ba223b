/**
 * Multipath TCP for Node programs, shaped like `node:net`: {@link connect} and {@link createServer} over the kernel's
 * Multipath TCP or over this project's engine. docs/api.md tells the rest.
 */
export { connect, createServer } from './connect.js';
export {
  Bond,
  bondEvents,
  type BondEvent,
  type BondOptions,
  bondPlan,
  type BondReport,
  DEFAULT_BOND_PORT,
  KeptUplinks,
  planUplinks,
  type UplinkChoice,
  type UplinkKeeper,
} from './bond/index.js';
export {
  Capture,
  type CapturePlan,
  captureRules,
  captureScript,
  familiesHere,
  PROXY_MARK,
  TransparentListener,
  type TransparentOptions,
} from './proxy/transparent.js';
export {
  ConvertError,
  ConverterServer,
  converterEvents,
  type ConverterEvent,
  type ConverterOptions,
} from './converter/index.js';
export {
  type AccessRules,
  closedRules,
  type Network,
  parseNetwork,
  readRules,
  type RelayLimits,
} from './relay/index.js';
export * from './http/index.js';
export type { FallbackEvidence, FallbackInfo } from './fallback-info.js';
export {
  type Authenticate,
  DEFAULT_PROXY_PORT,
  DirectUpstream,
  type DirectOptions,
  FailoverUpstream,
  hashPassword,
  type OpenedConnection,
  proxyEvents,
  type ProxyEvent,
  type ProxyListenOptions,
  type ProxyOptions,
  type ProxyProtocol,
  ProxyServer,
  readUsers,
  TunnelUpstream,
  type Upstream,
  type UpstreamRequest,
  Users,
} from './proxy/index.js';
export { type Hop, parseHops } from './tunnel/hop.js';
export { ProxyError, type ProxyErrorCode } from './tunnel/proxy-error.js';
export { CryptoRandom } from './crypto-random.js';
export { discoverNat64, type Nat64Resolver } from './nat64-discovery.js';
export type { MultipathOptions } from './multipath-options.js';
export {
  pathManagers,
  profiles,
  schedulers,
  targetBasedFor,
  type PathAction,
  type PathEvent,
  type PathManager,
  type PathManagerFactory,
  type PathView,
  type ServiceTypeOptions,
  type Profile,
  type ScheduleContext,
  type Scheduler,
  type SchedulerFactory,
  type Subflow,
  type Target,
} from '../mptcp/index.js';
export {
  defaultThresholds,
  serviceTypes,
  type LinkFacts,
  type LinkKind,
  type MeteredLimit,
  type QualityThresholds,
  type ServiceType,
} from '../policy/index.js';
export {
  congestionControls,
  type CongestionControl,
  type CongestionFactory,
  type CongestionInit,
} from '../tcp/index.js';
export type { ConnectOptions, ListenOptions, ServerOptions } from './options.js';
export type { Server } from './server.js';
export type {
  AddressEvent,
  ConvertedInfo,
  ExperimentContent,
  ExperimentEvent,
  FastOpenInfo,
  KernelInfo,
  Multipath,
  MultipathInfo,
  OpenSubflowOptions,
  RemoteAddressInfo,
  Socket,
  SubflowEvent,
  SubflowInfo,
  SubflowState,
  Transport,
} from './socket.js';
export type { RobustOption, RobustOptions } from './robust-option.js';
export type { RawSetup } from './raw-interfaces.js';
export type { TransportOptions } from './transport.js';
export type { MptcpVersion } from '../wire/index.js';
export type { InterfaceSetup } from './interface-setup.js';
export { UserspaceHost, type TunSetup, type UserspaceHostOptions } from './userspace-host.js';
export { planFor, ServerAgent, type ServerAgentOptions } from './balancer/server-agent.js';
export { commandsOf, type SetupStep } from './balancer/server-steps.js';
export {
  PathKeeper,
  type PathKeeperEvent,
  pathKeeperEvents,
  type PathKeeperOptions,
  type Uplink,
  type UplinkState,
} from './paths/index.js';

/** The keeper of paths and its parts for the command line, loaded when asked for. */
export const loadPaths = () => import('./paths/index.js');
export type * from './balancer/index.js';

export type * from './daemon/index.js';
export * from './monitor/index.js';

/** What every command that goes on has, loaded when it is asked for. */
export const loadDaemon = () => import('./daemon/index.js');

/** A running balancer and its parts, loaded when it is asked for: it brings the client of a store and more that others never need. */
export const loadBalancing = () => import('./balancer/index.js');

/** The server of the lab's page, loaded when it is asked for. */
export const loadLab = () => import('./lab/index.js');
export type * from './lab/index.js';
