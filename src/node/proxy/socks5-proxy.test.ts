/** SOCKS 5 against the real server, in bytes written by hand. */
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { portHex, ProxyWorld, textHex } from '../../../test/support/proxy-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import { closedRules, DirectUpstream, TunnelUpstream, parseHops } from '../index.js';

const world = new ProxyWorld();
afterEach(() => world.close());

const greeting = '05 01 00';
const toLocal = (port: number): string => `05 01 00 01 7f000001 ${portHex(port)}`;
const toName = (name: string, port: number): string =>
  `05 01 00 03 ${Buffer.of(name.length).toString('hex')} ${textHex(name)} ${portHex(port)}`;

/** A look-up that knows a few names. */
const lookup = (names: Record<string, string[]>) =>
  ((name: string, _options: unknown, done: (...args: unknown[]) => void) => {
    const found = (names[name] ?? []).map((address) => ({ address, family: net.isIP(address) }));
    done(found.length === 0 ? Object.assign(new Error('no'), { code: 'ENOTFOUND' }) : null, found);
  }) as never;

describe('a proxy of SOCKS 5', () => {
  it('lets nobody in, and goes on, where it could not be found out whether a password is right', async () => {
    const { port } = await world.proxy({ authenticate: () => Promise.reject(new Error('no memory')) });
    for (let i = 0; i < 2; i++) {
      const client = await world.client(port);
      expect(await client.send('05 01 02 01 01 61 01 62').read(4)).toBe('05020101');
    }
  });

  it('connects to an address, says from where, and relays until both have ended', async () => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    expect(await client.send(greeting).read(2)).toBe('0500');
    expect(await client.send(toLocal(port)).read(10)).toMatch(/^050000017f000001(?!0000)[0-9a-f]{4}$/);
    expect(await client.send(textHex('hello')).read(5)).toBe(textHex('hello'));
    client.socket.end();
    expect(await client.rest()).toEqual({ bytes: '', how: 'end' });
    await expect.poll(() => proxy.events.map(({ event }) => event)).toEqual(['connected', 'closed']);
    expect(proxy.events[1]).toMatchObject({
      ...{ protocol: 'socks5', way: 'direct', outcome: 'ended', clientBytes: 5, serverBytes: 5 },
      server: `127.0.0.1:${port}`,
    });
  });

  it('takes everything in one packet, and hands on what follows the request', async () => {
    const port = await world.echo();
    const { port: at } = await world.proxy();
    const client = await world.client(at);
    client.send(`${greeting} ${toLocal(port)} ${textHex('early')}`);
    expect(await client.read(2)).toBe('0500');
    expect((await client.read(10)).slice(0, 4)).toBe('0500');
    expect(await client.read(5)).toBe(textHex('early'));
  });

  it('takes everything byte by byte', async () => {
    const port = await world.echo();
    const { port: at } = await world.proxy();
    const client = await world.client(at);
    client.socket.setNoDelay(true);
    for (const byte of `050100 ${toLocal(port)} ${textHex('x')}`.replace(/\s/g, '').match(/../g)!) {
      client.send(byte);
      await new Promise((done) => setImmediate(done));
    }
    expect((await client.read(12)).slice(0, 8)).toBe('05000500');
    expect(await client.read(1)).toBe(textHex('x'));
  });

  it('looks names up, and tries one address after the other', async () => {
    const port = await world.echo('tcp', '127.0.0.1');
    const upstreamNames = { 'two.example': ['127.0.0.2', '127.0.0.1'] };
    const { port: at, server } = await world.proxy();
    server.change({ upstream: new DirectUpstream({ lookup: lookup(upstreamNames) }) });
    const client = await world.client(at);
    await client.send(greeting).read(2);
    expect((await client.send(toName('two.example', port)).read(10)).slice(0, 4)).toBe('0500');
    expect(await client.send('61').read(1)).toBe('61');
  });

  it.each([
    ['of this machine', { 'x.example': ['127.0.0.1'] }],
    ['private', { 'x.example': ['10.1.2.3', 'fd00::1'] }],
    ['of this machine in disguise', { 'x.example': ['::ffff:127.0.0.1', '::'] }],
  ])('refuses a name whose addresses are %s (reply 2)', async (_, names) => {
    const upstream = new DirectUpstream({ lookup: lookup(names) });
    const { port: at, events } = await world.proxy({ rules: closedRules, upstream });
    const client = await world.client(at);
    await client.send(greeting).read(2);
    expect(await client.send(toName('x.example', 80)).rest()).toEqual({
      ...{ bytes: '05020001000000000000', how: 'end' },
    });
    client.socket.end();
    await expect.poll(() => events).toMatchObject([{ event: 'closed', error: 'not-allowed' }]);
  });

  it('tries of a name only the addresses that are allowed', async () => {
    const upstream = new DirectUpstream({ lookup: lookup({ 'x.example': ['10.0.0.1', '127.0.0.1'] }) });
    const port = await world.echo();
    const { port: at } = await world.proxy({ upstream });
    const client = await world.client(at);
    await client.send(greeting).read(2);
    expect((await client.send(toName('x.example', port)).read(10)).slice(0, 4)).toBe('0500');
  });

  it.each([
    ['an address of this machine that is not allowed', '05 01 00 01 7f000001 0050', '02'],
    ['a private address', '05 01 00 01 0a000001 0050', '02'],
    ['BIND', '05 02 00 01 01010101 0050', '07'],
    ['an unknown command', '05 09 00 01 01010101 0050', '07'],
    ['an unknown type of address', '05 01 00 02 01010101 0050', '08'],
    ['a reserved byte', '05 01 01 01 01010101 0050', '01'],
    ['port 0', '05 01 00 01 01010101 0000', '01'],
  ])('refuses %s', async (_, request, code) => {
    const { port: at } = await world.proxy({ rules: closedRules });
    const client = await world.client(at);
    await client.send(greeting).read(2);
    expect((await client.send(request).rest()).bytes).toBe(`05${code}0001000000000000`);
  });

  it('says that nobody listens there (reply 5), and that a name leads nowhere (reply 4)', async () => {
    const { port: at } = await world.proxy();
    const refused = await world.client(at);
    await refused.send(greeting).read(2);
    expect((await refused.send(toLocal(await world.closedPort())).rest()).bytes.slice(0, 4)).toBe('0505');
    const unknown = await world.client(at);
    await unknown.send(greeting).read(2);
    expect((await unknown.send(toName('nowhere.invalid', 80)).rest()).bytes.slice(0, 4)).toBe('0504');
  });

  it.each([
    ['another version', '04 01 0050 01010101 00'],
    ['no method', '05 00'],
    ['a TLS hello', '16 03 01 02 00'],
    ['zeros', '00 00 00 00'],
  ])('resets who says %s', async (_, bytes) => {
    const { port: at, events } = await world.proxy();
    const client = await world.client(at);
    expect(await client.send(bytes).rest()).toEqual({ bytes: '', how: 'ECONNRESET' });
    await expect.poll(() => events).toMatchObject([{ event: 'closed', outcome: 'failed' }]);
  });

  it('takes no method but that without a user (0xff)', async () => {
    const { port: at } = await world.proxy();
    const client = await world.client(at);
    expect((await client.send('05 02 01 02').rest()).bytes).toBe('05ff');
  });

  it('hands resets on, in both directions', async () => {
    const { port: at, events } = await world.proxy();
    const port = await world.server((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const client = await world.client(at);
    await client.send(greeting).read(2);
    await client.send(toLocal(port)).read(10);
    expect((await client.send('61').rest()).how).toBe('ECONNRESET');
    await expect.poll(() => events.at(-1)).toMatchObject({ outcome: 'server-reset' });
    const reset = new Promise((done) => {
      void world
        .server((socket) => socket.once('error', (error: NodeJS.ErrnoException) => done(error.code)).resume())
        .then(async (silent) => {
          const other = await world.client(at);
          await other.send(greeting).read(2);
          await other.send(toLocal(silent)).read(10);
          other.socket.resetAndDestroy();
        });
    });
    expect(await reset).toBe('ECONNRESET');
  });

  it('goes through another proxy, and tells what that says', async () => {
    const port = await world.echo();
    const further = await world.proxy();
    const upstream = new TunnelUpstream(parseHops(`socks5://127.0.0.1:${further.port}`));
    const { port: at } = await world.proxy({ upstream });
    const client = await world.client(at);
    client.send(`${greeting} ${toLocal(port)} ${textHex('early')}`);
    expect((await client.read(12)).slice(0, 8)).toBe('05000500');
    expect(await client.read(5)).toBe(textHex('early'));
    const refused = await world.client(at);
    await refused.send(greeting).read(2);
    expect((await refused.send(toLocal(await world.closedPort())).rest()).bytes.slice(0, 4)).toBe('0505');
    further.server.change({ rules: closedRules });
    const forbidden = await world.client(at);
    await forbidden.send(greeting).read(2);
    expect((await forbidden.send(toLocal(port)).rest()).bytes.slice(0, 4)).toBe('0502');
  });

  it('says a general failure (reply 1) where its upstream is not there', async () => {
    const upstream = new TunnelUpstream(parseHops(`socks5://127.0.0.1:${await world.closedPort()}`));
    const { port: at, events } = await world.proxy({ upstream });
    const client = await world.client(at);
    await client.send(greeting).read(2);
    expect((await client.send(toLocal(80)).rest()).bytes.slice(0, 4)).toBe('0501');
    client.socket.end();
    await expect
      .poll(() => events)
      .toMatchObject([{ error: 'upstream-failed', reason: 'ERR_SUBFLOW_PROXY_UNREACHABLE' }]);
  });
});

describeWith('a proxy with a converter', [kernelMptcp()], () => {
  it('goes through a converter, which is told an address', async () => {
    const port = await world.echo();
    const converter = await world.converter();
    const upstream = new TunnelUpstream(parseHops(`127.0.0.1:${converter.port}`));
    const { port: at, events } = await world.proxy({ upstream });
    const client = await world.client(at);
    client.send(`${greeting} ${toLocal(port)} ${textHex('early')}`);
    expect((await client.read(12)).slice(0, 8)).toBe('05000500');
    expect(await client.read(5)).toBe(textHex('early'));
    expect(events[0]).toMatchObject({ way: `converter://127.0.0.1:${converter.port}` });
    expect(converter.events).toMatchObject([{ event: 'connected', server: `127.0.0.1:${port}` }]);
  });
});
