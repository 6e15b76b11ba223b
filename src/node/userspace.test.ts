import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import {
  connect,
  createServer,
  UserspaceHost,
  type Server,
  type Socket,
  type SubflowEvent,
} from './index.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

/** Two hosts with `paths` lines between them. */
function world(paths = 1): {
  client: UserspaceHost;
  server: UserspaceHost;
  lines: [MemoryDevice, MemoryDevice][];
} {
  const client = new UserspaceHost();
  const server = new UserspaceHost();
  hosts.push(client, server);
  const lines = Array.from({ length: paths }, (_, i) => {
    const line = MemoryDevice.pair();
    client.addDevice(line[0], { name: `path${i}`, addresses: [`10.0.${i}.1/24`, `2001:db8:${i}::1/64`] });
    server.addDevice(line[1], {
      name: `path${i}`,
      addresses: [`10.0.${i}.2/24`, `2001:db8:${i}::2/64`],
    });
    return line;
  });
  return { client, server, lines };
}

async function listening(server: Server): Promise<number> {
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Waits for 'close', whatever error comes before it; gives its argument. */
function closed(socket: Socket): Promise<boolean> {
  socket.on('error', () => undefined);
  return new Promise((done) => socket.once('close', done));
}

async function pair(
  via = world(),
  host = '10.0.0.2',
): Promise<{ client: Socket; server: Socket; listener: Server }> {
  const listener = createServer({ via: via.server });
  const port = await listening(listener);
  const accepted = once(listener, 'connection');
  const client = connect({ via: via.client, host, port });
  expect([client.connecting, client.pending, client.readyState]).toEqual([true, true, 'opening']);
  await once(client, 'connect');
  const [server] = (await accepted) as [Socket];
  return { client, server, listener };
}

describe('the userspace transport', () => {
  it.each(['10.0.0.2', '2001:db8::2'])('carries Multipath TCP to %s', async (host) => {
    const { client, server, listener } = await pair(world(), host);
    expect(client.transport).toBe('userspace');
    expect([client.isMultipath, server.isMultipath]).toEqual([true, true]);
    expect(client.remoteAddress).toBe(host);
    expect(client.remotePort).toBe((listener.address() as AddressInfo).port);
    expect(client.address()).toEqual({
      address: client.localAddress,
      family: client.localFamily,
      port: client.localPort,
    });
    expect([server.remoteAddress, server.remotePort]).toEqual([client.localAddress, client.localPort]);
    client.write('ping');
    expect(String((await once(server, 'data'))[0])).toBe('ping');
    expect(server.bytesRead).toBe(4);
    expect(client.bytesWritten).toBe(4);
    const ends = [closed(client), closed(server)];
    server.end('pong');
    let answer = '';
    client.on('data', (bytes) => (answer += String(bytes)));
    expect(await Promise.all(ends)).toEqual([false, false]);
    expect(answer).toBe('pong');
  });

  it('closes when the peer has ended, though nobody reads', async () => {
    const via = world();
    const listener = createServer({ via: via.server }, (socket) => socket.end('bye'));
    const port = await listening(listener);
    const client = connect({ via: via.client, host: '10.0.0.2', port });
    client.resume();
    await once(client, 'close');
    listener.close();
    await once(listener, 'close');
  });

  it('leaves the writing side open when asked to', async () => {
    const via = world();
    const listener = createServer({ via: via.server, allowHalfOpen: true });
    const port = await listening(listener);
    listener.on('connection', (socket: Socket) => {
      let body = '';
      socket.on('data', (bytes) => (body += String(bytes)));
      socket.on('end', () => socket.end(body.toUpperCase()));
    });
    const client = connect({ via: via.client, host: '10.0.0.2', port, allowHalfOpen: true });
    client.end('quiet');
    let answer = '';
    client.on('data', (bytes) => (answer += String(bytes)));
    await once(client, 'end');
    expect(answer).toBe('QUIET');
  });

  it('opens a subflow on every path and tells of them', async () => {
    const via = world(2);
    const listener = createServer({ via: via.server });
    const port = await listening(listener);
    const client = connect({ via: via.client, host: '10.0.0.2', port });
    const events: SubflowEvent[] = [];
    client.on('subflow', (event: SubflowEvent) => events.push(event));
    const [server] = (await once(listener, 'connection')) as [Socket];
    while (events.length < 2) await once(client, 'subflow');
    expect(client.subflows.map((subflow) => subflow.localAddress).sort()).toEqual(['10.0.0.1', '10.0.1.1']);
    expect(new Set(client.subflows.map((subflow) => subflow.id)).size).toBe(2);
    client.write('x');
    await once(server, 'data');
    expect(server.subflows.map((subflow) => subflow.remoteAddress).sort()).toEqual(['10.0.0.1', '10.0.1.1']);
    expect(events.map((event) => event.type)).toEqual(['opened', 'opened']);
    expect(events[1]!.subflow.localAddress).toBe('10.0.1.1');
  });

  it('survives the loss of a path', async () => {
    const via = world(2);
    const { client, server } = await pair(via);
    while (client.subflows.filter((subflow) => subflow.state === 'active').length < 2)
      await new Promise(setImmediate);
    const total = 8 * 1024 * 1024;
    let received = 0;
    server.on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (received > total / 4) via.lines[0]![0].setUp(false);
    });
    client.end(Buffer.alloc(total, 'x'));
    await once(server, 'end');
    expect(received).toBe(total);
    expect(client.subflows.every((subflow) => subflow.localAddress !== '10.0.0.1')).toBe(true);
  });

  it('pauses the writer while the reader is slow, and loses nothing', async () => {
    const { client, server } = await pair();
    server.pause();
    const chunk = Buffer.alloc(64 * 1024, 'y');
    let written = 0;
    do {
      written += chunk.length;
      if (!client.write(chunk) && client.writableLength > 0) break;
      await new Promise(setImmediate);
    } while (written < 256 * 1024 * 1024);
    expect(written).toBeLessThan(64 * 1024 * 1024);
    expect(client.writableNeedDrain).toBe(true);
    let received = 0;
    server.on('data', (bytes: Buffer) => (received += bytes.length));
    server.resume();
    await once(client, 'drain');
    client.end();
    await once(server, 'end');
    expect(received).toBe(written);
  });

  it('lets the caller use a buffer again once it is written', async () => {
    const { client, server } = await pair();
    const buffer = Buffer.from('first');
    await new Promise((done) => client.write(buffer, done));
    buffer.fill('-');
    client.end();
    let text = '';
    for await (const part of server) text += String(part);
    expect(text).toBe('first');
  });

  it('sends what was written before it was connected', async () => {
    const via = world();
    const listener = createServer({ via: via.server });
    const port = await listening(listener);
    const client = connect({ via: via.client, host: '10.0.0.2', port });
    client.write('a');
    client.end('b');
    const [server] = (await once(listener, 'connection')) as [Socket];
    let text = '';
    for await (const part of server) text += String(part);
    expect(text).toBe('ab');
  });
});

describe('the end of a userspace connection', () => {
  it('is ECONNREFUSED where nobody listens', async () => {
    const via = world();
    const client = connect({ via: via.client, host: '10.0.0.2', port: 9 });
    const [error] = (await once(client, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.2', port: 9 });
    expect(error.message).toBe('connect ECONNREFUSED 10.0.0.2:9');
    expect((error as NodeJS.ErrnoException).errno).toBe(-111);
    expect(client.destroyed).toBe(true);
  });

  it('is ENETUNREACH where no interface leads, and EADDRNOTAVAIL from an address that is not ours', async () => {
    const via = new UserspaceHost();
    hosts.push(via);
    const lost = connect({ via, host: '192.0.2.1', port: 9 });
    expect((await once(lost, 'error'))[0]).toMatchObject({ code: 'ENETUNREACH' });
    const { client } = world();
    const foreign = connect({ via: client, host: '10.0.0.2', port: 9, localAddress: '10.0.0.9' });
    expect((await once(foreign, 'error'))[0]).toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('is ECONNRESET when the peer resets', async () => {
    const { client, server } = await pair();
    const failed = once(client, 'error');
    const end = closed(client);
    server.resetAndDestroy();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    expect(await end).toBe(true);
  });

  it('is EPIPE for who writes after it', async () => {
    const { client, server } = await pair();
    const end = closed(client);
    server.resetAndDestroy();
    await end;
    const [error] = await new Promise<[Error]>((done) =>
      client.write('late', (cause) => done([cause as Error])),
    );
    expect(error).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
  });

  it('comes when the signal says so', async () => {
    const via = world();
    const control = new AbortController();
    const client = connect({ via: via.client, host: '10.0.0.2', port: 9, signal: control.signal });
    control.abort();
    expect((await once(client, 'error'))[0]).toMatchObject({ name: 'AbortError' });
  });

  it('comes to all sockets when the host is closed', async () => {
    const via = world();
    const { client, server } = await pair(via);
    const ends = [closed(client), closed(server)];
    via.client.close();
    expect(await ends[0]).toBe(false);
    expect(await ends[1]).toBe(true);
  });

  it('is noticed by a timeout where nothing is said', async () => {
    const { client } = await pair();
    client.setTimeout(20);
    await once(client, 'timeout');
    expect(client.destroyed).toBe(false);
    expect(client.timeout).toBe(20);
  });
});

describe('a userspace server', () => {
  it('refuses a port that is taken, and closes when its connections have', async () => {
    const via = world();
    const { client, server, listener } = await pair(via);
    const { port } = listener.address() as AddressInfo;
    const second = createServer({ via: via.server });
    second.listen(port);
    expect((await once(second, 'error'))[0]).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port });
    let isClosed = false;
    listener.close(() => (isClosed = true));
    expect(listener.listening).toBe(false);
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    const end = once(listener, 'close');
    client.end();
    server.resume();
    await end;
    expect(isClosed).toBe(true);
    expect(server.destroyed).toBe(true);
  });

  it('drops connections beyond its limit', async () => {
    const via = world();
    const listener = createServer({ via: via.server });
    listener.maxConnections = 1;
    const port = await listening(listener);
    const first = connect({ via: via.client, host: '10.0.0.2', port });
    await once(first, 'connect');
    const second = connect({ via: via.client, host: '10.0.0.2', port });
    const end = closed(second);
    const [dropped] = (await once(listener, 'drop')) as [{ remotePort: number }];
    expect(dropped.remotePort).toBe(second.localPort);
    expect(await end).toBe(true);
  });

  it('carries HTTP, client and server, on connections kept alive', async () => {
    const via = world();
    const web = http.createServer((request, response) => response.end(`${request.method} ${request.url}`));
    const listener = createServer({ via: via.server }, (socket) => web.emit('connection', socket));
    const port = await listening(listener);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    Object.assign(agent, {
      createConnection: () => {
        connections++;
        return connect({ via: via.client, host: '10.0.0.2', port });
      },
    });
    for (const path of ['/a', '/b']) {
      const request = http.get({ agent, port, path });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      let body = '';
      for await (const part of response) body += String(part);
      expect(body).toBe(`GET ${path}`);
    }
    expect(connections).toBe(1);
    agent.destroy();
    web.close();
  });
});
