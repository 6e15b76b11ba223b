/** What servers of both transports have in common, and how `listen` takes its arguments. */
import type { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SubflowError } from '../base/index.js';
import { checkListenOptions, readPort } from './check-options.js';
import type { FallbackInfo } from './fallback-info.js';
import type { ListenOptions } from './options.js';
import type { Socket, Transport } from './socket.js';

/**
 * Takes connections: events 'listening', 'connection' (with a {@link Socket}), 'close', 'error' and 'drop', and the
 * methods below, all as `net.Server` has them. With the kernel transport it is a `net.Server`.
 */
export interface Server extends EventEmitter {
  readonly transport: Transport;
  /** Why it takes plain TCP only, where that is so; undefined where it takes Multipath TCP, as far as that is known before 'listening'. */
  readonly fallback: FallbackInfo | undefined;
  readonly listening: boolean;
  /** Connections beyond it are closed at once and reported as 'drop'. */
  maxConnections?: number | undefined;
  listen(port?: number, host?: string, backlog?: number, listener?: () => void): this;
  listen(port?: number, host?: string, listener?: () => void): this;
  listen(port?: number, backlog?: number, listener?: () => void): this;
  listen(port?: number, listener?: () => void): this;
  listen(options: ListenOptions, listener?: () => void): this;
  address(): AddressInfo | string | null;
  close(callback?: (error?: Error) => void): this;
  getConnections(callback: (error: Error | null, count: number) => void): this;
  ref(): this;
  unref(): this;
  on(event: 'connection', listener: (socket: Socket) => void): this;
  on(event: 'close' | 'listening', listener: () => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  // What EventEmitter declares, so that it stays assignable.
  on(event: string | symbol, listener: (...args: never[]) => void): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server before `listen` has its public form. */
export interface Startable extends EventEmitter {
  readonly listening: boolean;
  /** Whether `start` was called and neither 'listening' nor 'error' came of it yet. */
  readonly isStarting: boolean;
  close(): unknown;
  start(options: ListenOptions): void;
}

/** Reads the arguments of `listen`, which come in several forms. */
function readListenArguments(args: readonly unknown[]): {
  readonly options: ListenOptions;
  readonly listener: (() => void) | undefined;
} {
  const last = args.at(-1);
  const listener = typeof last === 'function' ? (last as () => void) : undefined;
  const [first, second, third] = listener === undefined ? args : args.slice(0, -1);
  if (typeof first === 'object' && first !== null) {
    const options = first as ListenOptions & { path?: unknown; fd?: unknown };
    if (options.path !== undefined || options.fd !== undefined) {
      throw new SubflowError(
        'ERR_INVALID_ARG_VALUE',
        'a server listens on a port, not on a path or descriptor',
      );
    }
    return { options: checked(options), listener };
  }
  const host = typeof second === 'string' ? second : undefined;
  const backlog = typeof second === 'number' ? second : third;
  return {
    options: checked({
      port: (first ?? 0) as number,
      ...(host !== undefined && { host }),
      ...(typeof backlog === 'number' && { backlog }),
    }),
    listener,
  };
}

function checked(options: ListenOptions): ListenOptions {
  checkListenOptions({ ...options });
  return { ...options, port: readPort('port', options.port ?? 0) };
}

/** Begins to listen, as the user's arguments say. */
export function listen(server: Startable, args: readonly unknown[]): void {
  const { options, listener } = readListenArguments(args);
  if (server.listening || server.isStarting)
    throw new SubflowError('ERR_SERVER_ALREADY_LISTEN', 'the server listens already');
  if (listener !== undefined) server.once('listening', listener);
  server.start(options);
  const { signal } = options;
  if (signal?.aborted === true) server.close();
  else signal?.addEventListener('abort', () => server.close(), { once: true });
}
