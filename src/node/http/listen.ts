/**
 * Servers of Node's own (`http`, `https`, `http2`, `tls`, `net`) that take Multipath TCP: they listen on a descriptor of the kernel's,
 * and remain what they are, with their limits, time-outs and `close`.
 */
import { closeSync } from 'node:fs';
import { Server as NetServer, type Socket as NetSocket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SubflowError } from '../../base/index.js';
import {
  checkListener,
  checkListenOptions,
  checkObject,
  checkServerOptions,
  readPort,
} from '../check-options.js';
import { checkFastOpenServer } from '../fast-open.js';
import { isKernelAsked } from '../kernel-attempts.js';
import { noteOrigin, type KernelOrigin } from '../kernel-origin.js';
import { openKernelListener } from '../kernel-server.js';
import { adopt, kernelMultipath } from '../kernel-socket.js';
import { checkMultipathOptions } from '../multipath-options.js';
import { argumentType, unsupported } from '../option-error.js';
import type { ListenOptions, ServerOptions } from '../options.js';
import { resolve } from '../resolve.js';
import { chooseTransport } from '../transport.js';

/** Where to listen, and what `createServer` of this package adds to `net.createServer`. */
export interface ListenerOptions
  extends
    ListenOptions,
    Omit<
      ServerOptions,
      'allowHalfOpen' | 'pauseOnConnect' | 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay'
    > {}

/** How the connections of servers come to be, of those that {@link listen} was called for. */
const origins = new WeakMap<NetServer, KernelOrigin>();

/**
 * Has a server of Node's listen for Multipath TCP, and for plain TCP: `listen(http.createServer(handler), { port: 8080 })`. 'listening' or
 * 'error' follows. The sockets it takes know of their subflows, those of TLS too. Kernel transport only. Throws as `createServer` does.
 */
export function listen<S extends NetServer>(server: S, options: ListenerOptions, listener?: () => void): S {
  if (!(server instanceof NetServer)) throw argumentType('the server', 'one of node:http, https, tls or net');
  checkObject(options, 'listen(server, { port: 8080 })');
  checkListener(listener);
  checkListenOptions({ ...options });
  checkServerOptions({ ...options });
  const chosen = chooseTransport(options);
  if (chosen.transport === 'userspace')
    throw unsupported(
      "servers of Node's own",
      "Use createServer({ via }, (socket) => server.emit('connection', socket)).",
    );
  checkMultipathOptions(options, chosen, 'server');
  checkFastOpenServer(options.fastOpen);
  if (server.listening) throw new SubflowError('ERR_SERVER_ALREADY_LISTEN', 'the server listens already');
  const wanted = { ...options, port: readPort('port', options.port ?? 0) };
  const isPlainWanted = options.serviceType === 'none';
  const origin: KernelOrigin = { role: 'server', lack: chosen.lack, isPlainWanted, wasMultipath: undefined };
  watch(server, origin);
  if (listener !== undefined) server.once('listening', listener);
  begin(server, wanted, origin);
  return server;
}

/** Has sockets of the server know of their subflows. */
function watch(server: NetServer, origin: KernelOrigin): void {
  const isWatched = origins.has(server);
  origins.set(server, origin);
  if (isWatched) return;
  server.prependListener('connection', (socket: NetSocket) => {
    adopt(socket);
    noteOrigin(socket, origins.get(server)!);
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    Object.defineProperties(socket, kernelMultipath);
    noteOrigin(socket, origins.get(server)!);
  });
}

function begin(server: NetServer, options: ListenerOptions, origin: KernelOrigin): void {
  const { host, signal } = options;
  let isGivenUp = signal?.aborted === true;
  const giveUp = (): void => {
    isGivenUp = true;
    server.close();
  };
  if (isGivenUp) process.nextTick(giveUp);
  else signal?.addEventListener('abort', giveUp, { once: true });
  const open = (address: string | undefined): void => {
    if (!isGivenUp) openOn(server, address, options, origin);
  };
  if (host === undefined) {
    process.nextTick(open, undefined);
    return;
  }
  resolve(host, {}, ({ error, addresses }) => {
    if (error === undefined) open(addresses[0]!.address);
    else if (!isGivenUp) server.emit('error', error);
  });
}

function openOn(
  server: NetServer,
  address: string | undefined,
  options: ListenerOptions,
  origin: KernelOrigin,
): void {
  const { backlog, ipv6Only, port } = options;
  if (!isKernelAsked()) {
    const plain = { port, backlog, ipv6Only };
    server.listen(address === undefined ? plain : { ...plain, host: address });
    return;
  }
  const opened = openKernelListener(address, options, options, origin);
  if (opened instanceof Error) {
    server.emit('error', opened);
    return;
  }
  try {
    server.listen({ fd: opened, backlog });
  } catch (error) {
    closeSync(opened);
    throw error;
  }
}
