/**
 * Multipath TCP for Node programs, shaped like `node:net`: {@link connect} and {@link createServer} over the kernel's
 * Multipath TCP or over this project's engine. docs/api.md tells the rest.
 */
export { connect, createServer } from './connect.js';
export { CryptoRandom } from './crypto-random.js';
export type { ConnectOptions, ListenOptions, ServerOptions } from './options.js';
export type { Server } from './server.js';
export type { Multipath, Socket, SubflowEvent, SubflowInfo, SubflowState, Transport } from './socket.js';
export type { TransportOptions } from './transport.js';
export {
  UserspaceHost,
  type InterfaceSetup,
  type TunSetup,
  type UserspaceHostOptions,
} from './userspace-host.js';
