/** `connect({ via })` through the real proxies. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { ProxyWorld } from '../../../test/support/proxy-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import { closedRules, connect, type ProxyOptions, type Socket } from '../index.js';
import { parseHops } from './hop.js';

const world = new ProxyWorld();
afterEach(() => world.close());

function open(via: string, port: number, more: object = {}): Socket {
  const socket = connect({ host: '127.0.0.1', port, via, transport: 'kernel', ...more });
  world.onClose(() => socket.destroy());
  return socket;
}

const users: ProxyOptions = {
  authenticate: (_, user, password) =>
    Promise.resolve(Buffer.from(user).toString() === 'alice' && Buffer.from(password).toString() === 'p:@/ä'),
};
const errorOf = async (socket: Socket): Promise<unknown> => (await once(socket, 'error'))[0];

describe('connect through a proxy', () => {
  it.each(['socks5', 'socks5h', 'socks6', 'socks6h', 'http'])('of %s', async (scheme) => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const socket = open(`${scheme}://127.0.0.1:${proxy.port}`, port, { host: 'localhost' });
    // Before there is a connection: it is kept, or goes along.
    socket.write('early ');
    await once(socket, 'connect');
    socket.end('late');
    expect(await text(socket)).toBe('early late');
    const name = scheme.endsWith('h') || scheme === 'http' ? 'localhost' : '127.0.0.1';
    expect(proxy.events[0]).toMatchObject({ event: 'connected', server: `${name}:${port}` });
  });

  it.each(['socks5', 'socks6', 'http'])('of %s as a user', async (scheme) => {
    const port = await world.echo();
    const proxy = await world.proxy(users);
    const secret = encodeURIComponent('p:@/ä');
    const socket = open(`${scheme}://alice:${secret}@127.0.0.1:${proxy.port}`, port);
    socket.end('x');
    expect(await text(socket)).toBe('x');
    expect(proxy.events[0]).toMatchObject({ user: 'alice' });
    for (const wrong of ['alice:guess@', ''])
      expect(await errorOf(open(`${scheme}://${wrong}127.0.0.1:${proxy.port}`, port))).toMatchObject({
        code: 'ERR_SUBFLOW_PROXY_AUTHENTICATION',
      });
    expect(JSON.stringify(proxy.events)).not.toContain('p:@');
  });

  it.each(['socks5', 'socks6', 'http'])('of %s fails as it is told', async (scheme) => {
    const proxy = await world.proxy();
    const via = `${scheme}://127.0.0.1:${proxy.port}`;
    const closed = await world.closedPort();
    expect(await errorOf(open(via, closed))).toMatchObject({ code: 'ECONNREFUSED', port: closed });
    proxy.server.change({ rules: closedRules });
    expect(await errorOf(open(via, closed))).toMatchObject({ code: 'ERR_SUBFLOW_PROXY_NOT_ALLOWED' });
    const nobody = `${scheme}://127.0.0.1:${await world.closedPort()}`;
    expect(await errorOf(open(nobody, closed))).toMatchObject({
      ...{ code: 'ERR_SUBFLOW_PROXY_UNREACHABLE', cause: { code: 'ECONNREFUSED' } },
    });
    const echo = await world.echo();
    expect(await errorOf(open(`${scheme}://127.0.0.1:${echo}`, closed))).toMatchObject({
      code: 'ERR_SUBFLOW_PROXY_NO_ANSWER',
    });
    const silent = await world.server((socket) => socket.end());
    expect(await errorOf(open(`${scheme}://127.0.0.1:${silent}`, closed))).toMatchObject({
      code: 'ERR_SUBFLOW_PROXY_NO_ANSWER',
    });
  });

  it('goes through three one behind the other, with a large stream in both directions', async () => {
    const port = await world.echo();
    const [one, two, three] = [await world.proxy(), await world.proxy(), await world.proxy(users)];
    const secret = encodeURIComponent('p:@/ä');
    const via = `socks6://127.0.0.1:${one.port},http://127.0.0.1:${two.port},socks5://alice:${secret}@127.0.0.1:${three.port}`;
    const sent = Buffer.alloc(3_000_000, 'chain');
    const socket = open(via, port);
    socket.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    expect(one.events[0]).toMatchObject({ server: `127.0.0.1:${two.port}` });
    expect(three.events[0]).toMatchObject({ server: `127.0.0.1:${port}`, user: 'alice' });
  });

  it('ends when it is aborted, before and while the proxy is asked', async () => {
    const silent = await world.server((socket) => socket.resume());
    const controller = new AbortController();
    const socket = open(`socks5://127.0.0.1:${silent}`, 1, { signal: controller.signal });
    const error = errorOf(socket);
    setImmediate(() => controller.abort());
    expect(await error).toMatchObject({ name: 'AbortError' });
  });

  it.each([
    'socks4://127.0.0.1:1',
    'socks5://127.0.0.1:0',
    'socks5://127.0.0.1:70000',
    'socks5://a:secret@',
    'socks5://:secret@127.0.0.1:1',
    `socks5://a:${'s'.repeat(300)}@127.0.0.1:1`,
    'socks5://a:%zz@127.0.0.1:1',
    'converter://a:secret@127.0.0.1:1',
    'socks6://127.0.0.1:1?version=5',
    'http://127.0.0.1:1/path',
    'http://a%3ab',
    'http://a%3ab:secret@127.0.0.1:1',
    'socks5://[::ffff::1]:1',
    'socks5://[192.0.2.1]:1',
    'socks5://a:b@secret@127.0.0.1:1',
    'socks5://a:secret@127.0.0.1:1,b:secret@127.0.0.1:2',
    'socks5://127.0.0.1:1,http://a:secret@exa mple',
    '',
    '127.0.0.1:1',
    Array(9).fill('http://127.0.0.1:1').join(),
  ])('of %j is refused before anything is opened, and tells no secret', (via) => {
    let thrown: unknown;
    try {
      open(via, 1);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_SUBFLOW_BAD_PROXY' });
    expect((thrown as Error).message).not.toContain('secret');
  });

  it('is named once', () => {
    expect(() => open('socks5://127.0.0.1:1', 1, { converter: '127.0.0.1' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error,
    );
  });

  it('has the ports that are usual where none is named', () => {
    const ports = parseHops('a,socks5://a,socks6h://a,http://a').map(({ port }) => port);
    expect(ports).toEqual([5124, 1080, 1080, 80]);
  });
});

describeWith('connect through a converter and a proxy', [kernelMptcp()], () => {
  it('tells of the first what was found out, and goes around it from then on', async () => {
    const port = await world.echo();
    const converter = await world.converter();
    const proxy = await world.proxy();
    const via = `converter://127.0.0.1:${converter.port},socks5://127.0.0.1:${proxy.port}`;
    for (const converted of [{ way: 'converter' }, { way: 'direct', reason: 'server-is-multipath' }]) {
      const socket = open(via, port);
      socket.end('x');
      expect(await text(socket)).toBe('x');
      expect(socket.converted).toMatchObject(converted);
    }
    expect(converter.events.filter(({ event }) => event === 'connected')).toHaveLength(1);
  });
});
