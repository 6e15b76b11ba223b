/**
 * TLS over sockets of this package. Over the kernel's, the TLS socket is itself the one of Multipath TCP: `tls` connects as it always
 * does, on a descriptor that was put under it. Over others (a converter, the userspace transport) it is a stream upon their stream.
 *
 * Read first: kernel-attempts.ts; tls.connect and TLSSocket of Node.
 */
import { isIP, type Socket as NetSocket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { begin, checkConnect, withoutNulls } from '../connect.js';
import { checkListener, checkObject, readPort } from '../check-options.js';
import { KernelAttempts } from '../kernel-attempts.js';
import {
  clientFastOpen,
  kernelMultipath,
  kernelServiceOf,
  optionsForNet,
  serveKernelSocket,
} from '../kernel-socket.js';
import type { ConnectOptions } from '../options.js';
import type { Multipath, Socket } from '../socket.js';
import type { ChosenTransport } from '../transport.js';
import { connectOptionsOf, type ConnectionChoices, without } from './choices.js';

/** A socket of `node:tls` that knows of its subflows. */
export type TlsSocket = TLSSocket & Multipath;

/** What `tls.connect` takes for TCP, and what `connect` of this package adds. */
export type TlsConnectOptions = Omit<ConnectionOptions, 'socket' | 'path'> &
  Omit<ConnectOptions, 'lookup'> &
  ConnectionChoices;

/** How a TLS socket is made of options: `tls.connect`, or what does the same. */
export type MakeTls = (options: ConnectionOptions) => TLSSocket;

/**
 * Connects by TLS over Multipath TCP, as `tls.connect` does: 'secureConnect' follows, or 'error'. The name for SNI is `servername`, else
 * `host` where that is a name. Throws as `connect` does, and as `tls.connect` does.
 */
export function tlsConnect(options: TlsConnectOptions, secureConnectListener?: () => void): TlsSocket {
  checkObject(options, 'tlsConnect({ host, port })');
  checkListener(secureConnectListener);
  const { host } = options;
  const servername = host !== undefined && isIP(host) === 0 ? { servername: host } : {};
  const socket = openTls({ ...servername, ...options }, (all) => tls.connect(all));
  if (secureConnectListener !== undefined) socket.once('secureConnect', secureConnectListener);
  return socket;
}

/** Makes a TLS socket that connects as the options say. */
export function openTls(options: TlsConnectOptions, makeTls: MakeTls): TlsSocket {
  const own = connectOptionsOf(options);
  const wanted = { ...withoutNulls(own), port: readPort('port', own.port) };
  const chosen = checkConnect(wanted);
  if (chosen.transport === 'kernel' && wanted.converter === undefined)
    return openOnDescriptor(options, wanted, chosen, makeTls);
  const { timeout, ...below } = wanted;
  const inner = begin(chosen, below);
  // What it has to say of its end, the TLS socket says.
  inner.on('error', () => undefined);
  const socket = makeTls({ ...forTls(options), socket: inner });
  if (timeout !== undefined) socket.setTimeout(timeout);
  return Object.defineProperties(socket, multipathOf(inner)) as TlsSocket;
}

function openOnDescriptor(
  options: TlsConnectOptions,
  wanted: ConnectOptions,
  { lack }: Extract<ChosenTransport, { transport: 'kernel' }>,
  makeTls: MakeTls,
): TlsSocket {
  const service = kernelServiceOf(wanted, lack);
  const socket = makeTls({ ...forTls(options), ...optionsForNet(wanted) });
  // Nothing is attempted before the next tick.
  const attempts = new KernelAttempts(socket, wanted, lack);
  const destroy = socket._destroy.bind(socket);
  socket._destroy = (error, callback) => attempts.whenDestroyed(error, callback, destroy);
  if (service !== undefined) serveKernelSocket(socket, service);
  setUp(socket, wanted);
  const fastOpen = { get: () => clientFastOpen(socket, wanted), configurable: true };
  return Object.defineProperties(socket, { ...kernelMultipath, fastOpen }) as TlsSocket;
}

/** What `tls.connect` leaves out of what `net.connect` does. */
function setUp(
  socket: NetSocket,
  { keepAlive, keepAliveInitialDelay, noDelay, signal }: ConnectOptions,
): void {
  if (signal !== undefined) addAbortSignal(signal, socket);
  socket.once('connect', () => {
    if (noDelay === true) socket.setNoDelay(true);
    if (keepAlive === true) socket.setKeepAlive(true, keepAliveInitialDelay);
  });
}

/** The options without those that are for the socket beneath. */
function forTls(options: TlsConnectOptions): ConnectionOptions {
  return without(options, ['signal', 'timeout']);
}

const readNames = ['transport', 'isMultipath', 'subflows', 'multipath', 'fastOpen'] as const;
const callNames = [
  'openSubflow',
  'closeSubflow',
  'setBackup',
  'announceAddress',
  'withdrawAddress',
  'watchSubflows',
  'sendExperiment',
] as const;

/** The properties and methods of {@link Multipath} as `inner` has them; `converted` too. */
function multipathOf(inner: Socket): PropertyDescriptorMap {
  const members: PropertyDescriptorMap = {};
  for (const name of [...readNames, 'converted'] as const)
    members[name] = { get: () => inner[name], configurable: true };
  for (const name of callNames)
    members[name] = { value: (inner[name] as () => unknown).bind(inner), configurable: true };
  return members;
}
