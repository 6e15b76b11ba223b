/** UDP ASSOCIATE against the real server, in bytes written by hand (RFC 1928 §7). */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { fromHex, portHex, ProxyWorld, type RawClient, textHex } from '../../../test/support/proxy-world.js';
import { closedRules, parseHops, type ProxyOptions, TunnelUpstream } from '../index.js';

const world = new ProxyWorld();
afterEach(() => world.close());

async function datagrams(at = 0): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  socket.bind(at, '127.0.0.1');
  await once(socket, 'listening');
  world.onClose(() => socket.close());
  return { socket, port: socket.address().port };
}

/** A server that gives back what it gets. */
async function echo(): Promise<number> {
  const { socket, port } = await datagrams();
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  return port;
}

async function associate(options: ProxyOptions = {}, port = 0) {
  const proxy = await world.proxy(options);
  const client: RawClient = await world.client(proxy.port);
  await client.send('05 01 00').read(2);
  const reply = await client.send(`05 03 00 01 00000000 ${portHex(port)}`).read(10);
  const own = await datagrams();
  const at = parseInt(reply.slice(16), 16);
  const send = (digits: string, from = own.socket): void => from.send(fromHex(digits), at, '127.0.0.1');
  return { proxy, client, reply, at, send, socket: own.socket };
}
const to = (port: number): string => `0000 00 01 7f000001 ${portHex(port)}`;
const next = async (socket: Socket): Promise<string> =>
  ((await once(socket, 'message')) as [Buffer])[0].toString('hex');

describe('UDP ASSOCIATE', () => {
  it('relays datagrams both ways, from a port of this client alone, until its connection ends', async () => {
    const port = await echo();
    // From the first listener on the thread has the set that all its sockets wait in.
    await world.proxy();
    const before = readdirSync('/proc/self/fd').length;
    const { proxy, client, reply, send, socket } = await associate();
    expect(reply).toMatch(/^050000017f000001(?!0000)/);
    const answer = next(socket);
    send(`${to(port)} ${textHex('hello')}`);
    expect(await answer).toBe(`${to(port)}${textHex('hello')}`.replace(/\s/g, ''));
    client.socket.end();
    expect(await client.rest()).toEqual({ bytes: '', how: 'end' });
    client.socket.destroy();
    await expect
      .poll(() => proxy.events.at(-1))
      .toMatchObject({
        ...{ event: 'closed', outcome: 'ended', clientDatagrams: 1, serverDatagrams: 1, dropped: 0 },
      });
    await expect.poll(() => proxy.server.relays.connections).toBe(0);
    // The proxy's listener and the test's own socket are there still.
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 3);
  });

  it('is answered after the greeting, also when both came together (RFC 1928 §3, §6)', async () => {
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    const reply = await client.send('05 01 00 05 03 00 01 00000000 0000').read(12);
    expect(reply).toMatch(/^0500050000017f000001/);
  });

  it('looks names up', async () => {
    const port = await echo();
    const { send, socket } = await associate();
    const answer = next(socket);
    send(`0000 00 03 09 ${textHex('localhost')} ${portHex(port)} 61`);
    expect(await answer).toMatch(/61$/);
  });

  it('drops fragments, what is no datagram of SOCKS, and what others send', async () => {
    const port = await echo();
    const { client, proxy, send, socket } = await associate();
    const stranger = await datagrams();
    const answer = next(socket);
    send(`0000 01 01 7f000001 ${portHex(port)} 61`);
    send('00');
    send(`0001 00 01 7f000001 ${portHex(port)} 62`);
    send(to(0));
    send(`${to(port)} 63`);
    expect(await answer).toMatch(/63$/);
    // The first datagram said which port is the client's.
    send(`${to(port)} 64`, stranger.socket);
    client.socket.end();
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ clientDatagrams: 1, dropped: 5 });
  });

  it('hears no peer that was not sent anything', async () => {
    const { socket: peer, port } = await datagrams();
    const { client, proxy, send } = await associate();
    const arrived = once(peer, 'message') as Promise<[Buffer, { port: number }]>;
    send(`${to(port)} 61`);
    const [, from] = await arrived;
    const stranger = await datagrams();
    stranger.socket.send('x', from.port, '127.0.0.1');
    peer.send('y', from.port, '127.0.0.1');
    await expect.poll(() => proxy.events).toMatchObject([{ event: 'associated' }]);
    await expect
      .poll(() => {
        client.socket.end();
        return proxy.events.at(-1);
      })
      .toMatchObject({ event: 'closed', serverDatagrams: 1, dropped: 1 });
  });

  it('holds each destination to the rules, and those of names too', async () => {
    const port = await echo();
    const { client, proxy, send, socket } = await associate();
    const answer = next(socket);
    send(`0000 00 01 0a000001 ${portHex(port)} 61`);
    send(`0000 00 01 ffffffff ${portHex(port)} 61`);
    send(`${to(port)} 62`);
    await answer;
    proxy.server.change({ rules: closedRules });
    send(`${to(port)} 63`);
    send(`0000 00 03 09 ${textHex('localhost')} ${portHex(port)} 61`);
    await expect
      .poll(() => {
        client.socket.end();
        return proxy.events.at(-1);
      })
      .toMatchObject({ event: 'closed', clientDatagrams: 1, serverDatagrams: 1 });
  });

  it('is not had through another proxy (reply 7)', async () => {
    const upstream = new TunnelUpstream(parseHops('127.0.0.1:9'));
    expect((await associate({ upstream })).reply).toBe('05070001000000000000');
  });

  it('ends when nothing comes for as long as a connection may be idle', async () => {
    const { client, proxy } = await associate({ limits: { idleMs: 100 } });
    expect((await client.rest()).how).toBe('ECONNRESET');
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ event: 'closed', reason: 'idle' });
  });

  it('ends with a connection that is reset (RFC 1928 §6)', async () => {
    const { client, proxy, at } = await associate();
    client.socket.resetAndDestroy();
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ event: 'closed' });
    await expect.poll(() => proxy.server.relays.connections).toBe(0);
    // Its port is there for others.
    const { socket } = await datagrams(at);
    expect(socket.address().port).toBe(at);
  });

  it('has datagrams from the port that the client named, and from no other (RFC 1928 §6)', async () => {
    const port = await echo();
    const own = await datagrams();
    const { client, proxy, send } = await associate({}, own.port);
    send(`${to(port)} 61`);
    const answer = next(own.socket);
    send(`${to(port)} 62`, own.socket);
    expect(await answer).toMatch(/62$/);
    client.socket.end();
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ clientDatagrams: 1, dropped: 1 });
  });

  it('ends with the proxy', async () => {
    const { client, proxy } = await associate();
    await proxy.server.close(60_000);
    expect((await client.rest()).how).toBe('ECONNRESET');
  });
});
