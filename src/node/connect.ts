/** The two functions that most users need. */
import { isIP } from 'node:net';
import { SubflowError } from '../base/index.js';
import { KernelServer } from './kernel-server.js';
import { connectKernelSocket } from './kernel-socket.js';
import { checkFastOpenMode, checkFastOpenServer } from './fast-open.js';
import { checkMultipathOptions } from './multipath-options.js';
import type { ConnectOptions, ServerOptions } from './options.js';
import { checkRobust } from './robust-option.js';
import type { Server } from './server.js';
import type { Socket } from './socket.js';
import { chooseTransport } from './transport.js';
import { connectUserspaceSocket } from './userspace-connect.js';
import { UserspaceServer } from './userspace-server.js';

/**
 * Connects, as `net.connect` does, over Multipath TCP. What goes wrong on the way is an 'error' event with the code that
 * `net` gives; options that cannot be, and a transport that is not to be had, throw (see {@link chooseTransport} and
 * {@link checkMultipathOptions}).
 */
export function connect(options: ConnectOptions, connectListener?: () => void): Socket {
  const { port, host, localAddress, localPort } = options;
  if (!isPort(Number(port))) {
    throw new SubflowError('ERR_SOCKET_BAD_PORT', `port should be 0 to 65535, not ${String(port)}`);
  }
  if (localPort !== undefined && !isPort(localPort)) {
    throw new SubflowError('ERR_SOCKET_BAD_PORT', `localPort should be 0 to 65535, not ${String(localPort)}`);
  }
  if (host !== undefined && typeof host !== 'string') {
    throw new SubflowError('ERR_INVALID_ARG_TYPE', 'host should be a string');
  }
  if (localAddress !== undefined && isIP(localAddress) === 0) {
    throw new SubflowError('ERR_INVALID_IP_ADDRESS', `'${localAddress}' is not an IP address`);
  }
  const wanted = { ...options, port: Number(port) };
  const chosen = chooseTransport(options);
  checkMultipathOptions(options, chosen.transport, 'client');
  checkRobust(options.robust, chosen.transport);
  checkFastOpenMode(options.fastOpen);
  const socket =
    chosen.transport === 'kernel' ? connectKernelSocket(wanted) : connectUserspaceSocket(chosen.host, wanted);
  if (connectListener !== undefined) socket.once('connect', connectListener);
  return socket;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

/** Makes a server, as `net.createServer` does; `connectionListener` is called with a {@link Socket}. */
export function createServer(
  options?: ServerOptions | ((socket: Socket) => void),
  connectionListener?: (socket: Socket) => void,
): Server {
  const wanted = typeof options === 'function' || options === undefined ? {} : options;
  const listener = typeof options === 'function' ? options : connectionListener;
  const chosen = chooseTransport(wanted);
  checkMultipathOptions(wanted, chosen.transport, 'server');
  checkFastOpenServer(wanted.fastOpen);
  const server =
    chosen.transport === 'kernel' ? new KernelServer(wanted) : new UserspaceServer(chosen.host, wanted);
  if (listener !== undefined) server.on('connection', listener);
  return server as Server;
}
