import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  maxMetricsConnections,
  parseListen,
  startMetricsServer,
  type MetricsSource,
} from './metrics-server.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const fine: MetricsSource = {
  metrics: () => '# TYPE up gauge\nup 1\n',
  health: () => ({ isHealthy: true, said: 'all is well' }),
};

/** A server on a port of loopback, closed with the test. */
async function serve(source: Partial<MetricsSource> = {}): Promise<string> {
  const server = await startMetricsServer('127.0.0.1:0', { ...fine, ...source });
  cleanUps.push(() => server.close());
  return server.address;
}

/** Status, content type and text of an answer. */
async function ask(address: string, path: string, method = 'GET'): Promise<[number, string, string]> {
  const asked = request(`http://${address}${path}`, { method, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return [response.statusCode!, String(response.headers['content-type']), text];
}

describe('the server of metrics', () => {
  it('gives metrics in the text format of Prometheus, and health in a sentence', async () => {
    const address = await serve();
    expect(await ask(address, '/metrics')).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      '# TYPE up gauge\nup 1\n',
    ]);
    expect(await ask(address, '/healthz?verbose')).toEqual([
      200,
      'text/plain; charset=utf-8',
      'all is well\n',
    ]);
    expect((await ask(address, '/metrics', 'HEAD')).at(2)).toBe('');
  });

  it('says so when all is not well, and when metrics cannot be had', async () => {
    const address = await serve({
      metrics: () => Promise.reject(new Error('secret detail')),
      health: () => ({ isHealthy: false, said: 'the data path is gone' }),
    });
    expect(await ask(address, '/healthz')).toEqual([
      503,
      'text/plain; charset=utf-8',
      'the data path is gone\n',
    ]);
    const [status, , text] = await ask(address, '/metrics');
    expect([status, text]).toEqual([503, 'the metrics cannot be had now\n']);
  });

  it('knows two paths and two methods', async () => {
    const address = await serve();
    expect((await ask(address, '/'))[0]).toBe(404);
    expect((await ask(address, '/metrics', 'POST'))[0]).toBe(405);
  });

  it('makes one answer at a time, whoever asks', async () => {
    let made = 0;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const address = await serve({
      metrics: async () => {
        made++;
        await held;
        return 'up 1\n';
      },
    });
    const answers = [1, 2, 3].map(() => ask(address, '/metrics'));
    while (made === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    for (const [status] of await Promise.all(answers)) expect(status).toBe(200);
    expect(made).toBe(1);
    expect((await ask(address, '/metrics'))[0]).toBe(200);
    expect(made).toBe(2);
  });

  it('closes connections beyond its limit, and those that never make a request', async () => {
    const address = await serve();
    const port = Number(address.split(':')[1]);
    const sockets = Array.from({ length: maxMetricsConnections + 1 }, () =>
      net.connect(port, '127.0.0.1').on('error', () => undefined),
    );
    cleanUps.push(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.resume();
    const last = sockets.at(-1)!;
    if (!last.destroyed) await once(last, 'close');
    expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(maxMetricsConnections);
    // The rest say nothing, and go as their time is over.
    sockets[0]!.write('GET /metrics HTTP/1.1\r\nhost');
    await Promise.all(sockets.filter(({ destroyed }) => !destroyed).map((socket) => once(socket, 'close')));
    expect((await ask(address, '/metrics'))[0]).toBe(200);
  });

  it('survives what is no HTTP', async () => {
    const address = await serve();
    const socket = net.connect(Number(address.split(':')[1]), '127.0.0.1').on('error', () => undefined);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume().end(Buffer.alloc(100_000, 0xff));
    await closed;
    expect((await ask(address, '/metrics'))[0]).toBe(200);
  });

  it('ends with its connections', async () => {
    const server = await startMetricsServer(':0', fine);
    expect(server.address).toMatch(/^127\.0\.0\.1:/);
    const socket = net
      .connect(Number(server.address.split(':')[1]), '127.0.0.1')
      .on('error', () => undefined);
    await once(socket, 'connect');
    await server.close();
    await once(socket.resume(), 'close');
  });

  it('listens on loopback unless the configuration names another address', async () => {
    expect(parseListen('9464')).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(parseListen(':9464')).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(parseListen('192.0.2.1:9464')).toEqual({ host: '192.0.2.1', port: 9464 });
    expect(parseListen('[2001:db8::1]:9464')).toEqual({ host: '2001:db8::1', port: 9464 });
    for (const text of [
      '',
      'metrics',
      'example.org:9464',
      '*:9464',
      '1.2.3.4:70000',
      '[1.2.3.4]:1',
      '::1:9464',
    ])
      expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_LISTEN' }));
    await expect(startMetricsServer('192.0.2.1:9464', fine)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});
