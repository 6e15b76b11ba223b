import { once } from 'node:events';
import type http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Agent as UndiciAgent, fetch as undiciFetch, Pool, ProxyAgent } from 'undici';
import { selfSigned } from '../../../test/support/self-signed.js';
import { type Answer, tell, type WebServer, webServer } from '../../../test/support/web-server.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import { connector, fetchDispatcher, type ConnectorOptions, type FetchDispatcher } from './index.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function served(...setup: Parameters<typeof webServer>): Promise<WebServer> {
  const server = await webServer(...setup);
  open.push(() => server.close());
  return server;
}

/** Each undici with each fetch: a program may have its own, beside Node's. */
const undicis = [
  ["Node's own", undefined],
  ["the program's", UndiciAgent],
] as const;

function dispatcherWith(
  Agent: unknown,
  options: ConnectorOptions & { readonly pool?: Record<string, unknown> } = {},
): FetchDispatcher {
  const dispatcher = fetchDispatcher({ ...(Agent !== undefined && { Agent }), ...options });
  open.push(() => (dispatcher as unknown as UndiciAgent).destroy());
  return dispatcher;
}

async function ask(dispatcher: FetchDispatcher, url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, dispatcher });
  return (await response.json()) as Answer;
}

/** Why a fetch failed: it has a TypeError around it. */
async function failure(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    () => undefined,
    (error: { cause?: unknown }) => error.cause ?? error,
  );
}

describeWith('fetch', [kernelMptcp()], () => {
  it.each(undicis)(
    'goes over Multipath TCP, and keeps its connections, with %s undici',
    async (_name, Agent) => {
      const { port, sockets } = await served();
      // With more, undici opens a second one while it still has to do with the first.
      const dispatcher = dispatcherWith(Agent, { pool: { connections: 1 } });
      const url = `http://127.0.0.1:${port}/`;
      const first = await ask(dispatcher, `${url}a`);
      expect(first).toMatchObject({ url: '/a', isMultipath: true });
      expect(await ask(dispatcher, `${url}b`)).toMatchObject({ url: '/b', clientPort: first.clientPort });
      expect(sockets.length).toBe(1);
      const body = 'x'.repeat(200_000);
      expect(await ask(dispatcher, `${url}c`, { method: 'POST', body })).toMatchObject({
        method: 'POST',
        isMultipath: true,
        bodyBytes: body.length,
      });
    },
  );

  it("of undici's own takes the same dispatcher", async () => {
    const { port } = await served();
    const dispatcher = new UndiciAgent({ connect: connector() });
    open.push(() => dispatcher.destroy());
    const response = await undiciFetch(`http://localhost:${port}/x`, { dispatcher });
    expect(await response.json()).toMatchObject({ url: '/x', isMultipath: true });
  });

  it('has no more connections to a server than it may, with a thousand requests at once', async () => {
    const { port, sockets } = await served();
    const dispatcher = dispatcherWith(undefined, { pool: { connections: 50 } });
    const paths = Array.from({ length: 1000 }, (_, i) => `/${i}`);
    const answers = await Promise.all(
      paths.map((path) => ask(dispatcher, `http://127.0.0.1:${port}${path}`)),
    );
    expect(answers.map(({ url }) => url)).toEqual(paths);
    expect(answers.every(({ isMultipath }) => isMultipath)).toBe(true);
    expect(sockets.length).toBeLessThanOrEqual(50);
  }, 60_000);

  it('speaks plain TCP with service type none', async () => {
    const { port } = await served();
    const dispatcher = dispatcherWith(undefined, { serviceType: 'none' });
    expect(await ask(dispatcher, `http://127.0.0.1:${port}/`)).toMatchObject({ isMultipath: false });
  });

  it('opens another connection when the one in its pool died', async () => {
    const { port, sockets } = await served();
    const dispatcher = dispatcherWith(undefined);
    const url = `http://127.0.0.1:${port}/`;
    await ask(dispatcher, url);
    sockets[0]!.resetAndDestroy();
    await expect.poll(() => sockets[0]!.destroyed).toBe(true);
    // What the client hears of it may come after the next request left: GET may be sent again then, by who asks.
    const again = await ask(dispatcher, url).catch(() => ask(dispatcher, url));
    expect(again).toMatchObject({ isMultipath: true });
    expect(sockets.length).toBe(2);
  });

  it('fails with the error of the connection', async () => {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const dispatcher = dispatcherWith(undefined);
    expect(await failure(ask(dispatcher, `http://127.0.0.1:${port}/`))).toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });
  });

  it('fails when the server goes away in the middle of the answer', async () => {
    const { port } = await served((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.socket?.resetAndDestroy());
    });
    const response = await fetch(`http://127.0.0.1:${port}/`, { dispatcher: dispatcherWith(undefined) });
    expect(await failure(response.text())).toMatchObject({ code: expect.any(String) as string });
  });

  it('gives up when its signal says so, while it connects and after', async () => {
    const { port, sockets } = await served(() => undefined);
    const dispatcher = dispatcherWith(undefined);
    const url = `http://127.0.0.1:${port}/`;
    for (const untilConnected of [false, true]) {
      const control = new AbortController();
      const asked = failure(ask(dispatcher, url, { signal: control.signal }));
      if (untilConnected) await expect.poll(() => sockets.some(({ bytesRead }) => bytesRead > 0)).toBe(true);
      control.abort();
      expect(await asked).toMatchObject({ name: 'AbortError' });
    }
  });

  it('gives up connecting after its time', async () => {
    const slow = connector({ timeout: 20, lookup: () => undefined });
    const told = new Promise((done) =>
      slow({ hostname: 'nowhere.test', protocol: 'http:', port: '80' }, (...[error]) => done(error)),
    );
    expect(await told).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' });
  });
});

describeWith('fetch of https', [kernelMptcp()], () => {
  let identity: ReturnType<typeof selfSigned>;
  beforeAll(() => {
    identity = selfSigned();
  });

  it.each(undicis)('goes over Multipath TCP with %s undici', async (_name, Agent) => {
    const { port } = await served(tell, identity);
    const dispatcher = dispatcherWith(Agent, { ca: identity.cert });
    expect(await ask(dispatcher, `https://localhost:${port}/s`)).toMatchObject({
      url: '/s',
      isMultipath: true,
    });
  });

  it('resumes the session of a connection before', async () => {
    const { port } = await served((request, response) => {
      response.setHeader('connection', 'close');
      tell(request, response);
    }, identity);
    const dispatcher = dispatcherWith(undefined, { ca: identity.cert });
    const url = `https://localhost:${port}/`;
    const resumed = [(await ask(dispatcher, url)).isResumed, (await ask(dispatcher, url)).isResumed];
    expect(resumed).toEqual([false, true]);
  });

  it('refuses a server whose certificate it does not know', async () => {
    const { port } = await served(tell, identity);
    const dispatcher = dispatcherWith(undefined);
    expect(await failure(ask(dispatcher, `https://localhost:${port}/`))).toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it("goes through a proxy of undici's, whose connections are Multipath TCP", async () => {
    const { port } = await served(tell, identity);
    const proxy = await served();
    const seen: string[] = [];
    (proxy.server as http.Server).on('connect', (request: http.IncomingMessage, client: net.Socket) => {
      seen.push(request.url!);
      const upstream = net.connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    const connect = connector({ ca: identity.cert });
    const agent = new ProxyAgent({
      uri: `http://127.0.0.1:${proxy.port}`,
      clientFactory: (origin, options) => new Pool(origin, { ...options, connect } as never),
      requestTls: { ca: identity.cert },
    });
    open.push(() => agent.destroy());
    const response = await undiciFetch(`https://localhost:${port}/p`, { dispatcher: agent });
    expect(await response.json()).toMatchObject({ url: '/p' });
    expect(seen).toEqual([`localhost:${port}`]);
    expect(proxy.sockets[0]!.isMultipath).toBe(true);
  });
});

describe('the options of a connector', () => {
  it('have a time to connect that is not over at once where it is longer than timers take', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): number => warnings.push(name);
    process.on('warning', note);
    try {
      const place = { hostname: '127.0.0.1', port: 1, protocol: 'http:' };
      await new Promise<void>((done) => connector({ timeout: 1e12 })(place, () => done()));
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', note);
    }
  });

  it.each([
    [{ serviceType: 'sideways' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ transport: 'userspace' }, 'ERR_SUBFLOW_NO_USERSPACE_HOST'],
    [{ maxCachedSessions: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ Agent: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ pool: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ])('throw where it is made: %j', (options, code) => {
    expect(() => fetchDispatcher(options as ConnectorOptions)).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });

  it('are refused for what is no options', () => {
    expect(() => connector(null as unknown as ConnectorOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error,
    );
  });
});
