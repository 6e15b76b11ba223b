/** The two functions that most users need. */
import {
  checkConnectOptions,
  checkListener,
  checkObject,
  checkServerOptions,
  readPort,
} from './check-options.js';
import { KernelServer } from './kernel-server.js';
import { connectKernelSocket } from './kernel-socket.js';
import { checkFastOpenMode, checkFastOpenServer } from './fast-open.js';
import { checkLocalAddresses } from './local-addresses.js';
import { checkMultipathOptions } from './multipath-options.js';
import type { ConnectOptions, ServerOptions } from './options.js';
import { checkRobust } from './robust-option.js';
import type { Server } from './server.js';
import type { Socket } from './socket.js';
import { connectThrough, hopsOf } from './tunnel/tunnel-socket.js';
import { chooseTransport, type ChosenTransport } from './transport.js';
import { connectUserspaceSocket } from './userspace-connect.js';
import { UserspaceServer } from './userspace-server.js';

/**
 * Connects, as `net.connect` does, over Multipath TCP. What goes wrong on the way is an 'error' event with the code that
 * `net` gives; options that cannot be, and a transport that is not to be had, throw before anything is opened (see
 * {@link checkConnectOptions}, {@link chooseTransport} and {@link checkMultipathOptions}).
 */
export function connect(options: ConnectOptions, connectListener?: () => void): Socket {
  checkObject(options, 'connect({ host, port })');
  checkListener(connectListener);
  const port = readPort('port', options.port);
  const chosen = checkConnect(options);
  const socket = begin(chosen, { ...withoutNulls(options), port });
  if (connectListener !== undefined) socket.once('connect', connectListener);
  return socket;
}

/** Throws what {@link connect} throws of the options, but for `port`, and opens nothing. Returns what would carry the connection. */
export function checkConnect(options: Partial<ConnectOptions>): ChosenTransport {
  checkConnectOptions({ ...options });
  const chosen = chooseTransport(options);
  checkMultipathOptions(options, chosen, 'client');
  checkLocalAddresses(options.localAddresses, chosen.transport);
  checkRobust(options.robust, chosen.transport);
  checkFastOpenMode(options.fastOpen);
  return chosen;
}

/** Begins to connect, as options that were checked say. */
export function begin(chosen: ChosenTransport, wanted: ConnectOptions): Socket {
  const hops = hopsOf(wanted);
  if (hops !== undefined) return connectThrough(chosen, wanted, hops);
  if (chosen.transport === 'kernel') return connectKernelSocket(wanted, chosen.lack);
  return connectUserspaceSocket(chosen.host, wanted);
}

/** What `net` takes for left out is left out. */
export function withoutNulls(options: ConnectOptions): ConnectOptions {
  const given = Object.entries(options).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as unknown as ConnectOptions;
}

/** Makes a server, as `net.createServer` does; `connectionListener` is called with a {@link Socket}. */
export function createServer(
  options?: ServerOptions | ((socket: Socket) => void),
  connectionListener?: (socket: Socket) => void,
): Server {
  const wanted = typeof options === 'function' || options === undefined ? {} : options;
  const listener = typeof options === 'function' ? options : connectionListener;
  checkObject(wanted, 'createServer({ fastOpen: true }, listener)');
  checkListener(listener);
  checkServerOptions({ ...wanted });
  const chosen = chooseTransport(wanted);
  checkMultipathOptions(wanted, chosen, 'server');
  checkFastOpenServer(wanted.fastOpen);
  const server =
    chosen.transport === 'kernel'
      ? new KernelServer(wanted, chosen.lack)
      : new UserspaceServer(chosen.host, wanted);
  if (listener !== undefined) server.on('connection', listener);
  return server as Server;
}
