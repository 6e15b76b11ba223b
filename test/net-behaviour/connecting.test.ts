/** How sockets connect: names, several addresses, errors, options. */
import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import type net from 'node:net';
import type { AddressInfo, LookupFunction } from 'node:net';
import { closeSync } from 'node:fs';
import {
  connectKernel,
  getsockopt,
  descriptorOf,
  listenKernel,
  localAddressOf,
} from '../../src/linux/index.js';
import { alike, closed, codeOf, errorOf, thrown, watch, type World } from './sides.js';

/** A look-up that gives these, whatever is asked for. */
function gives(...addresses: string[]): LookupFunction {
  const list: LookupAddress[] = addresses.map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  return ((_name: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
    if (options.all === true) process.nextTick(done, null, list);
    else process.nextTick(done, null, list[0]!.address, list[0]!.family);
  }) as LookupFunction;
}

/** The error of a socket that cannot be. */
async function failure(world: World, options: net.TcpNetConnectOpts): Promise<unknown> {
  const [error] = await once(world.client(options), 'error');
  return error;
}

/** A place where SYNs wait for ever: a listener of plain TCP whose queue is full. */
async function silentPlace(address: string): Promise<{ port: number; close(): void }> {
  const fd = listenKernel({ address, port: 0, backlog: 0, protocol: 'tcp' });
  const { port } = localAddressOf(fd);
  const filling = [fd];
  for (let i = 0; i < 4; i++) filling.push(connectKernel({ address, port, protocol: 'tcp' }));
  await new Promise((done) => setTimeout(done, 20));
  return { port, close: () => filling.forEach((each) => closeSync(each)) };
}

alike('a connection', {
  'tells what it does in order': async (world) => {
    const { port } = await world.server((socket) => void socket.end('x'));
    const client = world.client({ port });
    const seen = watch(client);
    client.resume();
    await closed(client);
    return seen;
  },
  'to a name tells of the look-up too': async (world) => {
    const { port } = await world.server((socket) => void socket.end('x'));
    const client = world.client({ port, host: 'some.test', lookup: gives('127.0.0.1') });
    const looked = once(client, 'lookup');
    const seen = watch(client);
    client.resume();
    await closed(client);
    return { seen, looked: await looked };
  },
  'is refused': async (world) =>
    errorOf(await failure(world, { port: await world.closedPort(), host: '127.0.0.1' })),
  'is refused with a message that names the place': async (world) => {
    const port = await world.closedPort();
    const error = (await failure(world, { port })) as Error;
    return error.message.replace(String(port), 'PORT');
  },
  'from an address that is none of ours': async (world) => {
    const { port } = await world.server();
    return errorOf(await failure(world, { port, localAddress: '192.0.2.77' }));
  },
  'from a port that is taken': async (world) => {
    const { port } = await world.server();
    return errorOf(await failure(world, { port, localAddress: '127.0.0.1', localPort: port }));
  },
  'to a name that there is not': async (world) => {
    const lookup = ((_name: string, _options: object, done: (error: Error) => void) =>
      process.nextTick(done, Object.assign(new Error('none'), { code: 'ENOTFOUND' }))) as never;
    const client = world.client({ port: 9, host: 'none.test', lookup });
    const seen = watch(client);
    await closed(client);
    return seen;
  },
  'to what is no address': async (world) =>
    codeOf(
      await failure(world, { port: 9, host: 'bad.test', autoSelectFamily: false, lookup: gives('nonsense') }),
    ),
  'with a listener for connect': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port });
    const isEmitter = (await once(client, 'connect')).length;
    return [isEmitter, client.pending, client.connecting];
  },
});

alike('several addresses of a name', {
  'are tried in turn: the first refuses, the second answers': async (world) => {
    const { port } = await world.server((socket) => void socket.end());
    const options = { port, host: 'both.test', lookup: gives('::1', '127.0.0.1'), autoSelectFamily: true };
    const client = world.client(options);
    const seen = watch(client);
    client.resume();
    await closed(client);
    return [
      seen,
      client.autoSelectFamilyAttemptedAddresses?.map((each) => each.replace(String(port), 'PORT')),
    ];
  },
  'are tried after a while: the first says nothing, the second answers': async (world) => {
    const { server } = await world.server((socket) => void socket.end());
    const { port } = server.address() as AddressInfo;
    let silent: Awaited<ReturnType<typeof silentPlace>> | undefined;
    try {
      silent = await silentPlace('::1');
      const second = world.keep(world.side.createServer({}, (socket) => void socket.end()));
      second.listen({ port: silent.port, host: '127.0.0.1' });
      await once(second, 'listening');
      const client = world.client({
        port: silent.port,
        host: 'slow.test',
        lookup: gives('::1', '127.0.0.1'),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 30,
      });
      const seen = watch(client);
      client.resume();
      await closed(client);
      return [seen, port !== silent.port];
    } finally {
      silent?.close();
    }
  },
  'that all refuse are one error with all of them': async (world) => {
    const port = await world.closedPort();
    const lookup = gives('::1', '127.0.0.1');
    const error = (await failure(world, {
      port,
      host: 'dead.test',
      lookup,
      autoSelectFamily: true,
    })) as AggregateError & {
      code: string;
    };
    return [error.name, error.code, error.errors.map((each) => errorOf(each))];
  },
  'that say nothing end in ETIMEDOUT': async (world) => {
    const silent = await silentPlace('127.0.0.1');
    try {
      const client = world.client({
        port: silent.port,
        host: 'silent.test',
        lookup: gives('127.0.0.1', '::1'),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 30,
      });
      const [error] = (await once(client, 'error')) as [AggregateError];
      return error.errors.map((each) => codeOf(each));
    } finally {
      silent.close();
    }
  },
  'are not tried where that is not wanted': async (world) => {
    const { port } = await world.server();
    const lookup = gives('::1', '127.0.0.1');
    return errorOf(await failure(world, { port, host: 'both.test', lookup, autoSelectFamily: false }));
  },
  'can be called off between attempts': async (world) => {
    const port = await world.closedPort();
    const lookup = gives('::1', '127.0.0.1', '127.0.0.2');
    const client = world.client({ port, host: 'dead.test', lookup, autoSelectFamily: true });
    const seen = watch(client, ['connectionAttempt', 'connect', 'error', 'close']);
    client.once('connectionAttemptFailed', () => client.destroy());
    await closed(client);
    return seen;
  },
});

/** SOL_SOCKET and IPPROTO_TCP, and options there. */
const SOCKET = 1;
const TCP = 6;
const KEEPALIVE = 9;
const NODELAY = 1;
const KEEPIDLE = 4;

function optionsOf(socket: net.Socket): number[] {
  return [
    [TCP, NODELAY],
    [SOCKET, KEEPALIVE],
    [TCP, KEEPIDLE],
  ].map(([level, name]) => {
    const value = new Uint8Array(4);
    getsockopt(descriptorOf(socket), level!, name!, value);
    return new DataView(value.buffer).getInt32(0, true);
  });
}

alike('options of the socket', {
  'are as they are without any': async (world) => {
    const { client, peer } = await world.pair();
    return [optionsOf(client), optionsOf(peer)];
  },
  'come with connect and createServer': async (world) => {
    const wanted = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 9000 };
    const { client, peer } = await world.pair(wanted, wanted);
    return [optionsOf(client), optionsOf(peer)];
  },
  'can be set and taken back': async (world) => {
    const { client } = await world.pair();
    const chained = client.setNoDelay(true).setKeepAlive(true, 5000) === client;
    const on = optionsOf(client);
    client.setNoDelay(false).setKeepAlive(false);
    return [chained, on, optionsOf(client)];
  },
  'can be set before it connects': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port }).setNoDelay().setKeepAlive(true, 4000);
    await once(client, 'connect');
    return optionsOf(client);
  },
  'are refused where they cannot be': async (world) => {
    const { port } = await world.server();
    const wrong: object[] = [
      { port: -1 },
      { port: 70_000 },
      { port, localAddress: 'nowhere' },
      { port, lookup: 5 },
      { port, autoSelectFamily: 'x' },
    ];
    return wrong.map((options) =>
      thrown(() => world.client({ host: 'x.test', ...options } as never).destroy()),
    );
  },
});
