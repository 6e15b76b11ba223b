import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/self-signed.js';
import { type Answer, tell, type WebServer, webServer } from '../../../test/support/web-server.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import { closedRules, ConverterServer } from '../index.js';
import { Agent, HttpsAgent, type AgentOptions } from './index.js';
import type { Socket } from '../socket.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function agentWith(options: AgentOptions): Agent {
  const agent = new Agent(options);
  open.push(() => agent.destroy());
  return agent;
}

async function served(...setup: Parameters<typeof webServer>): Promise<WebServer> {
  const server = await webServer(...setup);
  open.push(() => server.close());
  return server;
}

type RequestOptions = http.RequestOptions & { readonly body?: string };

/** Sends a request, and gives what the server tells; fails as the request does. */
function ask(options: RequestOptions, via: typeof http | typeof https = http): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const request = via.request({ host: '127.0.0.1', ...rest }, (response) => {
      text(response).then((all) => resolve(JSON.parse(all) as Answer), reject);
    });
    request.on('error', reject).end(body);
  });
}

describeWith('an agent for HTTP', [kernelMptcp()], () => {
  it('carries requests over Multipath TCP, and keeps the connection for the next', async () => {
    const { port } = await served();
    const agent = agentWith({ keepAlive: true });
    const first = await ask({ agent, port, method: 'POST', path: '/a', body: 'x'.repeat(100_000) });
    expect(first).toMatchObject({ method: 'POST', url: '/a', isMultipath: true, bodyBytes: 100_000 });
    const second = await ask({ agent, port, path: '/b' });
    expect(second).toMatchObject({ url: '/b', clientPort: first.clientPort });
  });

  it.each([Agent, HttpsAgent])("takes null for no options, as Node's own does: %o", (AgentClass) => {
    const agent = new AgentClass(null);
    expect(agent.maxFreeSockets).toBe(new AgentClass().maxFreeSockets);
    agent.destroy();
  });

  it('ends a connection with its request when it keeps none', async () => {
    const { port } = await served();
    const agent = agentWith({ keepAlive: false });
    const ports = [await ask({ agent, port }), await ask({ agent, port })].map((each) => each.clientPort);
    expect(new Set(ports).size).toBe(2);
  });

  it('has no more connections to a server than it may, and the rest of the requests wait', async () => {
    const { port, sockets } = await served();
    const agent = agentWith({ keepAlive: true, maxSockets: 3 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ agent, port })));
    expect(answers.every(({ isMultipath }) => isMultipath)).toBe(true);
    expect(sockets.length).toBe(3);
  });

  it('carries a thousand requests at once', async () => {
    const { port, sockets } = await served();
    const agent = agentWith({ keepAlive: true, maxSockets: 100 });
    const paths = Array.from({ length: 1000 }, (_, i) => `/${i}`);
    const answers = await Promise.all(paths.map((path) => ask({ agent, port, path })));
    expect(answers.map(({ url }) => url)).toEqual(paths);
    expect(sockets.length).toBe(100);
  }, 60_000);

  it('opens another connection when the one in its pool died', async () => {
    const { port, sockets } = await served();
    const agent = agentWith({ keepAlive: true });
    const first = await ask({ agent, port });
    await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(1);
    sockets[0]!.resetAndDestroy();
    await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(0);
    const second = await ask({ agent, port });
    expect(second.clientPort).not.toBe(first.clientPort);
  });

  it('fails the request as Node does when the server goes away in the middle of it', async () => {
    const { port } = await served((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => (response.socket as unknown as Socket).resetAndDestroy());
    });
    const agent = agentWith({ keepAlive: true });
    await expect(ask({ agent, port })).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => (agent as unknown as { totalSocketCount: number }).totalSocketCount).toBe(0);
  });

  it('fails the request when nobody listens, with the code of net', async () => {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    await expect(ask({ agent: agentWith({}), port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      port,
    });
  });

  it('gives up a connection when its request is called off', async () => {
    const { port, sockets } = await served(() => undefined);
    const agent = agentWith({ keepAlive: true });
    const control = new AbortController();
    const asked = ask({ agent, port, signal: control.signal });
    await expect.poll(() => sockets.length).toBe(1);
    control.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => sockets[0]!.destroyed).toBe(true);
    const early = AbortSignal.abort();
    await expect(ask({ agent, port, signal: early })).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => (agent as unknown as { totalSocketCount: number }).totalSocketCount).toBe(0);
  });

  it('times out as Node does', async () => {
    const { port } = await served(() => undefined);
    const request = http.get({ agent: agentWith({ timeout: 30 }), host: '127.0.0.1', port });
    request.on('error', () => undefined);
    await once(request, 'timeout');
    request.destroy();
  });

  it('takes headers of many kilobytes', async () => {
    const { port } = await served();
    const headers = { 'x-long': 'h'.repeat(12_000) };
    expect(await ask({ agent: agentWith({}), port, headers })).toMatchObject({ isMultipath: true });
  });

  it('speaks plain TCP with service type none, and tells so', async () => {
    const { port } = await served();
    expect(await ask({ agent: agentWith({ serviceType: 'none' }), port })).toMatchObject({
      isMultipath: false,
    });
  });

  it('lets requests choose, and does not mix their connections', async () => {
    const { port } = await served();
    const agent = agentWith({ keepAlive: true });
    const plain = { serviceType: 'none' } as RequestOptions;
    const answers = [
      await ask({ agent, port }),
      await ask({ agent, port, ...plain }),
      await ask({ agent, port }),
      await ask({ agent, port, ...plain }),
    ];
    expect(answers.map(({ isMultipath }) => isMultipath)).toEqual([true, false, true, false]);
    expect(new Set(answers.map(({ clientPort }) => clientPort)).size).toBe(2);
  });

  it('fails the request whose own choices cannot be, and no other', async () => {
    const { port } = await served();
    const agent = agentWith({ keepAlive: true, maxSockets: 1 });
    const wrong = { serviceType: 'sideways' } as unknown as RequestOptions;
    const [good, bad] = await Promise.allSettled([ask({ agent, port }), ask({ agent, port, ...wrong })]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SUBFLOW_UNKNOWN_NAME' } });
  });

  it('goes through a converter', async () => {
    const plain = http.createServer(tell).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const rules = { ...closedRules, allowLoopback: true };
    const converter = await ConverterServer.start({ port: 0, rules });
    open.push(
      () => plain.close(),
      () => converter.close(),
    );
    const { port: converterPort } = converter.address;
    const agent = agentWith({ keepAlive: true, converter: `127.0.0.1:${converterPort}` });
    const request = http.get({ agent, host: '127.0.0.1', port: (plain.address() as AddressInfo).port });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await text(response);
    expect((request.socket as unknown as Socket).converted?.way).toBe('converter');
  });
});

describeWith('an agent for HTTPS', [kernelMptcp()], () => {
  let identity: ReturnType<typeof selfSigned>;
  beforeAll(() => {
    identity = selfSigned();
  });

  function secureAgent(options: ConstructorParameters<typeof HttpsAgent>[0] = {}): HttpsAgent {
    const agent = new HttpsAgent({ ca: identity.cert, ...options });
    open.push(() => agent.destroy());
    return agent;
  }

  it('carries requests over Multipath TCP, and keeps the connection for the next', async () => {
    const { port } = await served(tell, identity);
    const agent = secureAgent({ keepAlive: true });
    const first = await ask({ agent, host: 'localhost', port, path: '/a' }, https);
    const second = await ask({ agent, host: 'localhost', port, path: '/b' }, https);
    expect([first, second]).toMatchObject([
      { url: '/a', isMultipath: true },
      { url: '/b', clientPort: first.clientPort },
    ]);
  });

  it('resumes the session of a connection before', async () => {
    const { port } = await served(tell, identity);
    const agent = secureAgent({ keepAlive: false });
    const first = await ask({ agent, host: 'localhost', port }, https);
    const second = await ask({ agent, host: 'localhost', port }, https);
    expect([first.isResumed, second.isResumed]).toEqual([false, true]);
  });

  it('refuses a server whose certificate it does not know, or of another name', async () => {
    const { port } = await served(tell, identity);
    await expect(
      ask({ agent: secureAgent({ ca: [] }), host: 'localhost', port }, https),
    ).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    await expect(
      ask(
        { agent: secureAgent(), host: 'localhost', port, servername: 'other.test' } as RequestOptions,
        https,
      ),
    ).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('shows the subflows of its sockets, which are those of tls', async () => {
    const { port } = await served(tell, identity);
    const request = https.get({ agent: secureAgent(), host: 'localhost', port });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const socket = request.socket as unknown as Socket & { encrypted: boolean };
    expect([socket.encrypted, socket.isMultipath, socket.transport]).toEqual([true, true, 'kernel']);
    expect(socket.subflows).toMatchObject([{ remotePort: port, state: 'active' }]);
    expect(socket.multipath).toMatchObject({ version: 1, fallback: undefined });
    await text(response);
  });

  it('fails the request when nobody listens, and when the server is none of TLS', async () => {
    const agent = secureAgent();
    await expect(ask({ agent, host: 'localhost', port: 1 }, https)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    const { port } = await served();
    await expect(ask({ agent, host: 'localhost', port }, https)).rejects.toHaveProperty('code');
  });
});

describe('the name of a pool', () => {
  const nameOf = (options: object): string => new Agent().getName({ host: 'a', port: 1, ...options });

  it('is the same for the same proxies, another for others, and tells none of their passwords', () => {
    const via = 'socks5://alice:secret@127.0.0.1:1080';
    const name = nameOf({ via });
    expect(name).toBe(nameOf({ via }));
    expect(name).not.toBe(nameOf({ via: via.replace('secret', 'terces') }));
    expect(name).not.toBe(nameOf({}));
    expect(name).not.toMatch(/alice|secret/);
  });
});

describe('the options of an agent', () => {
  it.each([
    [{ serviceType: 'sideways' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ transport: 'tcp' }, 'ERR_INVALID_ARG_VALUE'],
    [{ transport: 'userspace' }, 'ERR_SUBFLOW_NO_USERSPACE_HOST'],
    [{ converter: 'nowhere:0' }, 'ERR_SUBFLOW_BAD_CONVERTER'],
    [{ fastOpen: 'perhaps' }, 'ERR_INVALID_ARG_TYPE'],
    [{ path: '/run/socket' }, 'ERR_INVALID_ARG_VALUE'],
  ])('throw where the agent is made: %j', (options, code) => {
    for (const Class of [Agent, HttpsAgent])
      expect(() => new Class(options as AgentOptions)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
