/** Agents of `node:http` and `node:https` whose connections are Multipath TCP. Pools, limits and TLS sessions are Node's own. */
import http from 'node:http';
import https from 'node:https';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect } from '../connect.js';
import { errorOf } from '../net-error.js';
import { checkChoices, choicesName, connectOptionsOf, type ConnectionChoices } from './choices.js';
import { openTls, type TlsConnectOptions } from './tls.js';

/** What `http.Agent` takes, and what `connect` of this package adds, for all connections of the agent. */
export interface AgentOptions extends http.AgentOptions, ConnectionChoices {}

/** What `https.Agent` takes, and what `connect` of this package adds, for all connections of the agent. */
export interface HttpsAgentOptions extends https.AgentOptions, ConnectionChoices {}

/** How Node's agents hear of a connection that could not be begun. */
type OnCreate = (error: Error | null, socket: Duplex) => void;

/**
 * An `http.Agent` over Multipath TCP: `http.get(url, { agent: new Agent({ keepAlive: true }) })`. A request may make its own choices
 * (`serviceType` ...) where the agent made none; connections are shared by requests with the same ones only. The constructor throws what
 * `connect` throws; what goes wrong later is an 'error' of the request.
 */
export class Agent extends http.Agent {
  /** Null is taken for no options, as by `http.Agent`. */
  constructor(options?: AgentOptions | null) {
    checkChoices(options ?? {});
    super(options ?? {});
  }

  override getName(...[options]: Parameters<http.Agent['getName']>): string {
    return super.getName(options) + choicesName(options ?? {});
  }

  override createConnection(options: object, onCreate?: OnCreate): NetSocket | undefined {
    return opened(() => connect(connectOptionsOf(options)) as unknown as NetSocket, onCreate);
  }
}

/** The same as {@link Agent} for `https`: TLS sessions are resumed, and protocols agreed on (`ALPNProtocols`), as `https.Agent` does. */
export class HttpsAgent extends https.Agent {
  /** Null is taken for no options, as by `https.Agent`. */
  constructor(options?: HttpsAgentOptions | null) {
    checkChoices(options ?? {});
    super(options ?? {});
  }

  override getName(...[options]: Parameters<https.Agent['getName']>): string {
    return super.getName(options) + choicesName(options ?? {});
  }

  override createConnection(options: object, onCreate?: OnCreate): NetSocket | undefined {
    return opened(() => openTls(options as TlsConnectOptions, (all) => this.openSecure(all)), onCreate);
  }

  /** As Node's agent does, sessions included. */
  private openSecure(options: ConnectionOptions): TLSSocket {
    return super.createConnection(options) as TLSSocket;
  }
}

/** A request that waited for its turn has nobody to throw to. */
function opened(open: () => NetSocket, onCreate: OnCreate | undefined): NetSocket | undefined {
  if (onCreate === undefined) return open();
  try {
    return open();
  } catch (error) {
    process.nextTick(onCreate, errorOf(error));
    return undefined;
  }
}
