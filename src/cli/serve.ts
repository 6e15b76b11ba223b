/** `subflow serve DIR`: serves files over Multipath TCP. HTTP is Node's own; what may be read is decided by `send`. */

import { readdir, stat } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import send from 'send';
import { createServer, type Server, type Socket } from '../node/index.js';
import { ExitStatus, UsageError } from './errors.js';
import { parseListen } from './listen-address.js';
import { explainListen } from './listen-hint.js';
import { SubflowLog } from './subflow-report.js';
import { addTransportFlags, openTransport, type ChosenTransport, type TransportFlags } from './transport.js';
import { formatSize } from './units.js';

/** A client that neither sends nor takes a byte for so long is let go, ms. */
const CLIENT_TIMEOUT_MS = 60_000;
/** Where it listens unless told otherwise. */
const DEFAULT_PORT = 8080;
/** Clients at a time; further ones are turned away. */
const MAX_CLIENTS = 10_000;

interface ServeFlags extends TransportFlags {
  readonly listen?: string;
  readonly json?: true;
}

function bracketed(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}

/** A plain page with the files and folders in `folder`, hidden ones left out. */
async function listing(folder: string, urlPath: string): Promise<string> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => !entry.name.startsWith('.'),
  );
  const rows = entries
    .map((entry) => entry.name + (entry.isDirectory() ? '/' : ''))
    .sort()
    .map(
      (name) => `<li><a href="${encodeURIComponent(name).replace('%2F', '/')}">${escapeHtml(name)}</a></li>`,
    );
  const title = escapeHtml(decodeURIComponent(urlPath));
  return `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>${rows.join('')}</ul>\n`;
}

/** The path that a request is about, still encoded; undefined when its target is none (RFC 9112 §3.2). */
function pathOf(request: IncomingMessage): string | undefined {
  const target = request.url ?? '/';
  // In the form with a path alone, two slashes at the start do not name a host.
  const text = target.startsWith('/') ? `http://localhost${target}` : target;
  return URL.canParse(text) ? new URL(text).pathname : undefined;
}

/** Answers a request for a folder: with its index.html where there is one, else with what is in it. */
async function answerFolder(
  root: string,
  folder: string,
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!pathname.endsWith('/')) {
    // Two slashes at the start would name another host.
    response.writeHead(301, { location: `/${pathname.replace(/^\/+/, '')}/` }).end();
    return;
  }
  const index = await stat(join(folder, 'index.html')).catch(() => undefined);
  if (index?.isFile() === true) {
    send(request, `${pathname}index.html`, { root, index: false }).pipe(response);
    return;
  }
  const page = await listing(folder, pathname);
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
}

/** Answers one request with a file or a listing below `root`. */
function answer(root: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const fail = (status: number): void => {
    if (!response.headersSent) response.writeHead(status);
    response.end();
  };
  const pathname = pathOf(request);
  if (pathname === undefined) {
    fail(400);
    return;
  }
  send(request, pathname, { root, dotfiles: 'ignore', index: false })
    .on('directory', (_response: ServerResponse, folder: string) => {
      answerFolder(root, folder, pathname, request, response).catch(() => fail(404));
    })
    .on('error', (error: { status?: number }) => fail(error.status ?? 500))
    .pipe(response);
}

/** Tells about the server's life: a line for a person, or a JSON object a line. */
function logger(json: boolean): (event: string, fields: Record<string, unknown>, text: string) => void {
  return (event, fields, text) => {
    if (json) process.stdout.write(`${JSON.stringify({ schema: 'subflow/serve/1', event, ...fields })}\n`);
    else process.stderr.write(`${text}\n`);
  };
}

async function serve(folder: string, flags: ServeFlags): Promise<void> {
  const root = resolve(folder);
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new UsageError(`'${folder}' is not a folder`);
  const transport = openTransport(flags);
  try {
    await serveOver(root, flags, transport);
  } finally {
    transport.close();
  }
}

async function serveOver(root: string, flags: ServeFlags, transport: ChosenTransport): Promise<void> {
  // Loopback unless asked; our engine has no loopback, and what listens on its own address is reached from this machine.
  const { host, port } = parseListen(
    flags.listen ?? `${bracketed(transport.addresses[0] ?? '127.0.0.1')}:${DEFAULT_PORT}`,
    DEFAULT_PORT,
  );
  const log = logger(flags.json === true);
  const web = http.createServer((request, response) => {
    const socket = request.socket as unknown as Socket;
    // Asked now: a connection that is over has nothing more to tell.
    const fastOpen = socket.fastOpen?.isAccepted ?? null;
    response.once('close', () => {
      const sent = Number(response.getHeader('content-length') ?? 0);
      log(
        'request',
        {
          method: request.method,
          url: request.url,
          status: response.statusCode,
          complete: response.writableFinished,
          remote: socket.remoteAddress,
          multipath: socket.isMultipath,
          mptcpVersion: socket.multipath.version ?? null,
          fastOpen,
          subflows: new SubflowLog(socket).update(),
        },
        `${request.method} ${request.url} ${response.statusCode} ${formatSize(sent)}${response.writableFinished ? '' : ' (broken off)'}`,
      );
    });
    answer(root, request, response);
  });
  // The HTTP server does not listen by itself, and so does not know which connections it has.
  const sockets = new Set<Socket>();
  // This server never listens itself, so Node's own limits on slow clients do not apply.
  web.setTimeout(CLIENT_TIMEOUT_MS);
  const fastOpen =
    transport.fastOpen === 'without-cookie' ? { requireCookie: false } : transport.fastOpen !== false;
  const server = createServer({ ...transport.options, fastOpen }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    web.emit('connection', socket);
  });
  server.maxConnections = MAX_CLIENTS;
  await listen(server, host, port);
  const { address, port: bound, family } = server.address() as AddressInfo;
  const at = `${bracketed(address)}:${bound}`;
  log(
    'listening',
    { address, port: bound, family, transport: server.transport },
    `Serving ${join(root, '/')} at http://${at}/ (${server.transport} transport); end with Ctrl-C`,
  );
  if (server.fallback !== undefined) process.stderr.write(`Plain TCP only. ${server.fallback.text}\n`);
  await untilStopped();
  const closed = new Promise<void>((done) => server.close(() => done()));
  for (const socket of sockets) socket.destroy();
  await closed;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => failed(explainListen(error, port)));
    server.listen({ host, port }, () => {
      server.off('error', failed);
      server.on('error', () => undefined);
      done();
    });
  });
}

/** Settles at the first SIGINT or SIGTERM. */
function untilStopped(): Promise<void> {
  return new Promise((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
}

/** Declares `subflow serve`. */
export function declareServe(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Serves the files in a folder over HTTP on Multipath TCP; clients without it are served over TCP.',
    )
    .argument('<folder>', 'the folder to serve; hidden files are not')
    .option(
      '--listen <address:port>',
      "where to listen, port 0 picks a free one (default: 127.0.0.1:8080, or the engine's first address)",
    )
    .option('--json', 'print a JSON object a line for the start and each request');
  addTransportFlags(command).action(async (folder: string, flags: ServeFlags) => {
    await serve(folder, flags);
    setStatus(ExitStatus.done);
  });
}
