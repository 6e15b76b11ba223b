export { Agent, HttpsAgent, type AgentOptions, type HttpsAgentOptions } from './agent.js';
export type { ConnectionChoices } from './choices.js';
export {
  connector,
  fetchDispatcher,
  type Connector,
  type ConnectorOptions,
  type ConnectorPlace,
  type FetchDispatcher,
  type FetchDispatcherOptions,
} from './fetch.js';
export { listen, type ListenerOptions } from './listen.js';
export { tlsConnect, type TlsConnectOptions, type TlsSocket } from './tls.js';
