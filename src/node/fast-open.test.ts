/** Fast Open as programs see it, over both transports. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { describeWith } from '../../test/support/with-rights.js';
import {
  kernelMptcp,
  listenKernel,
  localAddressOf,
  mayCreateNamespaces,
  NetworkNamespace,
} from '../linux/index.js';
import { prepareKernelServer } from './fast-open.js';
import {
  connect,
  createServer,
  UserspaceHost,
  type FastOpenInfo,
  type Server,
  type Socket,
} from './index.js';
import { adopt } from './kernel-socket.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

function world(): { client: UserspaceHost; server: UserspaceHost } {
  const [client, server] = [new UserspaceHost(), new UserspaceHost()];
  hosts.push(client, server);
  const [left, right] = MemoryDevice.pair();
  client.addDevice(left, { name: 'left', addresses: ['10.0.0.1/24'] });
  server.addDevice(right, { name: 'right', addresses: ['10.0.0.2/24'] });
  return { client, server };
}

async function listening(server: Server): Promise<number> {
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Connects, writes at once, and gives what the server answers. */
async function ask(via: UserspaceHost, port: number, fastOpen: boolean | 'without-cookie'): Promise<string> {
  const socket = connect({ via, host: '10.0.0.2', port, fastOpen });
  socket.write('one ');
  socket.end('two');
  let answer = '';
  for await (const chunk of socket as unknown as AsyncIterable<Buffer>) answer += String(chunk);
  return answer;
}

describe('Fast Open over the userspace transport', () => {
  it('carries what is written right after connect with the SYN, once there is a cookie', async () => {
    const { client, server } = world();
    const taken: unknown[] = [];
    const listener = createServer({ via: server, fastOpen: true }, (socket: Socket) => {
      socket.pipe(socket).once('finish', () => taken.push(socket.fastOpen));
    });
    const port = await listening(listener);
    expect(await ask(client, port, true)).toBe('one two');
    expect(server.stack.counters).toMatchObject({ fastOpenCookiesGiven: 1, fastOpensAccepted: 0 });
    expect(await ask(client, port, true)).toBe('one two');
    expect(server.stack.counters).toMatchObject({ fastOpensAccepted: 1 });
    expect(client.stack.counters).toMatchObject({ fastOpensActive: 1, fastOpensRefused: 0 });
    expect(taken).toEqual([undefined, { isAccepted: true, sentBytes: 4, acceptedBytes: 4 }]);
    const third = connect({ via: client, host: '10.0.0.2', port, fastOpen: true });
    third.write('three');
    await once(third, 'data');
    expect(third.fastOpen).toEqual({ isAccepted: true, sentBytes: 5, acceptedBytes: 5 });
    third.destroy();
    listener.close();
  });

  it('waits with the SYN for layers on top that write a little later in the same turn', async () => {
    const { client, server } = world();
    const web = http.createServer((_request, response) => response.end('answer'));
    const listener = createServer({ via: server, fastOpen: { requireCookie: false } }, (socket: Socket) =>
      web.emit('connection', socket),
    );
    const port = await listening(listener);
    const socket = connect({ via: client, host: '10.0.0.2', port, fastOpen: 'without-cookie' });
    const createConnection = (): net.Socket => socket as unknown as net.Socket;
    const [response] = (await once(http.get({ createConnection }), 'response')) as [http.IncomingMessage];
    expect(socket.fastOpen).toMatchObject({ isAccepted: true });
    response.resume();
    await once(response, 'end');
    socket.destroy();
    listener.close();
  });

  it('loses nothing and repeats nothing where the server does not take it', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server }, (socket: Socket) => socket.pipe(socket));
    const port = await listening(listener);
    expect(await ask(client, port, 'without-cookie')).toBe('one two');
    expect(client.stack.counters).toMatchObject({ fastOpensActive: 0, fastOpensRefused: 1 });
    listener.close();
  });

  it('refuses choices that are none', () => {
    const { client } = world();
    expect(() => connect({ via: client, port: 1, fastOpen: 'soon' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
    expect(() => createServer({ via: client, fastOpen: 3 as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});

describeWith('Fast Open over the kernel transport', [kernelMptcp(), mayCreateNamespaces()], () => {
  const open: { close(): unknown }[] = [];
  afterEach(() => {
    for (const thing of open.splice(0).reverse()) thing.close();
  });

  /** A namespace whose kernel lets clients (1), servers (2) or both (3) do it. */
  function namespaceWith(fastOpen: number): NetworkNamespace {
    const namespace = NetworkNamespace.create('fast-open');
    open.push(namespace);
    namespace.sysctl('net.ipv4.tcp_fastopen', fastOpen);
    return namespace;
  }

  /** An echo server in the namespace, whose connections say there how Fast Open went. */
  async function echo(namespace: NetworkNamespace, protocol: 'mptcp' | 'tcp' = 'mptcp') {
    const outcomes: (boolean | undefined)[] = [];
    const prepare = (fd: number): void => namespace.run(() => prepareKernelServer(fd, true));
    const fd = listenKernel({ address: '127.0.0.1', port: 0, protocol, namespace, prepare });
    const { port } = localAddressOf(fd);
    const server = new net.Server({ allowHalfOpen: true }, (accepted) => {
      const socket = adopt(accepted);
      socket.once('data', () => outcomes.push(socket.fastOpen?.isAccepted));
      socket.pipe(socket);
    }).listen({ fd });
    open.push(server);
    await once(server, 'listening');
    return { port, outcomes };
  }

  interface Answer {
    readonly text: string;
    readonly fastOpen: FastOpenInfo | undefined;
  }

  async function ask(namespace: NetworkNamespace, port: number, fastOpen: boolean): Promise<Answer> {
    // What `net` does after a look-up it does at once: inside of the namespace.
    const lookup: net.LookupFunction = (_host, _options, done) =>
      namespace.run(() => done(null, '127.0.0.1', 4));
    const options = { host: 'server.example', port, lookup, autoSelectFamily: false, fastOpen };
    const socket = connect({ transport: 'kernel', ...options });
    expect(socket.fastOpen).toBeUndefined();
    socket.write('one ');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += String(chunk)));
    await once(socket, 'data');
    const outcome = socket.fastOpen;
    socket.end('two');
    await once(socket, 'close');
    return { text, fastOpen: outcome };
  }

  it.each(['mptcp', 'tcp'] as const)(
    'carries the first write with the SYN once the kernel has a cookie, and tells both ends so, to a listener of %s',
    async (protocol) => {
      const namespace = namespaceWith(3);
      const { port, outcomes } = await echo(namespace, protocol);
      const unknown = { sentBytes: undefined, acceptedBytes: undefined };
      expect(await ask(namespace, port, true)).toEqual({
        text: 'one two',
        fastOpen: { isAccepted: false, ...unknown },
      });
      expect(await ask(namespace, port, true)).toEqual({
        text: 'one two',
        fastOpen: { isAccepted: true, ...unknown },
      });
      expect(await ask(namespace, port, false)).toEqual({ text: 'one two', fastOpen: undefined });
      expect(outcomes).toEqual([undefined, true, undefined]);
      const counters = namespace.counters();
      expect(counters.get('TcpExtTCPFastOpenActive')).toBe(1);
      expect(counters.get('TcpExtTCPFastOpenPassive')).toBe(1);
      expect(counters.get('TcpExtTCPFastOpenCookieReqd')).toBe(1);
    },
  );

  it('is refused with the next step where the kernel has it switched off', async () => {
    const namespace = namespaceWith(0);
    const expected = expect.objectContaining({
      code: 'ERR_SUBFLOW_UNSUPPORTED',
      hint: expect.stringContaining('net.ipv4.tcp_fastopen') as string,
    }) as Error;
    await expect(ask(namespace, 9, true)).rejects.toEqual(expected);
    expect(() => namespace.run(() => prepareKernelServer(-1, true))).toThrow(expected);
  });
});
