/** Machines whose kernel gives no Multipath TCP: programs run on over plain TCP, see it, and may refuse it. */
import { expect, it } from 'vitest';
import { runInNamespace, type ProgramOptions } from '../../test/support/program.js';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../linux/index.js';

const switchedOff = { sysctls: { 'net.mptcp.enabled': 0 } } as const;

/** Ways not to have it, and what is said of each. */
const ways: readonly (readonly [string, ProgramOptions, string])[] = [
  ['is switched off', switchedOff, 'switched off'],
  ['cannot be asked for, without foreign function calls', { isFfiMissing: true }, 'koffi'],
];

const echo = `
const server = subflow.createServer((socket) => socket.pipe(socket));
const port = await listening(server);
`;

describeWith('where Multipath TCP', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(ways)('%s, sockets and servers work over plain TCP, and say so', async (_name, options, reason) => {
    const said = await runInNamespace(
      `${echo}
      const taken = once(server, 'connection');
      const client = subflow.connect({ host: '127.0.0.1', port, serviceType: 'handover' });
      const heard = once(client, 'fallback');
      client.end('hello');
      let answer = '';
      client.on('data', (bytes) => (answer += bytes));
      const [cause] = await heard;
      const [socket] = await taken;
      const { multipath, isMultipath, subflows, transport } = client;
      const other = socket.multipath.fallback;
      await once(client, 'close');
      print({ answer, cause, multipath, isMultipath, subflows, transport, other, server: server.fallback });`,
      options,
    );
    const fallback = {
      cause: 'unavailable',
      isCertain: true,
      text: expect.stringContaining(reason) as string,
    };
    expect(said).toMatchObject({
      answer: 'hello',
      cause: 'unavailable',
      isMultipath: false,
      transport: 'kernel',
      multipath: { fallback, fallbackCause: 'unavailable' },
      subflows: [{ remoteAddress: '127.0.0.1', state: 'active' }],
      other: fallback,
      server: fallback,
    });
  });

  it.each(ways)('%s, HTTP and fetch go on', async (_name, options) => {
    const said = await runInNamespace(
      `const web = http.createServer((request, response) => response.end(request.url));
      subflow.listen(web, { host: 'localhost' });
      await once(web, 'listening');
      const { port } = web.address();
      const agent = new subflow.Agent({ keepAlive: true, serviceType: 'aggregate' });
      const [response] = await once(http.get({ agent, host: '127.0.0.1', port, path: '/a' }), 'response');
      let body = '';
      for await (const part of response) body += part;
      const dispatcher = subflow.fetchDispatcher();
      const fetched = await (await fetch('http://127.0.0.1:' + port + '/b', { dispatcher })).text();
      print({ body, fetched });`,
      options,
    );
    expect(said).toEqual({ body: '/a', fetched: '/b' });
  });

  it.each(ways)('%s, a program that demands it hears why not', async (_name, options) => {
    const said = await runInNamespace(
      `const thrown = (act) => {
        try {
          act();
        } catch ({ code, hint }) {
          return { code, hasHint: hint.length > 0 };
        }
      };
      print([
        thrown(() => subflow.connect({ port: 1, multipath: true })),
        thrown(() => subflow.connect({ port: 1, multipath: true, transport: 'kernel' })),
        thrown(() => subflow.createServer({ multipath: true })),
        thrown(() => new subflow.Agent({ multipath: true })),
        thrown(() => subflow.connector({ multipath: true })),
        thrown(() => subflow.listen(http.createServer(), { multipath: true })),
      ]);`,
      options,
    );
    const none = { code: 'ERR_SUBFLOW_NO_TRANSPORT', hasHint: true };
    const kernel = { code: 'ERR_SUBFLOW_NO_KERNEL_MPTCP', hasHint: true };
    expect(said).toEqual([none, kernel, none, none, none, none]);
  });

  it.each(ways)('%s, a socket binds, fails and is called off as any', async (_name, options) => {
    const said = await runInNamespace(
      `${echo}
      const codes = [];
      const client = subflow.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
      await once(client, 'connect');
      codes.push(client.localAddress);
      client.destroy();
      for (const options of [{ port: 1 }, { port, signal: AbortSignal.abort() }, { port, localAddress: '192.0.2.7' }]) {
        const socket = subflow.connect({ host: '127.0.0.1', ...options });
        const [error] = await once(socket, 'error');
        codes.push(error.code);
      }
      const taken = subflow.createServer();
      taken.listen(port, '127.0.0.1');
      codes.push((await once(taken, 'error'))[0].code);
      print(codes);`,
      options,
    );
    expect(said).toEqual(['127.0.0.2', 'ECONNREFUSED', 'ABORT_ERR', 'EADDRNOTAVAIL', 'EADDRINUSE']);
  });

  it('is switched off between the choice and the attempt, the attempt is plain TCP and says so', async () => {
    const said = await runInNamespace(
      `${echo}
      const client = subflow.connect({ host: '127.0.0.1', port });
      const demanding = subflow.connect({ host: '127.0.0.1', port, multipath: true });
      const other = subflow.createServer();
      other.listen(0, '127.0.0.1');
      sysctl('net.mptcp.enabled', 0);
      const [error] = await once(demanding, 'error');
      if (client.connecting) await once(client, 'connect');
      if (!other.listening) await once(other, 'listening');
      print([client.multipath.fallback.cause, error.code, error.syscall, other.fallback.cause]);`,
    );
    expect(said).toEqual(['unavailable', expect.stringMatching(/^E/), 'socket', 'unavailable']);
  });
});
