/** Web servers over Multipath TCP for tests: each request is answered with how it came. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { listen, type Socket } from '../../src/node/index.js';

/** What the servers here answer with. */
export interface Answer {
  readonly method: string;
  readonly url: string;
  readonly isMultipath: boolean;
  readonly bodyBytes: number;
  /** Port of the client: the same one is the same connection. */
  readonly clientPort: number;
  readonly isResumed: boolean;
}

export interface WebServer {
  readonly port: number;
  readonly server: NetServer;
  /** Sockets that it took, those that are gone included. */
  readonly sockets: Socket[];
  close(): void;
}

type Handler = http.RequestListener;

/** Reads all of the request, and tells how it came. */
export const tell: Handler = (request, response) => {
  let bodyBytes = 0;
  const socket = request.socket as unknown as Socket & { isSessionReused?: () => boolean };
  request.on('data', (bytes: Buffer) => (bodyBytes += bytes.length));
  request.on('end', () => {
    const answer: Answer = {
      method: request.method!,
      url: request.url!,
      isMultipath: socket.isMultipath,
      bodyBytes,
      clientPort: socket.remotePort!,
      isResumed: socket.isSessionReused?.() ?? false,
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
};

/** A server on a port of its own; of HTTPS with `identity`. */
export async function webServer(
  handler: Handler = tell,
  identity?: { readonly key: string; readonly cert: string },
  host = '127.0.0.1',
): Promise<WebServer> {
  const server =
    identity === undefined ? http.createServer(handler) : https.createServer({ ...identity }, handler);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket as unknown as Socket);
  });
  listen(server, { host });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, server, sockets, close };
}
