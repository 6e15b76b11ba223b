/**
 * Serves the lab's page: the files of one folder, to this machine's own browser; and what the page may ask of this machine, where that is
 * wanted (live/live-api.ts). Owns what a page from elsewhere may not do: a request must name this server as its host, so that no name that
 * somebody's resolver points here (DNS rebinding) reads anything, and must not come from another page; the page itself may load nothing
 * from anywhere else. Read first: RFC 9110 §7.2 (Host), Content Security Policy Level 3, Fetch (Origin, Sec-Fetch-Site).
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join } from 'node:path';
import send from 'send';
import { SubflowError } from '../../base/index.js';
import { LiveApi, type LiveOptions } from './live/live-api.js';
import { makeToken } from './live/token.js';

/** A browser that neither sends nor takes a byte for so long is let go, ms. */
const IDLE_MS = 60_000;
/** Connections at a time: a browser opens six. */
const MAX_CONNECTIONS = 100;
/** Most bytes of the fields of a request, and how long they and all of it may take to come, in ms. */
const MAX_HEADER_BYTES = 8192;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;

/** What a page of the lab may do, beside what its own `meta` element says: nobody may frame it. */
export const LAB_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; worker-src 'self'; connect-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The one script that may ask this server for more than files: a worker has a policy of its own, and the page stays without. */
const liveWorker = /^\/assets\/live-worker-[\w-]+\.js$/;
const liveWorkerPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'";

/** What tells the page that it may ask. */
const liveMark = '<meta name="subflow-live" content="yes" />';

const headers: Readonly<Record<string, string>> = {
  'content-security-policy': LAB_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface LabServerOptions {
  /** Folder with the built page. */
  readonly folder: string;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default: a free one. */
  readonly port?: number;
  /** What the page may see and do of this machine; nothing when left out. */
  readonly live?: LiveOptions;
}

/** A server of the lab that listens. */
export interface LabServer {
  /** What to open. */
  readonly url: string;
  /** The secret that all requests for this machine's state must hold; undefined where there are none. */
  readonly token: string | undefined;
  /** Whether the kernel is looked at, at present. */
  readonly isLooking: boolean;
  /** Ends it, and every connection to it. */
  close(): Promise<void>;
}

/** What requests are answered from. */
interface Site {
  readonly folder: string;
  /** The page itself, marked. */
  readonly index: Buffer;
  /** What a request for this server may have as its Host. */
  readonly names: ReadonlySet<string>;
  readonly live: LiveApi | undefined;
}

/**
 * Serves the lab. Throws `ERR_SUBFLOW_NO_LAB` when the folder has no built page, and what the system says when it cannot
 * listen.
 */
export async function serveLab({
  folder,
  host = '127.0.0.1',
  port = 0,
  live,
}: LabServerOptions): Promise<LabServer> {
  const index = readIndex(folder, live !== undefined);
  const server = http.createServer({
    ...{ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
    ...{ requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  server.listen({ host, port });
  await once(server, 'listening');
  const { address, port: bound } = server.address() as AddressInfo;
  const token = live === undefined ? undefined : makeToken();
  const api = live === undefined || token === undefined ? undefined : new LiveApi(token, live);
  const site: Site = { folder, index, names: hostNames(host, address, bound), live: api };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(site, request, response);
  });
  // A page from anywhere may try to open a WebSocket: there is none.
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  return {
    url: `http://${bracketed(host)}:${bound}/`,
    token,
    get isLooking() {
      return api?.isLooking === true;
    },
    close: async () => {
      api?.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The page, with the mark of one that may ask its server. */
function readIndex(folder: string, isLive: boolean): Buffer {
  let page: string;
  try {
    page = readFileSync(join(folder, 'index.html'), 'utf8');
  } catch {
    throw new SubflowError('ERR_SUBFLOW_NO_LAB', `there is no page of the lab in ${folder}`, {
      hint: 'Build it with: npm run build',
    });
  }
  return Buffer.from(isLive ? page.replace(/<head>/i, (head) => `${head}\n    ${liveMark}`) : page);
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** What a request for this server may have as its Host, port included. */
function hostNames(host: string, address: string, port: number): ReadonlySet<string> {
  const isLoopback = /^(127\.|::1$)/.test(address);
  const hosts = [host, address, ...(isLoopback ? ['localhost'] : [])];
  const names = hosts.map((name) => `${bracketed(name)}:${port}`.toLowerCase());
  // Browsers leave out the port of the scheme.
  return new Set(port === 80 ? [...names, ...hosts.map((name) => bracketed(name).toLowerCase())] : names);
}

function answer(site: Site, request: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const refused = foreignness(site.names, request);
  if (refused !== undefined) return fail(response, refused);
  // Of a target, only its path is of interest; one that is no path asks for a proxy.
  const pathname = pathOf(request.url ?? '');
  if (pathname === undefined) return fail(response, 400);
  if (site.live !== undefined && pathname.startsWith('/api/')) {
    site.live.answer(pathname, request, response);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return fail(response, 405);
  }
  if (pathname === '/' || pathname === '/index.html') return sendIndex(site, request, response);
  if (site.live !== undefined && liveWorker.test(pathname))
    response.setHeader('content-security-policy', liveWorkerPolicy);
  sendFile(site.folder, pathname, request, response);
}

/** What targets are read against; of it nothing is seen. */
const BASE = 'http://localhost';

/** The path of a target; undefined for one that names another host, as browsers read it, and for what is none. */
function pathOf(target: string): string | undefined {
  if (!/^\/(?![/\\])/.test(target) || !URL.canParse(target, BASE)) return undefined;
  return new URL(target, BASE).pathname;
}

/** The status with which a request that came by a foreign name, or from a foreign page, is turned away; undefined for any other. */
function foreignness(names: ReadonlySet<string>, request: IncomingMessage): number | undefined {
  const { host, origin } = request.headers;
  // RFC 9110 §7.2: who asks says whom; a name that is not this server's own came by a foreign resolver.
  if (host === undefined || !names.has(host.toLowerCase())) return 421;
  if (origin !== undefined && origin !== `http://${host}`) return 403;
  const site = request.headers['sec-fetch-site'];
  const isLink = request.headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink) return 403;
  return undefined;
}

function sendIndex({ index }: Site, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': index.length,
    'cache-control': 'no-cache',
  });
  response.end(request.method === 'HEAD' ? undefined : index);
}

function sendFile(
  folder: string,
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const isBuilt = pathname.startsWith('/assets/');
  // The names of what is built change with its content.
  send(request, pathname, {
    root: folder,
    dotfiles: 'ignore',
    immutable: isBuilt,
    maxAge: isBuilt ? '1y' : 0,
  })
    .on('directory', () => fail(response, 404))
    .on('error', (error: { status?: number }) => fail(response, error.status ?? 500))
    .pipe(response);
}

function fail(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { 'content-length': 0 });
  response.end();
}
