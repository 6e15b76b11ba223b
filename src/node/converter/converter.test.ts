import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/self-signed.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { ConvertErrorCode, emitConvert, errorMessage, scanConvert } from '../../convert/index.js';
import { kernelMptcp, listenKernel } from '../../linux/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import { connect, ConverterServer, type ConverterOptions, closedRules, type Socket } from '../index.js';

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const localRules = { ...closedRules, allowLoopback: true };

async function converter(options: ConverterOptions = {}) {
  const events: Record<string, unknown>[] = [];
  const server = await ConverterServer.start({
    ...{ port: 0, rules: localRules, log: (event, fields) => events.push({ event, ...fields }) },
    ...options,
  });
  open.push(() => server.close(0));
  return { server, events, port: server.address.port, place: `127.0.0.1:${server.address.port}` };
}

/** A server that answers what it is asked, over plain TCP or Multipath TCP. */
async function echo(protocol: 'tcp' | 'mptcp' = 'tcp'): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  if (protocol === 'tcp') server.listen(0, '127.0.0.1');
  else server.listen({ fd: listenKernel({ address: '127.0.0.1', port: 0 }) });
  await once(server, 'listening');
  open.push(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Sends bytes, and gives everything that comes until the end, or the error. */
async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  open.push(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const over = new Promise<string>((resolve) => {
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('hex')));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
  socket.write(bytes);
  const said = await over;
  socket.end();
  return said;
}

/** A Base Connect, which asks for no option: a converter over plain TCP has no Multipath TCP. */
const base = ({ remote }: { remote: Endpoint }): Uint8Array =>
  emitConvert({ tlvs: [{ type: 'connect', remote, options: [] }] });
const to = (port: number, address = '127.0.0.1') => ({ address: IpAddress.parse(address)!, port });
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
/** Code of the Error TLV in an answer. */
const codeIn = (answer: string): number | string => {
  const scan = scanConvert(hex(answer));
  const tlv = scan.state === 'done' ? scan.value.tlvs[0] : undefined;
  return tlv?.type === 'error' ? tlv.code : answer;
};

describe('a converter', () => {
  it.each([
    ['zero-length TLV', '01022263 1e000000', ConvertErrorCode.MALFORMED_MESSAGE],
    ['a repeated TLV', '01032263 01010000 01010000', ConvertErrorCode.MALFORMED_MESSAGE],
    ['another version', '02022263 01010000', ConvertErrorCode.UNSUPPORTED_VERSION],
    ['a TLV that nobody knows', '01022263 c8010000', ConvertErrorCode.UNSUPPORTED_MESSAGE],
    ['a length of zero', '01002263', 'ECONNRESET'],
    ['garbage', '474554202f20485454502f312e31', 'ECONNRESET'],
  ])('answers %s as RFC 8803 §6 says', async (_name, text, wanted) => {
    const { port, server } = await converter({ isPlain: true });
    expect(codeIn(await exchange(port, hex(text)))).toBe(wanted);
    await expect.poll(() => server.relays.connections).toBe(0);
  });

  it('lists what it converts where it is asked (RFC 8803 §6.2.3)', async () => {
    const { port } = await converter({ isPlain: true });
    // Plain TCP on both sides: no kind 30.
    expect(await exchange(port, hex('01022263 01010000'))).toBe('010322631502000004080000');
  });

  it('resets a client that says too little for too long, and holds next to nothing for it', async () => {
    const { port, events } = await converter({ isPlain: true, helloMs: 150 });
    const socket = net.connect(port, '127.0.0.1');
    open.push(() => socket.destroy());
    const drip = setInterval(() => socket.write(Uint8Array.of(1)), 20);
    socket.write(hex('01ff2263'));
    const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
    clearInterval(drip);
    expect(['ECONNRESET', 'EPIPE']).toContain(error.code);
    await expect.poll(() => events).toMatchObject([{ event: 'closed', reason: 'hello-timeout' }]);
  });

  it('refuses clients and destinations that its rules do not allow, and those beyond its limits', async () => {
    const stranger = await converter({
      isPlain: true,
      rules: { ...localRules, clients: [{ address: IpAddress.parse('10.0.0.0')!, bits: 8 }] },
    });
    const request = base({ remote: to(80) });
    expect(codeIn(await exchange(stranger.port, request))).toBe(ConvertErrorCode.NOT_AUTHORIZED);
    const closed = await converter({ isPlain: true, rules: closedRules });
    // RFC 8803 §6.2.5 has its own word for loopback addresses.
    expect(codeIn(await exchange(closed.port, request))).toBe(ConvertErrorCode.MALFORMED_MESSAGE);
    const inside = base({ remote: to(80, '10.0.0.1') });
    expect(codeIn(await exchange(closed.port, inside))).toBe(ConvertErrorCode.NOT_AUTHORIZED);
    const full = await converter({ isPlain: true, limits: { maxConnections: 0 } });
    expect(codeIn(await exchange(full.port, request))).toBe(ConvertErrorCode.RESOURCE_EXCEEDED);
    closed.server.setRules(localRules);
    const port = await closedPort();
    const allowed = base({ remote: to(port) });
    expect(codeIn(await exchange(closed.port, allowed))).toBe(ConvertErrorCode.CONNECTION_RESET);
  });

  it('connects, confirms with the options of the server, and relays data that came with the message', async () => {
    const { port, events } = await converter({ isPlain: true });
    const server = await echo();
    const request = base({ remote: to(server) });
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    open.push(() => socket.destroy());
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.end(Buffer.concat([request, Buffer.from('early data')]));
    await once(socket, 'end');
    const answer = Buffer.concat(chunks);
    const scan = scanConvert(answer);
    expect(scan).toMatchObject({ state: 'done', value: { tlvs: [{ type: 'extended-tcp-header' }] } });
    expect(answer.subarray(scan.state === 'done' ? scan.length : 0).toString()).toBe('early data');
    await expect
      .poll(() => events)
      .toMatchObject([
        { event: 'connected' },
        { event: 'closed', outcome: 'ended', clientBytes: 10, serverBytes: 10 },
      ]);
  });

  it('has nothing left of clients of every kind, and after it is closed', async () => {
    const { server, port } = await converter({ isPlain: true, helloMs: 300 });
    const target = await echo();
    const request = base({ remote: to(target) });
    const before = readdirSync('/proc/self/fd').length;
    const clients = Array.from({ length: 60 }, (_, i) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        if (i % 5 === 0) socket.write(request.subarray(0, 7));
        else if (i % 5 === 1) socket.end(request);
        else if (i % 5 === 2) socket.write(request, () => socket.resetAndDestroy());
        else if (i % 5 === 3) socket.write(hex('01022263 1e000000'));
        else socket.write(request, () => socket.end('x'));
      });
      return socket.on('error', () => undefined).resume();
    });
    await Promise.all(clients.map((client) => new Promise((done) => client.once('close', done))));
    await expect
      .poll(() => [server.relays.connections, server.relays.active, server.relays.clientCount])
      .toEqual([0, 0, 0]);
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
    await server.close(1000);
  });
});

describeWith('connections through a converter', [kernelMptcp()], () => {
  const through = (place: string, port: number, more = {}): Socket => {
    const socket = connect({ host: '127.0.0.1', port, converter: place, transport: 'kernel', ...more });
    open.push(() => socket.destroy());
    return socket;
  };
  const failure = async (socket: Socket): Promise<NodeJS.ErrnoException> =>
    ((await once(socket, 'error')) as [NodeJS.ErrnoException])[0];

  it('speak Multipath TCP with the converter, to a server that does not, and carry every byte', async () => {
    const { place, events } = await converter();
    const socket = through(place, await echo());
    const sent = Buffer.alloc(1_000_000, 'converted ');
    socket.end(sent);
    const chunks: Buffer[] = [];
    let connectedWith: boolean | undefined;
    socket.once('connect', () => (connectedWith = socket.isMultipath));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    expect(connectedWith).toBe(true);
    expect(socket.converted).toEqual({ way: 'converter', reason: undefined, isServerMultipath: false });
    await expect.poll(() => events.at(0)).toMatchObject({ clientMultipath: true, serverMultipath: false });
  });

  it('tell that they are connected only when the server is there, and fail as net does when it is not', async () => {
    const { place } = await converter();
    const port = await closedPort();
    const socket = through(place, port);
    let isConnected = false;
    socket.once('connect', () => (isConnected = true));
    socket.write('early');
    expect(await failure(socket)).toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port,
    });
    expect(isConnected).toBe(false);
  });

  it('go to a server that speaks Multipath TCP directly from the second one on (RFC 8803 §5.1)', async () => {
    const { place, events } = await converter();
    const port = await echo('mptcp');
    const first = through(place, port);
    await once(first, 'connect');
    expect(first.converted).toMatchObject({ way: 'converter', isServerMultipath: true });
    const second = through(place, port);
    await once(second, 'connect');
    expect(second.converted).toMatchObject({ way: 'direct', reason: 'server-is-multipath' });
    second.write('hello');
    expect(String((await once(second, 'data'))[0])).toBe('hello');
    expect(events.filter(({ event }) => event === 'connected').length).toBe(1);
  });

  it('come again with the cookie that they are given (RFC 8803 §6.2.7)', async () => {
    const { place, events } = await converter({ requireCookie: true });
    const port = await echo();
    const socket = through(place, port);
    socket.write('early');
    expect(String((await once(socket, 'data'))[0])).toBe('early');
    const again = through(place, port);
    await once(again, 'connect');
    const refused = (): number => events.filter(({ error }) => error === 'missing-cookie').length;
    await expect.poll(refused).toBe(1);
    expect(events.filter(({ event }) => event === 'connected').length).toBe(2);
  });

  it.each([
    [0, 'ERR_SUBFLOW_CONVERT_UNSUPPORTED_VERSION'],
    [1, 'ERR_SUBFLOW_CONVERT_MALFORMED_MESSAGE'],
    [2, 'ERR_SUBFLOW_CONVERT_UNSUPPORTED_MESSAGE'],
    [3, 'ERR_SUBFLOW_CONVERT_MISSING_COOKIE'],
    [32, 'ERR_SUBFLOW_CONVERT_NOT_AUTHORIZED'],
    [33, 'ERR_SUBFLOW_CONVERT_UNSUPPORTED_TCP_OPTION'],
    [64, 'ERR_SUBFLOW_CONVERT_RESOURCE_EXCEEDED'],
    [65, 'ERR_SUBFLOW_CONVERT_NETWORK_FAILURE'],
    [96, 'ECONNREFUSED'],
    [97, 'EHOSTUNREACH'],
  ])('fail with a code of its own for error %i', async (code, wanted) => {
    const fake = net.createServer((socket) =>
      socket.on('error', () => undefined).end(errorMessage(code, Uint8Array.of(1))),
    );
    fake.listen(0, '127.0.0.1');
    await once(fake, 'listening');
    open.push(() => fake.close());
    const socket = through(`127.0.0.1:${(fake.address() as net.AddressInfo).port}`, 9);
    expect((await failure(socket)).code).toBe(wanted);
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n\r\n', ''])(
    'fail where no converter answers: %j (RFC 8803 §8)',
    async (text) => {
      const fake = net.createServer((socket) => socket.on('error', () => undefined).end(text));
      fake.listen(0, '127.0.0.1');
      await once(fake, 'listening');
      open.push(() => fake.close());
      const socket = through(`127.0.0.1:${(fake.address() as net.AddressInfo).port}`, 9);
      expect((await failure(socket)).code).toBe('ERR_SUBFLOW_CONVERT_NO_ANSWER');
    },
  );

  it('end and fail by half, and can be called off', async () => {
    const { place } = await converter();
    const port = await echo();
    const socket = through(place, port, { allowHalfOpen: true });
    socket.end('all');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('all');
    const controller = new AbortController();
    const stopped = through(place, port, { signal: controller.signal });
    const failed = failure(stopped);
    controller.abort();
    expect(await failed).toMatchObject({ name: 'AbortError' });
  });

  it.each(['at once', 'once it is connected'])('carry TLS that begins %s', async (when) => {
    const { place } = await converter();
    const identity = selfSigned();
    const server = tls.createServer(identity, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    open.push(() => server.close());
    await once(server, 'listening');
    const socket = through(place, (server.address() as net.AddressInfo).port);
    if (when !== 'at once') await once(socket, 'connect');
    const secure = tls.connect({ socket, ca: identity.cert, servername: 'localhost' });
    secure.write('secret');
    expect(String((await once(secure, 'data'))[0])).toBe('secret');
    expect([secure.authorized, socket.converted?.way]).toEqual([true, 'converter']);
  });

  it('are not to be had at a place that is none', () => {
    for (const converterPlace of ['', 'a b:1', '127.0.0.1:0', '::1:5124'])
      expect(() => through(converterPlace, 9), converterPlace).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_CONVERTER' }) as Error,
      );
  });
});
