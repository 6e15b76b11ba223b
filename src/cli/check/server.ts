/** Whether a connection of the kernel's to a server really is Multipath TCP. */

import { once } from 'node:events';
import { Socket } from 'node:net';
import { connectionInfo, connectKernel, isMultipath } from '../../linux/index.js';
import type { ProbeTarget } from '../target.js';

/** How long a connection may take to come about, ms. */
const TIMEOUT_MS = 10_000;

export interface ServerReport {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly isConnected: boolean;
  readonly isMultipath: boolean;
  readonly sentence: string;
  /** What to do about a no; empty for a yes. */
  readonly advice: string;
}

/** Connects, looks, and hangs up. */
export async function checkServer({ host, port, endpoint }: ProbeTarget): Promise<ServerReport> {
  const address = endpoint.address.toString();
  const common = { host, address, port };
  const fd = connectKernel({ address, port });
  const socket = new Socket({ fd });
  try {
    const failure = await connected(socket);
    if (failure !== undefined) {
      return {
        ...{ ...common, isConnected: false, isMultipath: false },
        sentence: `No connection to ${host} comes about: ${failure}.`,
        advice: 'See that the address and the port are right and that a server listens there.',
      };
    }
    if (isMultipath(fd) && connectionInfo(fd)?.remoteKeyReceived === true)
      return {
        ...{ ...common, isConnected: true, isMultipath: true },
        sentence: `A connection to ${host} is Multipath TCP.`,
        advice: '',
      };
    return {
      ...{ ...common, isConnected: true, isMultipath: false },
      sentence: `A connection to ${host} is plain TCP.`,
      advice: `Whether the server or the path is to blame: subflow probe ${host}:${port} --trace.`,
    };
  } finally {
    socket.destroy();
  }
}

const failures: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENETUNREACH: 'no route leads there (ENETUNREACH)',
  EHOSTUNREACH: 'the host cannot be reached (EHOSTUNREACH)',
  ETIMEDOUT: 'nobody answers',
};

/** Waits until the connection stands; why not, otherwise. */
async function connected(socket: Socket): Promise<string | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    // An empty write is taken as soon as the descriptor is connected; a failed connection is an error before.
    const written = new Promise<void>((resolve, reject) =>
      socket.write('', (error) => (error === null || error === undefined ? resolve() : reject(error))),
    );
    const failed = once(socket, 'error', { signal: abort.signal }).then(([error]) => {
      throw error as Error;
    });
    await Promise.race([written, failed]);
    return undefined;
  } catch (error) {
    if (abort.signal.aborted) return 'nobody answers';
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return failures[code] ?? code;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
