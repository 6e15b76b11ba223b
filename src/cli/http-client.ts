/** One HTTP request over one of our sockets: Node's own HTTP and TLS on top, redirects followed. */

import http from 'node:http';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { connect, type Socket } from '../node/index.js';
import type { FastOpenMode } from '../stack/index.js';
import { FailureError } from './errors.js';
import type { ChosenTransport } from './transport.js';
import { readVersion } from './version.js';

/** How to ask. */
export interface RequestOptions {
  /** What carries the connection. */
  readonly transport: ChosenTransport['options'];
  /** Whether the request may go with the SYN. */
  readonly fastOpen: FastOpenMode;
  /** A converter to go through. */
  readonly converter?: string | undefined;
  /** Longest time without a byte, in ms. */
  readonly timeoutMs: number;
  /** How many redirects to follow before giving up. */
  readonly maxRedirects: number;
}

/** A response whose head has come. */
export interface HttpExchange {
  /** Where the response came from, after redirects. */
  readonly url: URL;
  readonly response: http.IncomingMessage;
  /** The socket under HTTP (and TLS). */
  readonly socket: Socket;
  /** Lets go of the connection, whatever state it is in. */
  close(): void;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function openSocket(url: URL, { transport, fastOpen, converter }: RequestOptions): Socket {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return connect({
    ...transport,
    fastOpen,
    host: hostOf(url),
    port,
    ...(converter !== undefined && { converter }),
  });
}

/** TLS over the socket for https; the host is verified as Node does it. */
function secure(url: URL, socket: Socket): tls.TLSSocket {
  const host = hostOf(url);
  // RFC 6066 §3: no address literal in the server name.
  return tls.connect({ socket, host, ...(isIP(host) === 0 && { servername: host }) });
}

function request(url: URL, options: RequestOptions): Promise<HttpExchange> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(url, options);
    const carrier = url.protocol === 'https:' ? secure(url, socket) : socket;
    const exchange = http.get({
      createConnection: () => carrier,
      host: hostOf(url),
      port: url.port,
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        'user-agent': `subflow/${readVersion()}`,
        accept: '*/*',
        connection: 'close',
      },
    });
    const close = (): void => {
      exchange.destroy();
      socket.destroy();
    };
    exchange.setTimeout(options.timeoutMs, () => {
      exchange.destroy(new FailureError(`${url.host} sent nothing for ${options.timeoutMs / 1000} s`));
    });
    exchange.once('response', (response) => resolve({ url, response, socket, close }));
    exchange.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
  });
}

/** Gets `url`, following redirects; the promise settles when the head of the final response has come. */
export async function openUrl(url: URL, options: RequestOptions): Promise<HttpExchange> {
  let target = url;
  for (let redirects = 0; ; redirects++) {
    const exchange = await request(target, options);
    const { statusCode = 0, headers } = exchange.response;
    if (!redirectStatuses.has(statusCode) || headers.location === undefined) return exchange;
    exchange.close();
    if (redirects >= options.maxRedirects)
      throw new FailureError(`more than ${options.maxRedirects} redirects, the last to ${headers.location}`);
    if (!URL.canParse(headers.location, target.href))
      throw new FailureError(`${target.href} redirects to '${headers.location}', which is no URL`);
    const next = new URL(headers.location, target);
    if (next.protocol !== 'http:' && next.protocol !== 'https:')
      throw new FailureError(`${target.href} redirects to ${next.protocol}, which is neither http nor https`);
    target = next;
  }
}
