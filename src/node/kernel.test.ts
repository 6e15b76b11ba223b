import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp } from '../linux/index.js';
import { connect, createServer, type Server, type Socket } from './index.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0)) thing.close();
});

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  open.push(server);
  server.listen({ port: 0, host });
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

async function pair(host = '127.0.0.1'): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ transport: 'kernel' });
  const port = await listening(listener, host);
  const accepted = once(listener, 'connection');
  const client = connect({ transport: 'kernel', host, port });
  await once(client, 'connect');
  const [server] = (await accepted) as [Socket];
  open.push({ close: () => client.destroy() }, { close: () => server.destroy() });
  return { client, server };
}

describeWith('the kernel transport', [kernelMptcp()], () => {
  it.each(['127.0.0.1', '::1'])('carries Multipath TCP between sockets of net, over %s', async (host) => {
    const { client, server } = await pair(host);
    expect(client).toBeInstanceOf(net.Socket);
    expect(client.transport).toBe('kernel');
    expect([client.isMultipath, server.isMultipath]).toEqual([true, true]);
    client.write('ping');
    expect(String((await once(server, 'data'))[0])).toBe('ping');
    expect(client.subflows).toMatchObject([
      {
        localAddress: host,
        localPort: client.localPort,
        remoteAddress: host,
        remotePort: client.remotePort,
        state: 'active',
        bytesSent: 4,
      },
    ]);
    expect(server.subflows).toMatchObject([{ remotePort: client.localPort, bytesReceived: 4 }]);
    server.end();
    await once(client, 'close');
    expect(client.subflows).toEqual([]);
    expect(client.isMultipath).toBe(false);
  });

  it('shows a fallback to TCP', async () => {
    const plain = net.createServer((socket) => socket.end('plain'));
    open.push(plain);
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    const client = connect({
      transport: 'kernel',
      host: '127.0.0.1',
      port: (plain.address() as net.AddressInfo).port,
    });
    await once(client, 'connect');
    expect(client.isMultipath).toBe(false);
    expect(client.subflows).toMatchObject([{ remotePort: client.remotePort, state: 'active' }]);
    expect(String((await once(client, 'data'))[0])).toBe('plain');
  });

  it('finds the peer among the addresses of a name', async () => {
    const listener = createServer({ transport: 'kernel' }, (socket) =>
      socket.on('error', () => undefined).end(),
    );
    const port = await listening(listener);
    const client = connect({ transport: 'kernel', host: 'localhost', port });
    await once(client, 'connect');
    expect(client.remoteAddress).toBe('127.0.0.1');
    expect(client.isMultipath).toBe(true);
    client.destroy();
  });

  it('binds to the address and port that were asked for', async () => {
    const listener = createServer({ transport: 'kernel' }, (socket) =>
      socket.on('error', () => undefined).end(),
    );
    const port = await listening(listener);
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const localPort = (probe.address() as net.AddressInfo).port;
    probe.close();
    await once(probe, 'close');
    const client = connect({
      transport: 'kernel',
      host: '127.0.0.1',
      port,
      localAddress: '127.0.0.2',
      localPort,
    });
    await once(client, 'connect');
    expect([client.localAddress, client.localPort]).toEqual(['127.0.0.2', localPort]);
    client.destroy();
  });

  it('fails as net does', async () => {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as net.AddressInfo;
    const taken = createServer({ transport: 'kernel' });
    taken.listen(port, '127.0.0.1');
    expect((await once(taken, 'error'))[0]).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port,
    });
    probe.close();
    await once(probe, 'close');
    const refused = connect({ transport: 'kernel', host: '127.0.0.1', port });
    expect((await once(refused, 'error'))[0]).toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port,
    });
    const unbound = connect({ transport: 'kernel', host: '127.0.0.1', port, localAddress: '192.0.2.77' });
    expect((await once(unbound, 'error'))[0]).toMatchObject({
      code: 'EADDRNOTAVAIL',
      syscall: 'bind',
      address: '192.0.2.77',
    });
  });

  it('stops when its signal says so', async () => {
    const control = new AbortController();
    const client = connect({ transport: 'kernel', host: '127.0.0.1', port: 9, signal: control.signal });
    control.abort();
    expect((await once(client, 'error'))[0]).toMatchObject({ name: 'AbortError' });
  });

  it('pauses the writer while the reader is slow, and loses nothing', async () => {
    const { client, server } = await pair();
    server.pause();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    while (client.write(chunk) || client.writableLength < 16 * 1024 * 1024) {
      written += chunk.length;
      if (written > 256 * 1024 * 1024) break;
      await new Promise(setImmediate);
    }
    written += chunk.length;
    expect(client.writableNeedDrain).toBe(true);
    let received = 0;
    server.on('data', (bytes: Buffer) => (received += bytes.length));
    server.resume();
    await once(client, 'drain');
    client.end();
    await once(server, 'end');
    expect(received).toBe(written);
  });

  it('carries HTTP, client and server', async () => {
    const web = http.createServer((request, response) => {
      response.end(`${request.method} ${request.url} ${(request.socket as unknown as Socket).isMultipath}`);
    });
    const listener = createServer({ transport: 'kernel' }, (socket) => web.emit('connection', socket));
    const port = await listening(listener);
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({
      port,
      path: '/x',
      createConnection: () => connect({ transport: 'kernel', host: '127.0.0.1', port }) as never,
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let body = '';
    for await (const part of response) body += String(part);
    expect(body).toBe('GET /x true');
    agent.destroy();
  });
});

describe('a transport that is not to be had', () => {
  it('is an error, never plain TCP', () => {
    expect(() => connect({ transport: 'userspace', port: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_NO_USERSPACE_HOST' }),
    );
    expect(() => createServer({ transport: 'tcp' as 'kernel' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });

  it.each([-1, 65_536, Number.NaN])('is no matter for port %s', (port) => {
    expect(() => connect({ port })).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_BAD_PORT' }));
  });
});
