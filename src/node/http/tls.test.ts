import { once } from 'node:events';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { MemoryDevice } from '../../../test/support/memory-devices.js';
import { selfSigned } from '../../../test/support/self-signed.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import {
  closedRules,
  connect,
  ConverterServer,
  createServer,
  listen,
  tlsConnect,
  UserspaceHost,
  type Socket,
  type TlsConnectOptions,
  type TlsSocket,
} from '../index.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

describeWith('TLS', [kernelMptcp()], () => {
  let identity: ReturnType<typeof selfSigned>;
  beforeAll(() => {
    identity = selfSigned();
  });

  /** A server that sends back what it hears; gives its port and the sockets that it took. */
  async function echo(options: tls.TlsOptions = {}): Promise<{ port: number; taken: TlsSocket[] }> {
    const taken: TlsSocket[] = [];
    const server = tls.createServer({ ...identity, ...options }, (socket) => {
      taken.push(socket as TlsSocket);
      socket.on('error', () => undefined).pipe(socket);
    });
    listen(server, { host: '127.0.0.1' });
    open.push(() => server.close());
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, taken };
  }

  function secure(options: Partial<TlsConnectOptions>): TlsSocket {
    const socket = tlsConnect({ host: 'localhost', ca: identity.cert, ...options } as TlsConnectOptions);
    open.push(() => socket.destroy());
    return socket;
  }

  it('is carried by Multipath TCP on both sides, whose sockets are those of tls', async () => {
    const { port, taken } = await echo();
    const socket = secure({ port });
    await once(socket, 'secureConnect');
    expect(socket).toBeInstanceOf(tls.TLSSocket);
    expect([socket.authorized, socket.isMultipath]).toEqual([true, true]);
    socket.end('secret');
    expect(await text(socket)).toBe('secret');
    expect(taken[0]!.transport).toBe('kernel');
  });

  it('shows its subflows on the side of the server too', async () => {
    const { port, taken } = await echo();
    const socket = secure({ port });
    await once(socket, 'secureConnect');
    await expect.poll(() => taken[0]?.isMultipath).toBe(true);
    expect(taken[0]!.subflows).toMatchObject([{ localPort: port, remotePort: socket.localPort }]);
  });

  it('agrees on a protocol, and sends the name of the host', async () => {
    const { port, taken } = await echo({ ALPNProtocols: ['second'] });
    const socket = secure({ port, ALPNProtocols: ['first', 'second'] });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('second');
    await expect.poll(() => taken[0]?.servername).toBe('localhost');
  });

  it('is refused with the errors of net and tls, and called off by its signal', async () => {
    const { port } = await echo();
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port: closedPort } = probe.address() as AddressInfo;
    await new Promise((done) => probe.close(done));
    const cases: [Partial<TlsConnectOptions>, object][] = [
      [
        { port: closedPort, host: '127.0.0.1' },
        { code: 'ECONNREFUSED', syscall: 'connect', port: closedPort },
      ],
      [{ port, ca: [] }, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }],
      [
        { port, localAddress: '192.0.2.77' },
        { code: 'EADDRNOTAVAIL', syscall: 'bind' },
      ],
      [{ port, signal: AbortSignal.abort() }, { name: 'AbortError' }],
    ];
    for (const [options, error] of cases)
      expect((await once(secure(options), 'error'))[0]).toMatchObject(error);
  });

  it('can be put on a socket of ours at once, or when that is connected', async () => {
    const { port } = await echo();
    for (const isConnected of [false, true]) {
      const inner = connect({ host: '127.0.0.1', port });
      if (isConnected) await once(inner, 'connect');
      const socket = tls.connect({ socket: inner, ca: identity.cert, servername: 'localhost' });
      socket.end('over');
      expect(await text(socket)).toBe('over');
    }
  });

  it('goes through a converter, its first message with the one to the converter', async () => {
    const { port } = await echo();
    const rules = { ...closedRules, allowLoopback: true };
    const converter = await ConverterServer.start({ port: 0, rules });
    open.push(() => converter.close());
    const socket = secure({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      converter: `127.0.0.1:${converter.address.port}`,
    });
    socket.end('by another way');
    expect(await text(socket)).toBe('by another way');
    expect((socket as unknown as Socket).converted?.way).toBe('converter');
  });

  it('is carried by the userspace transport', async () => {
    const [near, far] = [new UserspaceHost(), new UserspaceHost()];
    open.push(
      () => near.close(),
      () => far.close(),
    );
    const line = MemoryDevice.pair();
    near.addDevice(line[0], { name: 'a', addresses: ['10.0.0.1/24'] });
    far.addDevice(line[1], { name: 'a', addresses: ['10.0.0.2/24'] });
    const web = tls.createServer(identity, (socket) => socket.on('error', () => undefined).pipe(socket));
    const server = createServer({ via: far }, (socket) => web.emit('connection', socket)).listen(443);
    await once(server, 'listening');
    const socket = secure({ via: near, host: '10.0.0.2', port: 443, servername: 'localhost' });
    socket.end('above ours');
    expect(await text(socket)).toBe('above ours');
    expect([socket.transport, socket.isMultipath]).toEqual(['userspace', false]);
  });

  it('carries HTTP/2', async () => {
    const server = http2.createSecureServer({ ...identity }, (request, response) => {
      response.end(
        `${request.httpVersion} ${(request.stream.session!.socket as unknown as Socket).isMultipath}`,
      );
    });
    listen(server, { host: '127.0.0.1' });
    open.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const session = http2.connect(`https://localhost:${port}`, {
      createConnection: () => secure({ port, ALPNProtocols: ['h2'] }),
    });
    open.push(() => session.destroy());
    const request = session.request({ ':path': '/' });
    expect(await text(request)).toBe('2.0 true');
  });
});
