import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultMptcpSettings } from '../mptcp/index.js';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { connect, createServer, UserspaceHost, type Server, type Socket } from './index.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

function world(): { client: UserspaceHost; server: UserspaceHost; line: [MemoryDevice, MemoryDevice] } {
  const client = new UserspaceHost();
  const server = new UserspaceHost();
  hosts.push(client, server);
  const line = MemoryDevice.pair();
  client.addDevice(line[0], { name: 'a', addresses: ['10.0.0.1/24'] });
  server.addDevice(line[1], { name: 'a', addresses: ['10.0.0.2/24'] });
  return { client, server, line };
}

/** Sockets and servers that keep the process alive for `host`. */
function holders(host: UserspaceHost): number {
  return (host as unknown as { holders: Set<object> }).holders.size;
}

async function listening(server: Server): Promise<number> {
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Lets the event loop turn a few times. */
async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 1));
}

describe('misuse of the userspace transport', () => {
  it('does not connect when the signal was aborted before', async () => {
    const { client, server } = world();
    let accepted = 0;
    const port = await listening(createServer({ via: server }, () => accepted++));
    const socket = connect({ via: client, host: '10.0.0.2', port, signal: AbortSignal.abort() });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.name).toBe('AbortError');
    await turns();
    expect([accepted, holders(client), client.stack.connectionCount]).toEqual([0, 0, 0]);
    expect(socket.connecting).toBe(false);
  });

  it('does not listen on when the signal was aborted before', async () => {
    const { server } = world();
    const listener = createServer({ via: server });
    listener.listen({ port: 0, signal: AbortSignal.abort() });
    await once(listener, 'close');
    await turns();
    expect([listener.listening, holders(server)]).toEqual([false, 0]);
  });

  it('fails to connect and to listen through a host that is closed', async () => {
    const { client } = world();
    client.close();
    const socket = connect({ via: client, host: '10.0.0.2', port: 9 });
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ENETDOWN', syscall: 'connect' });
    const server = createServer({ via: client }).listen(0);
    expect((await once(server, 'error'))[0]).toMatchObject({ code: 'ENETDOWN', syscall: 'listen' });
    expect(server.listening).toBe(false);
  });

  it('ends sockets that still look up a name when the host is closed', async () => {
    const { client } = world();
    let answer: (() => void) | undefined;
    const socket = connect({
      via: client,
      host: 'peer.example',
      port: 9,
      lookup: (_name, _options, done) => {
        answer = () => done(null, [{ address: '10.0.0.2', family: 4 }]);
      },
    });
    const codes: unknown[] = [];
    socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code));
    const end = new Promise((done) => socket.once('close', done));
    client.close();
    answer!();
    await end;
    expect([socket.connecting, codes]).toEqual([false, ['ENETDOWN']]);
  });

  it.each([-1, 70_000, 1.5, NaN])('refuses the local port %s', (localPort) => {
    const { client } = world();
    expect(() => connect({ via: client, host: '10.0.0.2', port: 9, localPort })).toThrowError(
      expect.objectContaining({ code: 'ERR_SOCKET_BAD_PORT' }),
    );
  });

  it.each([[[]], ['not an address'], [undefined]])(
    'refuses what a look-up gives when it is %j',
    async (found) => {
      const { client } = world();
      const socket = connect({
        via: client,
        host: 'peer.example',
        port: 9,
        lookup: (_name, _options, done) => (done as (error: null, found: unknown) => void)(null, found),
      });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toMatch(/^(ENOTFOUND|ERR_INVALID_IP_ADDRESS)$/);
      expect(holders(client)).toBe(0);
    },
  );

  it('takes a time-out longer than timers can be', async () => {
    const { client, server } = world();
    const port = await listening(createServer({ via: server }));
    const socket = connect({ via: client, host: '10.0.0.2', port });
    await once(socket, 'connect');
    let timeouts = 0;
    socket.on('timeout', () => timeouts++);
    socket.setTimeout(2 ** 40);
    await new Promise((done) => setTimeout(done, 10));
    expect(timeouts).toBe(0);
  });

  it('refuses to listen again while a name is looked up', async () => {
    const { server } = world();
    const listener = createServer({ via: server });
    listener.listen(0, '10.0.0.2');
    expect(() => listener.listen(0)).toThrowError(
      expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }),
    );
    await once(listener, 'listening');
  });

  it('listens where it was told last when it was closed in between', async () => {
    const { server } = world();
    const listener = createServer({ via: server });
    listener.listen(7001, '10.0.0.2');
    listener.close();
    listener.listen(7002, '10.0.0.2');
    await once(listener, 'listening');
    expect((listener.address() as AddressInfo).port).toBe(7002);
    await turns();
    expect(server.stack.listeners.length).toBe(1);
  });
});

describe('a userspace socket that is destroyed', () => {
  type Moment = [string, (socket: Socket) => void];
  const moments: Moment[] = [
    ['at once', (socket) => void socket.destroy()],
    ['after a write', (socket) => void (socket.write('x'), socket.destroy())],
    ['after its end', (socket) => void (socket.end('x'), socket.destroy())],
    ['on an attempt', (socket) => void socket.once('connectionAttempt', () => socket.destroy())],
    ['on connect', (socket) => void socket.once('connect', () => socket.destroy())],
    ['on ready', (socket) => void socket.once('ready', () => socket.destroy())],
    ['on data', (socket) => void socket.once('data', () => socket.destroy())],
    ['on end', (socket) => void socket.resume().once('end', () => socket.destroy())],
    ['with an error on data', (socket) => void socket.once('data', () => socket.destroy(new Error('own')))],
    ['with a reset at once', (socket) => void socket.resetAndDestroy()],
    ['with a reset on connect', (socket) => void socket.once('connect', () => socket.resetAndDestroy())],
    ['with a reset on data', (socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['soon, at once', (socket) => socket.destroySoon()],
    [
      'twice, soon and at once',
      (socket) => void (socket.destroySoon(), socket.destroy(), socket.resetAndDestroy()),
    ],
    ['soon on data', (socket) => void socket.once('data', () => socket.destroySoon())],
    [
      'while a large write waits',
      (socket) => void (socket.write(Buffer.alloc(1 << 24)), setImmediate(() => socket.destroy())),
    ],
  ];

  it.each(moments)('%s lets go of everything', async (_name, act) => {
    const { client, server } = world();
    const listener = createServer({ via: server }, (socket) => {
      socket.on('error', () => undefined);
      socket.resume().end('hello');
    });
    const port = await listening(listener);
    const socket = connect({ via: client, host: '10.0.0.2', port });
    socket.on('error', () => undefined);
    let closes = 0;
    socket.on('close', () => closes++);
    act(socket);
    await until(() => closes > 0);
    await until(() => holders(client) === 0 && holders(server) === 1);
    const all = once(listener, 'close');
    listener.close();
    await all;
    expect([closes, socket.connecting, holders(server)]).toEqual([1, false, 0]);
  });
});

describe('a userspace server under attack', () => {
  it('hears of a connection that was reset before it was taken', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server });
    const port = await listening(listener);
    const ends: boolean[] = [];
    listener.on('connection', (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('close', (hadError: boolean) => ends.push(hadError));
    });
    for (let i = 0; i < 20; i++) {
      const socket = connect({ via: client, host: '10.0.0.2', port });
      socket.on('error', () => undefined);
      socket.once('connect', () => socket.write('x', () => socket.resetAndDestroy()));
    }
    await until(() => ends.length === 20 && holders(server) === 1);
    await until(() => server.stack.connectionCount === 0);
  });

  it('goes on when a listener throws', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server }, (socket) => socket.end('bye'));
    const port = await listening(listener);
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    try {
      const first = connect({ via: client, host: '10.0.0.2', port });
      first.once('connect', () => {
        throw new Error('thrown by a listener');
      });
      const second = connect({ via: client, host: '10.0.0.2', port });
      let text = '';
      for await (const part of second) text += String(part);
      expect(text).toBe('bye');
      expect(thrown).toHaveLength(1);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const other of others) process.on('uncaughtException', other);
    }
  });

  it('opens and closes hundreds of connections and keeps nothing of them', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server }, (socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end(),
    );
    const port = await listening(listener);
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const socket = connect({ via: client, host: '10.0.0.2', port });
          socket.resume().end('x');
          await once(socket, 'close');
        }),
      );
    }
    await until(() => holders(client) === 0 && holders(server) === 1);
    await until(() => client.stack.connectionCount + server.stack.connectionCount === 0);
  });
});

describe.each([
  ['version 0', { versions: [0] }],
  ['version 1, by ACK', { versions: [1], fastClose: 'ack' }],
] as const)('a host that is closed with a connection of %s', (_, changes) => {
  const settings = { mptcp: { ...defaultMptcpSettings, ...changes } };

  /** A connection between two hosts whose line loses the first `losses` packets that the client sends once `isLossy`. */
  async function connected(losses: number): Promise<{
    client: UserspaceHost;
    remote: Socket;
    line: [MemoryDevice, MemoryDevice];
    lose: () => void;
  }> {
    const client = new UserspaceHost({ settings });
    const server = new UserspaceHost({ settings });
    hosts.push(client, server);
    const line = MemoryDevice.pair();
    client.addDevice(line[0], { name: 'a', addresses: ['10.0.0.1/24'] });
    server.addDevice(line[1], { name: 'a', addresses: ['10.0.0.2/24'] });
    const accepted: Socket[] = [];
    const port = await listening(createServer({ via: server }, (socket) => accepted.push(socket)));
    const socket = connect({ via: client, host: '10.0.0.2', port });
    await once(socket, 'connect');
    socket.write('a');
    await until(() => accepted.length === 1);
    const remote = accepted[0]!;
    await once(remote, 'data');
    remote.write('b');
    await once(socket, 'data');
    await turns();
    const { send } = line[0];
    let left = losses;
    const lose = (): void => {
      line[0].send = (now, packet) => {
        if (left-- <= 0) send.call(line[0], now, packet);
      };
    };
    return { client, remote, line, lose };
  }

  it('asks again when the fast close was lost, and then is gone', async () => {
    const { client, remote, lose } = await connected(1);
    lose();
    const ended = once(remote, 'error');
    let isGone = false;
    client.close(() => (isGone = true));
    expect([client.closed, isGone]).toEqual([true, false]);
    expect((await ended)[0]).toMatchObject({ code: 'ECONNRESET' });
    await until(() => isGone);
    expect(client.stack.connectionCount).toBe(0);
  });

  it('is gone in the end when nothing answers', async () => {
    const { client, remote, lose } = await connected(Number.POSITIVE_INFINITY);
    remote.on('error', () => undefined);
    lose();
    await new Promise<void>((done) => client.close(done));
    await new Promise<void>((done) => client.close(done));
    expect(client.closed).toBe(true);
  });
});
