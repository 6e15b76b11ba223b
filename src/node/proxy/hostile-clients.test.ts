/** Clients that say too little, too much, or leave in the middle, against the real server: each protocol of a proxy alike. */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fromHex, portHex, ProxyWorld, type RawClient, textHex } from '../../../test/support/proxy-world.js';
import type { ProxyOptions } from '../index.js';

const world = new ProxyWorld();
afterEach(() => world.close());

const basic = Buffer.from('a:b').toString('base64');
const http = (port: number, fields = ''): string =>
  textHex(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);

/** All that a client has to say before data, without waiting for answers, and the length of the answers. */
const protocols = [
  ['socks5', (port: number) => `050100 050100017f000001${portHex(port)}`, 12],
  ['socks6', (port: number) => `06010000${portHex(port)}00017f000001`, 16],
  ['http', (port: number) => http(port), 39],
] as const;

/** The same for the user `a` with the password `b`. */
const withUser = [
  ['socks5', (port: number) => `050102 0101610162 050100017f000001${portHex(port)}`, 14],
  ['socks6', (port: number) => `0601000c${portHex(port)}00017f000001 0004000c02010161 01620000`, 24],
  [
    ...([
      'socks6 behind its data',
      (port: number) => `06010008${portHex(port)}00017f000001 0002000800000200 0101610162`,
    ] as const),
    30,
  ],
  ['http', (port: number) => http(port, `Proxy-Authorization: Basic ${basic}\r\n`), 39],
] as const;

/** Users whose password takes a while to look at. */
const slowUsers: ProxyOptions = {
  authenticate: async (_, user, password) => {
    await new Promise((done) => setTimeout(done, 50));
    return Buffer.concat([user, password]).toString() === 'ab';
  },
};

/** Everything that a client gets behind the answers, and how it ends. */
async function behind(client: RawClient, answerBytes: number): Promise<{ bytes: string; how: string }> {
  const { bytes, how } = await client.rest();
  return { bytes: bytes.slice(2 * answerBytes), how };
}

describe('a client that says a byte at a time, for ever', () => {
  it.each(protocols)('is reset when its time is up: %s', async (_, said) => {
    const proxy = await world.proxy({ requestMs: 200 });
    const client = await world.client(proxy.port);
    const bytes = fromHex(said(80));
    let at = 0;
    // The request is never whole: its last byte does not come.
    const drip = setInterval(() => {
      if (at < bytes.length - 1) client.send(bytes.subarray(at, ++at));
    }, 10);
    world.onClose(() => clearInterval(drip));
    const { how } = await client.rest();
    expect(['ECONNRESET', 'EPIPE']).toContain(how);
    await expect.poll(() => proxy.events).toMatchObject([{ event: 'closed', reason: 'request-timeout' }]);
    await expect.poll(() => proxy.server.relays.connections).toBe(0);
  });

  it('is reset in the midst of its password as well, however long that is looked at', async () => {
    const never: ProxyOptions = { authenticate: () => new Promise(() => undefined), requestMs: 200 };
    for (const [, said] of withUser) {
      const proxy = await world.proxy(never);
      const client = await world.client(proxy.port);
      expect(['ECONNRESET', 'EPIPE']).toContain((await client.send(said(80)).rest()).how);
      await expect.poll(() => proxy.events.at(-1)).toMatchObject({ reason: 'request-timeout' });
    }
  });

  it('is reset in the midst of the data that it announced (SOCKS 6)', async () => {
    const proxy = await world.proxy({ ...slowUsers, requestMs: 200 });
    const client = await world.client(proxy.port);
    client.send('06010008 0050 00017f000001 0002000840000200');
    const drip = setInterval(() => client.send('61'), 10);
    world.onClose(() => clearInterval(drip));
    expect(['ECONNRESET', 'EPIPE']).toContain((await client.rest()).how);
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ reason: 'request-timeout' });
  });
});

describe('a client that says everything at once and ends', () => {
  it.each(protocols)('is served to the end of what the server says: %s', async (_, said, answerBytes) => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.socket.end(Buffer.from(fromHex(`${said(port)} ${textHex('early')}`)));
    expect(await behind(client, answerBytes)).toEqual({ bytes: textHex('early'), how: 'end' });
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ outcome: 'ended', clientBytes: 5 });
  });

  it.each(withUser)('is served so also after its password: %s', async (_, said, answerBytes) => {
    const port = await world.echo();
    const proxy = await world.proxy(slowUsers);
    const client = await world.client(proxy.port);
    client.socket.end(Buffer.from(fromHex(`${said(port)} ${textHex('early')}`)));
    expect(await behind(client, answerBytes)).toEqual({ bytes: textHex('early'), how: 'end' });
    await expect
      .poll(() => proxy.events.at(-1))
      .toMatchObject({ user: 'a', outcome: 'ended', clientBytes: 5 });
  });

  it.each(protocols)('is given up where that is not all: %s', async (_, said) => {
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.socket.end(Buffer.from(fromHex(said(80)).subarray(0, -1)));
    // A reset that comes behind an answer may be seen as an end.
    expect(['ECONNRESET', 'end']).toContain((await client.rest()).how);
    await expect.poll(() => proxy.events).toMatchObject([{ event: 'closed', reason: 'no-request' }]);
    expect(proxy.server.relays.connections).toBe(0);
  });
});

describe('a client that sends more than anybody wants', () => {
  /** A server that is there, and does not read before it is told. */
  async function patient(): Promise<{ port: number; received: () => Promise<Buffer> }> {
    let socket: net.Socket | undefined;
    const port = await world.server((made) => (socket = made.pause()));
    return {
      port,
      received: async () => {
        await expect.poll(() => socket !== undefined).toBe(true);
        const chunks: Buffer[] = [];
        for await (const chunk of socket!) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      },
    };
  }
  const much = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => i % 251));

  it.each(protocols)('has it wait in the kernel, and loses nothing: %s', async (_, said) => {
    const { port, received } = await patient();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.socket.end(Buffer.concat([fromHex(said(port)), much]));
    await expect.poll(() => proxy.events[0]).toMatchObject({ event: 'connected' });
    expect((await received()).equals(much)).toBe(true);
  });

  it.each(withUser)('loses nothing behind a password either: %s', async (_, said) => {
    const { port, received } = await patient();
    const proxy = await world.proxy(slowUsers);
    const client = await world.client(proxy.port);
    client.socket.end(Buffer.concat([fromHex(said(port)), much]));
    expect((await received()).equals(much)).toBe(true);
  });

  it('may announce 16 KiB of initial data, and not a byte more (SOCKS 6 §8.2)', async () => {
    const { port, received } = await patient();
    const proxy = await world.proxy(slowUsers);
    const ask = async (digits: string): Promise<RawClient> =>
      (await world.client(proxy.port)).send(`06010008 ${portHex(port)} 00017f000001 00020008${digits}0200`);
    const most = await ask('4000');
    expect(await most.read(12)).toBe('060100080003000802000000');
    most
      .send(much.subarray(0, 1 << 14))
      .send('0101610162')
      .socket.end();
    expect((await received()).equals(much.subarray(0, 1 << 14))).toBe(true);
    expect(await (await ask('4001')).rest()).toEqual({ bytes: '06010000', how: 'end' });
  });

  it.each([
    ['a head without an end', 'http', Buffer.from(`CONNECT a:1 HTTP/1.1\r\nX: ${'y'.repeat(1 << 16)}`)],
    ['options without an end', 'socks6', Buffer.concat([fromHex('06014004'), Buffer.alloc(1 << 16)])],
    ['nothing but zeros', 'none', Buffer.alloc(1 << 16)],
  ])('is told or reset at once, and holds no place: %s', async (_, __, said) => {
    const proxy = await world.proxy({ requestMs: 60_000 });
    const client = await world.client(proxy.port);
    client.send(said);
    const { how } = await client.rest();
    expect(['end', 'ECONNRESET', 'EPIPE']).toContain(how);
    client.socket.destroy();
    await expect.poll(() => proxy.server.relays.connections).toBe(0);
  });
});

describe('a client that was refused', () => {
  it.each(protocols)('does not keep its place by not closing: %s', async (_, said) => {
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.send(said(await world.closedPort()));
    expect((await client.rest()).how).toBe('end');
    // RFC 1928 §6 gives it ten seconds; its own end never comes.
    await expect.poll(() => proxy.server.relays.connections, { timeout: 20_000 }).toBe(0);
  });
});
