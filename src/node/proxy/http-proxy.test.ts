/** HTTP CONNECT against the real server, in bytes written by hand. */
import { afterEach, describe, expect, it } from 'vitest';
import { ProxyWorld } from '../../../test/support/proxy-world.js';
import { closedRules, parseHops, TunnelUpstream } from '../index.js';

const world = new ProxyWorld();
afterEach(() => world.close());

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (digits: string): string => Buffer.from(digits, 'hex').toString('latin1');
const established = 'HTTP/1.1 200 Connection established\r\n\r\n';
const connectTo = (place: string, ...fields: string[]): string =>
  [`CONNECT ${place} HTTP/1.1`, `Host: ${place}`, ...fields, '', ''].join('\r\n');

/** Says something, and gives everything that comes until the end. */
async function ask(port: number, said: string): Promise<string> {
  const client = await world.client(port);
  const { bytes } = await client.send(ascii(said)).rest();
  client.socket.end();
  return text(bytes);
}

describe('a proxy of HTTP CONNECT', () => {
  it('connects, and relays what follows the head at once', async () => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.send(ascii(`${connectTo(`127.0.0.1:${port}`)}early`));
    expect(text(await client.read(established.length + 5))).toBe(`${established}early`);
    client.socket.end();
    expect(await client.rest()).toEqual({ bytes: '', how: 'end' });
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ protocol: 'http', outcome: 'ended' });
  });

  it.each([
    [
      'another method',
      'GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n',
      /^HTTP\/1\.1 405 .*\r\nAllow: CONNECT\r\n/,
    ],
    ['a target without a port', connectTo('example.org'), /^HTTP\/1\.1 400 /],
    ['content', connectTo('example.org:80', 'Content-Length: 1'), /^HTTP\/1\.1 400 /],
    [
      'two ways to end a line',
      `${connectTo('example.org:80')}`.replace('\r\nHost', '\nHost'),
      /^HTTP\/1\.1 400 /,
    ],
    ['a head that is too long', connectTo('example.org:80', `X: ${'y'.repeat(9000)}`), /^HTTP\/1\.1 431 /],
    ['HTTP/2.0', 'CONNECT example.org:80 HTTP/2.0\r\n\r\n', /^HTTP\/1\.1 505 /],
    ['this machine', connectTo('127.0.0.1:80'), /^HTTP\/1\.1 403 .*error=destination_ip_prohibited/s],
    ['a private address', connectTo('[fd00::1]:80'), /^HTTP\/1\.1 403 /],
  ])('refuses %s, and closes', async (_, said, answer) => {
    const proxy = await world.proxy({ rules: closedRules });
    expect(await ask(proxy.port, said)).toMatch(answer);
  });

  it('tells why a server could not be had (RFC 9209 §2.3)', async () => {
    const { port } = await world.proxy();
    const refused = await ask(port, connectTo(`127.0.0.1:${await world.closedPort()}`));
    expect(refused).toMatch(/^HTTP\/1\.1 502 .*\r\nProxy-Status: subflow; error=connection_refused\r\n/);
    expect(await ask(port, connectTo('nowhere.invalid:80'))).toMatch(/^HTTP\/1\.1 502 .*error=dns_error/s);
  });

  it('answers one request, whatever is pipelined behind one that it refuses', async () => {
    const { port } = await world.proxy();
    const twice = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2);
    expect((await ask(port, twice)).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('goes through another proxy of HTTP, which is told names as they are', async () => {
    const port = await world.echo();
    const further = await world.proxy();
    const upstream = new TunnelUpstream(parseHops(`http://127.0.0.1:${further.port}`));
    const near = await world.proxy({ upstream });
    const client = await world.client(near.port);
    client.send(ascii(`${connectTo(`localhost:${port}`)}early`));
    expect(text(await client.read(established.length + 5))).toBe(`${established}early`);
    expect(further.events[0]).toMatchObject({ server: `localhost:${port}`, protocol: 'http' });
    expect(await ask(near.port, connectTo(`127.0.0.1:${await world.closedPort()}`))).toMatch(
      /^HTTP\/1\.1 502 .*error=connection_refused/s,
    );
  });

  it.each([
    'localhost:80',
    'LOCALHOST.:80',
    'x.localhost:80',
    'ip6-loopback:80',
    '127.1:80',
    '2130706433:80',
    '0x7f.1:80',
    '0x7f000001:80',
  ])('does not hand %s on where loopback is not allowed', async (place) => {
    const upstream = new TunnelUpstream(parseHops('http://127.0.0.1:9'));
    const { port } = await world.proxy({ upstream, rules: closedRules });
    expect(await ask(port, connectTo(place))).toMatch(/^HTTP\/1\.1 403 /);
  });
});
