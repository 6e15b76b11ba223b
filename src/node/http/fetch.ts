/**
 * `fetch` over Multipath TCP: a connector for undici, whichever one a program has, and a dispatcher around it made of the undici that Node
 * brings. Pools, limits and HTTP are undici's.
 *
 * Read first: Client, Agent and Connector in undici's documentation.
 */
import { isIP, type Socket as NetSocket } from 'node:net';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici-types';
import { SubflowError } from '../../base/index.js';
import { checkObject } from '../check-options.js';
import { connect } from '../connect.js';
import { argumentType } from '../option-error.js';
import { errorOf, netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { checkChoices, type ConnectionChoices, without } from './choices.js';
import { openTls, type TlsConnectOptions } from './tls.js';

/** What undici tells its connector. */
export interface ConnectorPlace {
  readonly hostname: string;
  readonly host?: string;
  readonly protocol: string;
  readonly port: string | number;
  readonly servername?: string | null;
  readonly localAddress?: string | null;
  /** A connection that is there already, through a proxy, to put TLS on. */
  readonly httpSocket?: NetSocket;
}

/** A connector in the form that undici's `Agent`, `Pool` and `Client` take as their option `connect`. */
export type Connector = (
  place: ConnectorPlace,
  // As undici has it: one of the two is null.
  callback: (...result: [error: Error, socket: null] | [error: null, socket: NetSocket | TLSSocket]) => void,
) => void;

/** What `connect` of this package and `tls.connect` take, for every connection. */
export interface ConnectorOptions
  extends
    ConnectionChoices,
    Omit<ConnectionOptions, 'socket' | 'path' | 'host' | 'port' | 'servername' | 'timeout' | 'lookup'>,
    Pick<ConnectOptions, 'lookup' | 'family' | 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'> {
  /** Time for the connection, TLS included, in ms; 0 for as long as it takes. Default 10,000. */
  readonly timeout?: number;
  /** Whether to offer HTTP/2 to servers of `https`; give undici the same option. Default false. */
  readonly allowH2?: boolean;
  /** TLS sessions kept for resumption, one for each server; 0 for none. Default 100. */
  readonly maxCachedSessions?: number;
  /** Whether idle connections are probed. Default true, after 60 s. */
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

/** undici's `Agent`, as far as it is needed here. */
type AgentClass = new (options: Record<string, unknown>) => FetchDispatcher;

/** What `fetch` takes as `dispatcher`. */
export type FetchDispatcher = Dispatcher;

export interface FetchDispatcherOptions extends ConnectorOptions {
  /** `Agent` of an undici of the program's own; that of Node when left out. */
  readonly Agent?: unknown;
  /** Options of undici's `Agent`, as in `{ connections: 8 }`. */
  readonly pool?: Readonly<Record<string, unknown>>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
const KEEP_ALIVE_MS = 60_000;
const MAX_SESSIONS = 100;

/**
 * A dispatcher for `fetch`: `fetch(url, { dispatcher: fetchDispatcher({ serviceType: 'handover' }) })`. It holds connections until its
 * `close()` or `destroy()`: make one, and use it for many. Throws what `connect` throws, and `ERR_SUBFLOW_UNSUPPORTED` where Node does
 * not show its undici.
 */
export function fetchDispatcher(options: FetchDispatcherOptions = {}): FetchDispatcher {
  checkObject(options, "fetchDispatcher({ serviceType: 'handover' })");
  const { Agent = ownAgent(), pool = {}, ...choices } = options;
  if (typeof Agent !== 'function') throw argumentType('Agent', "undici's class of that name");
  if (typeof pool !== 'object' || pool === null) throw argumentType('pool', 'an object');
  const { allowH2 } = choices;
  return new (Agent as AgentClass)({
    ...(allowH2 !== undefined && { allowH2 }),
    ...pool,
    connect: connector(choices),
  });
}

/** A connector: `new Agent({ connect: connector({ serviceType: 'handover' }) })` of undici. Throws what `connect` throws. */
export function connector(options: ConnectorOptions = {}): Connector {
  checkObject(options, "connector({ serviceType: 'handover' })");
  checkChoices(options);
  const { timeout = CONNECT_TIMEOUT_MS, maxCachedSessions = MAX_SESSIONS } = options;
  if (!Number.isInteger(maxCachedSessions) || maxCachedSessions < 0)
    throw new SubflowError('ERR_OUT_OF_RANGE', 'maxCachedSessions should be a whole number, 0 or more');
  const sessions = new SessionCache(maxCachedSessions);
  return (place, callback) => {
    const isSecure = place.protocol === 'https:';
    let socket: NetSocket;
    try {
      socket = isSecure ? openSecure(place, options, sessions) : openPlain(place, options);
    } catch (error) {
      process.nextTick(callback, errorOf(error), null);
      return;
    }
    const { keepAlive = true, keepAliveInitialDelay = KEEP_ALIVE_MS } = options;
    socket.setNoDelay(true);
    if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay);
    settle(socket, isSecure ? 'secureConnect' : 'connect', timeoutOf(place, timeout), callback);
  };
}

/** A time after which there is an error. */
interface Patience {
  readonly timeoutMs: number;
  readonly error: () => Error;
}

function timeoutOf({ hostname, port }: ConnectorPlace, timeoutMs: number): Patience {
  return {
    timeoutMs,
    error: () => netError('ETIMEDOUT', 'connect', { address: hostname, port: Number(port) }),
  };
}

/** Tells once what came of the socket. */
function settle(
  socket: NetSocket,
  event: 'connect' | 'secureConnect',
  { timeoutMs, error: late }: Patience,
  callback: Parameters<Connector>[1],
): void {
  // A longer one than timers take would be over at once.
  const timer =
    timeoutMs === 0 ? undefined : setTimeout(() => socket.destroy(late()), Math.min(timeoutMs, MAX_TIMER_MS));
  const onError = (error: Error): void => {
    clearTimeout(timer);
    socket.removeListener(event, onReady);
    callback(error, null);
  };
  const onReady = (): void => {
    clearTimeout(timer);
    socket.removeListener('error', onError);
    callback(null, socket);
  };
  socket.once('error', onError);
  socket.once(event, onReady);
}

function openPlain(place: ConnectorPlace, options: ConnectorOptions): NetSocket {
  return connect({ ...placeOf(place, 80), ...forConnection(options) }) as unknown as NetSocket;
}

function openSecure(place: ConnectorPlace, options: ConnectorOptions, sessions: SessionCache): TLSSocket {
  const { hostname, httpSocket } = place;
  const servername = place.servername ?? (isIP(hostname) === 0 ? hostname : undefined);
  const key = `${servername ?? hostname}:${place.port}`;
  const session = sessions.get(key);
  const { allowH2 = false } = options;
  const secure = {
    ALPNProtocols: allowH2 ? ['http/1.1', 'h2'] : ['http/1.1'],
    ...forConnection(options),
    ...(servername !== undefined && { servername }),
    ...(session !== undefined && { session }),
  };
  const all = { ...placeOf(place, 443), ...secure } as TlsConnectOptions;
  const socket =
    httpSocket === undefined
      ? openTls(all, (each) => tls.connect(each))
      : tls.connect({ ...(secure as ConnectionOptions), host: hostname, socket: httpSocket });
  return socket.on('session', (each: Buffer) => sessions.set(key, each));
}

function placeOf({ hostname, port, localAddress }: ConnectorPlace, defaultPort: number): ConnectOptions {
  return {
    host: hostname,
    port: Number(port) || defaultPort,
    ...(typeof localAddress === 'string' && { localAddress }),
  };
}

/** The options without those that are the connector's own. */
function forConnection(options: ConnectorOptions): Omit<ConnectorOptions, 'timeout'> {
  return without(options, ['timeout', 'allowH2', 'maxCachedSessions']);
}

/** The newest session of each server; the oldest makes way. */
class SessionCache {
  private readonly most: number;
  private readonly sessions = new Map<string, Buffer>();

  constructor(most: number) {
    this.most = most;
  }

  get(key: string): Buffer | undefined {
    return this.sessions.get(key);
  }

  set(key: string, session: Buffer): void {
    if (this.most === 0) return;
    this.sessions.delete(key);
    const [oldest] = this.sessions.keys();
    if (this.sessions.size >= this.most && oldest !== undefined) this.sessions.delete(oldest);
    this.sessions.set(key, session);
  }
}

/** Where undici keeps the dispatcher that `fetch` uses; the number grows with what a dispatcher is asked for. */
const dispatcherKeys = ['undici.globalDispatcher.1', 'undici.globalDispatcher.2'].map((key) =>
  Symbol.for(key),
);

/** The `Agent` of the undici inside Node, which it shows as the class of its global dispatcher. */
function ownAgent(): AgentClass {
  // Node loads it when one of its classes is asked for.
  void globalThis.Headers;
  for (const key of dispatcherKeys) {
    const dispatcher = (globalThis as Record<symbol, unknown>)[key];
    const { constructor } = Object(dispatcher) as { constructor?: { name?: string } };
    if (dispatcher !== undefined && constructor?.name === 'Agent') return constructor as AgentClass;
  }
  throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', "Node's own undici is not to be had for a dispatcher", {
    hint: "Install undici and give its class: import { Agent } from 'undici'; fetchDispatcher({ Agent }).",
  });
}
