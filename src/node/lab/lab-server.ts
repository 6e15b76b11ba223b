/**
 * Serves the lab's page: the files of one folder, to this machine's own browser. Owns what a page from elsewhere may not do:
 * a request must name this server as its host, so that no name that somebody's resolver points here (DNS rebinding) reads
 * anything, and must not come from another page; the page itself may load nothing from anywhere else. Read first: RFC 9110
 * §7.2 (Host), Content Security Policy Level 3, Fetch (Origin, Sec-Fetch-Site).
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join } from 'node:path';
import send from 'send';
import { SubflowError } from '../../base/index.js';

/** A browser that neither sends nor takes a byte for so long is let go, ms. */
const IDLE_MS = 60_000;
/** Connections at a time: a browser opens six. */
const MAX_CONNECTIONS = 100;

/** What a page of the lab may do, beside what its own `meta` element says: nobody may frame it. */
export const LAB_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; worker-src 'self'; connect-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
}

/** A server of the lab that listens. */
export interface LabServer {
  /** What to open. */
  readonly url: string;
  /** Ends it, and every connection to it. */
  close(): Promise<void>;
}

/**
 * Serves the lab. Throws `ERR_SUBFLOW_NO_LAB` when the folder has no built page, and what the system says when it cannot
 * listen.
 */
export async function serveLab({
  folder,
  host = '127.0.0.1',
  port = 0,
}: LabServerOptions): Promise<LabServer> {
  if (!existsSync(join(folder, 'index.html'))) {
    throw new SubflowError('ERR_SUBFLOW_NO_LAB', `there is no page of the lab in ${folder}`, {
      hint: 'Build it with: npm run build',
    });
  }
  const server = http.createServer();
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  server.listen({ host, port });
  await once(server, 'listening');
  const { address, port: bound } = server.address() as AddressInfo;
  const names = hostNames(host, address, bound);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(folder, names, request, response);
  });
  return {
    url: `http://${bracketed(host)}:${bound}/`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
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

function answer(
  folder: string,
  names: ReadonlySet<string>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const refused = refusal(names, request);
  if (refused !== undefined) {
    if (refused === 405) response.setHeader('allow', 'GET, HEAD');
    response.writeHead(refused, { 'content-length': 0 }).end();
    return;
  }
  const pathname = new URL(request.url!, 'http://localhost').pathname;
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

/** The status with which a request is turned away; undefined when it is none of those. */
function refusal(names: ReadonlySet<string>, request: IncomingMessage): number | undefined {
  const { host, origin } = request.headers;
  // RFC 9110 §7.2: who asks says whom; a name that is not this server's own came by a foreign resolver.
  if (host === undefined || !names.has(host.toLowerCase())) return 421;
  if (origin !== undefined && origin !== `http://${host}`) return 403;
  const site = request.headers['sec-fetch-site'];
  const isLink = request.headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink) return 403;
  if (request.method !== 'GET' && request.method !== 'HEAD') return 405;
  // Of a target, only its path is of interest; one that is no path asks for a proxy.
  return request.url?.startsWith('/') === true && !request.url.startsWith('//') ? undefined : 400;
}

function fail(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { 'content-length': 0 });
  response.end();
}
