/**
 * Ways on for connections that a transparent listener took: directly, or through a Transport Converter, over the kernel's Multipath TCP.
 * All that they send carries the mark of our proxies, so that no rule of ours takes it again.
 */
import { once } from 'node:events';
import type { ConnectOptions } from '../options.js';
import { connect } from '../connect.js';
import { type RelayEnd, SocketEnd, StreamEnd } from '../relay/index.js';

/** A connection that is wanted. */
export interface OpenRequest {
  /** Address, or name, of the server. */
  readonly host: string;
  readonly port: number;
  /** What the client sent already: it goes as early as may be. */
  readonly early?: Uint8Array;
  /** The client's address, for logs and rules. */
  readonly client: string;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A way on. */
export interface Upstream {
  /** For people. */
  readonly name: string;
  /** Settles when the server is there; rejects with an error of `net`, or of the way's own, and leaves nothing behind then. */
  open(request: OpenRequest): Promise<{ readonly end: RelayEnd }>;
}

/** How ways are gone. */
export interface UpstreamOptions {
  /** Mark on all packets (needs CAP_NET_ADMIN); undefined: none. */
  readonly mark?: number;
  /** Plain TCP. */
  readonly isPlain?: boolean;
}

/** To the server itself. */
export function directUpstream({ mark, isPlain = false }: UpstreamOptions = {}): Upstream {
  return {
    name: 'direct',
    async open({ host, port, signal }) {
      signal.throwIfAborted();
      const options = { host, port, noDelay: true, ...(mark !== undefined && { mark }) };
      // Of the kernel's socket, which knows of marks; without a service it may be plain TCP as well.
      const end = SocketEnd.connecting({ ...options, ...(isPlain && { serviceType: 'none' }) }, false);
      await opened(end.socket, () => end.reset(), signal);
      return { end };
    },
  };
}

/** Through the converter at `converter`, as in `192.0.2.1:5124`. */
export function converterUpstream(converter: string, { mark }: UpstreamOptions = {}): Upstream {
  return {
    name: `converter ${converter}`,
    async open({ host, port, signal }) {
      signal.throwIfAborted();
      const options: ConnectOptions = {
        ...{ host, port, converter, transport: 'kernel', allowHalfOpen: true, noDelay: true, fastOpen: true },
        ...(mark !== undefined && { mark }),
      };
      const socket = connect(options);
      await opened(socket, () => void socket.destroy(), signal);
      return { end: new StreamEnd(socket) };
    },
  };
}

/** Waits until a socket is connected; ends it where it may not go on. */
async function opened(socket: NodeJS.EventEmitter, end: () => void, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    // What it says of its end is of no interest any more.
    socket.on('error', () => undefined);
    end();
    throw error;
  }
}
