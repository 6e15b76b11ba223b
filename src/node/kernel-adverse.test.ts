/** Sockets of the kernel transport that are destroyed at any moment: no descriptor stays open. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp } from '../linux/index.js';
import { connect, createServer, type ConnectOptions, type Server, type Socket } from './index.js';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Waits for 'close', whatever error comes before it. */
function closed(socket: Socket): Promise<unknown> {
  socket.on('error', () => undefined);
  return new Promise((done) => socket.once('close', done));
}

describeWith('a kernel socket', [kernelMptcp()], () => {
  type Moment = [string, (socket: Socket, port: number) => void, Partial<ConnectOptions>?];
  const moments: Moment[] = [
    ['at once', (socket) => void socket.destroy()],
    ['on an attempt', (socket) => void socket.once('connectionAttempt', () => socket.destroy())],
    ['on connect', (socket) => void socket.once('connect', () => socket.destroy())],
    ['on data', (socket) => void socket.once('data', () => socket.destroy())],
    ['on end', (socket) => void socket.resume().once('end', () => socket.destroy())],
    ['with a reset on connect', (socket) => void socket.once('connect', () => socket.resetAndDestroy())],
    ['with a reset at once', (socket) => void socket.resetAndDestroy()],
    ['by a signal aborted before', () => undefined, { signal: AbortSignal.abort() }],
    ['by a refusal', () => undefined, { port: 1 }],
    ['by a local address that is none of ours', () => undefined, { localAddress: '192.0.2.1' }],
    ['by a name that is none', () => undefined, { host: 'name.invalid' }],
  ];

  it.each(moments)('destroyed %s leaves no descriptor', async (_name, act, options) => {
    const server = createServer({ transport: 'kernel' }, (socket) => {
      socket.on('error', () => undefined);
      socket.resume().end('hello');
    });
    const port = await listening(server);
    const once_ = async (): Promise<void> => {
      const socket = connect({ transport: 'kernel', host: '127.0.0.1', port, ...options });
      const end = closed(socket);
      act(socket, port);
      await end;
    };
    await once_();
    const before = openDescriptors();
    for (let i = 0; i < 10; i++) await once_();
    for (let i = 0; openDescriptors() > before && i < 500; i++)
      await new Promise((done) => setTimeout(done, 2));
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    await new Promise((done) => server.close(done));
  });

  it('does not listen when the signal was aborted before', async () => {
    const server = createServer({ transport: 'kernel' });
    server.listen({ port: 0, signal: AbortSignal.abort() });
    await once(server, 'close');
    await new Promise(setImmediate);
    expect(server.listening).toBe(false);
  });

  it('refuses to listen twice', async () => {
    const server = createServer({ transport: 'kernel' });
    server.listen(0);
    expect(() => server.listen(0)).toThrowError(
      expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }),
    );
    await once(server, 'listening');
    await new Promise((done) => server.close(done));
  });

  it('carries HTTP on connections kept alive', async () => {
    const web = http.createServer((request, response) => response.end(request.url));
    const server = createServer({ transport: 'kernel' }, (socket) => web.emit('connection', socket));
    const port = await listening(server);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    Object.assign(agent, {
      createConnection: () => {
        connections++;
        return connect({ transport: 'kernel', host: '127.0.0.1', port });
      },
    });
    for (const path of ['/a', '/b']) {
      const [response] = (await once(http.get({ agent, port, path }), 'response')) as [http.IncomingMessage];
      let body = '';
      for await (const part of response) body += String(part);
      expect(body).toBe(path);
    }
    expect(connections).toBe(1);
    agent.destroy();
    await new Promise((done) => server.close(done));
  });
});
