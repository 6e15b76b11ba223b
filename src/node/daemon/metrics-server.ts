/**
 * Metrics over HTTP, for Prometheus: `/metrics` in its text format 0.0.4, `/healthz` for whoever watches the command. On loopback, unless
 * another address is named. It is a small target: GET and HEAD, few connections, little time, one answer
 * made at a time whoever asks. What the metrics are is decided elsewhere.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { SubflowError } from '../../base/index.js';

/** Connections at a time; further ones are closed at once. */
export const maxMetricsConnections = 32;
/** How long a client has for the fields of a request, and for the whole of it, in ms. */
const headersTimeoutMs = 2_000;
const requestTimeoutMs = 4_000;
/** How long a connection may stand idle, in ms. */
const idleTimeoutMs = 10_000;
/** Requests that one connection may make. */
const maxRequestsPerConnection = 1_000;

/** What is told. */
export interface MetricsSource {
  /** The metrics, in Prometheus' text format. */
  metrics(): string | Promise<string>;
  /** Whether all is well, in a sentence. */
  health(): { readonly isHealthy: boolean; readonly said: string };
}

/** A server of metrics at work. */
export interface MetricsServer {
  /** Where it listens, as `127.0.0.1:9464`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Where to listen. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads where to listen: `9464` or `:9464` for loopback, else an address and a port, `192.0.2.1:9464` or `[2001:db8::1]:9464`. No names:
 * what they stand for changes, and who can ask for metrics should not. Throws `ERR_SUBFLOW_BAD_LISTEN`.
 */
export function parseListen(text: string): ListenPlace {
  const match = /^(?:\[([^\]]+)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? (match?.[2] === undefined || match[2] === '' ? '127.0.0.1' : match[2]);
  const family = match?.[1] === undefined ? 4 : 6;
  if (match !== null && port <= 65_535 && isIP(host) === family) return { host, port };
  throw new SubflowError('ERR_SUBFLOW_BAD_LISTEN', `"${text}" is no place to listen at`, {
    hint: 'Give a port for 127.0.0.1, or an address with a port: 9464, 192.0.2.1:9464, [::1]:9464.',
  });
}

/**
 * Starts one. Rejects with `ERR_SUBFLOW_BAD_LISTEN` for a place that is none, and as `net` does where it cannot listen
 * (`EADDRINUSE`, `EADDRNOTAVAIL`).
 */
export async function startMetricsServer(listen: string, source: MetricsSource): Promise<MetricsServer> {
  const place = parseListen(listen);
  const answer = answering(source);
  const options = {
    maxHeaderSize: 8_192,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: 1_000,
  };
  const server = createServer(options, (request, response) => void answer(request, response));
  server.maxConnections = maxMetricsConnections;
  server.maxRequestsPerSocket = maxRequestsPerConnection;
  // A connection that never says anything has no request that could time out.
  server.setTimeout(idleTimeoutMs, (socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...place, exclusive: true }, resolve);
  });
  // Later ones are of single connections, and no reason to end.
  server.removeAllListeners('error').on('error', () => undefined);
  const { address, family, port } = server.address() as AddressInfo;
  return {
    address: family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function answering(source: MetricsSource): Answer {
  let making: Promise<string> | undefined;
  const metrics = (): Promise<string> => {
    making ??= Promise.resolve()
      .then(() => source.metrics())
      .finally(() => (making = undefined));
    return making;
  };
  return async (request, response) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    // What a request carries is read and forgotten; requestTimeout bounds it.
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      say(response, 405, 'GET and HEAD only\n');
      return;
    }
    const path = request.url?.split('?', 1)[0];
    if (path === '/healthz') {
      const { isHealthy, said } = source.health();
      say(response, isHealthy ? 200 : 503, `${said}\n`);
    } else if (path === '/metrics') {
      try {
        say(response, 200, await metrics(), 'text/plain; version=0.0.4; charset=utf-8');
      } catch {
        say(response, 503, 'the metrics cannot be had now\n');
      }
    } else say(response, 404, 'there are /metrics and /healthz\n');
  };
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
