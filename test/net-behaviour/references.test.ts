/**
 * What keeps a process alive: a socket and a server do, unless they are told not to. And the one ending that differs: Linux lets a peer go on
 * writing to a socket that was destroyed, for a while.
 */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces } from '../../src/linux/index.js';
import { runInNamespace } from '../support/program.js';
import { describeWith } from '../support/with-rights.js';

/** The process ends by itself, with what it says at its end, or is ended after a while, which it says. */
const program = (side: string, act: string): string => `
const { connect, createServer } = ${side === 'node' ? 'net' : 'subflow'};
process.once('exit', (status) => {
  if (status === 0) process.stdout.write(JSON.stringify('ended by itself'));
});
const server = createServer((socket) => socket.unref().on('error', () => undefined));
const port = await listening(server);
server.unref();
const client = connect({ host: '127.0.0.1', port });
client.on('error', () => undefined);
await once(client, 'connect');
const patience = setTimeout(() => {
  process.stdout.write(JSON.stringify('still held'));
  process.exit(1);
}, 1000);
patience.unref();
const held = setTimeout(() => undefined, 1500);
held.unref();
${act}
`;

const acts: readonly (readonly [string, string, string])[] = [
  ['a socket that is connected', '', 'still held'],
  ['a socket without a reference', 'client.unref();', 'ended by itself'],
  ['a socket that is referenced again', 'client.unref().ref();', 'still held'],
  ['a server', 'client.unref(); server.ref();', 'still held'],
  ['a socket that is destroyed', 'client.destroy();', 'ended by itself'],
];

describeWith('as with node:net, the process and', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(acts)('%s', async (_name, act, expected) => {
    for (const side of ['node', 'ours'])
      expect([side, await runInNamespace(program(side, act))]).toEqual([side, expected]);
  });
});

describeWith('unlike with node:net, a server', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('in a worker of node:cluster says that it cannot be', async () => {
    const said = await runInNamespace(
      `const { default: cluster } = await import('node:cluster');
      if (cluster.isPrimary) {
        const worker = cluster.fork();
        const [codes] = await once(worker, 'message');
        worker.process.kill();
        print(codes);
      } else {
        const code = async (server) => (await once(server, 'error'))[0].code;
        const own = code(subflow.createServer().listen(0));
        const web = code(subflow.listen(http.createServer(), {}).on('error', () => undefined));
        process.send(await Promise.all([own, web]));
      }`,
    );
    expect(said).toEqual(['ERR_SUBFLOW_UNSUPPORTED', 'ERR_SUBFLOW_UNSUPPORTED']);
  });
});

describeWith('unlike with node:net, a peer', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('that writes to a socket that was destroyed hears of it once net.mptcp.close_timeout is over', async () => {
    const said = await runInNamespace(
      `const server = subflow.createServer({ allowHalfOpen: true });
      const port = await listening(server);
      const client = subflow.connect({ host: '127.0.0.1', port });
      const [peer] = await once(server, 'connection');
      peer.resume().write('hello');
      await once(client, 'data');
      client.destroy();
      await once(peer, 'end');
      const failed = once(peer, 'error');
      const timer = setInterval(() => peer.write('more'), 10);
      const [error] = await failed;
      clearInterval(timer);
      print(error.code);`,
      { sysctls: { 'net.mptcp.close_timeout': 1 } },
    );
    expect(['EPIPE', 'ECONNRESET']).toContain(said);
  });

  it('hears at once of a socket that was reset', async () => {
    const said = await runInNamespace(
      `const server = subflow.createServer({ allowHalfOpen: true });
      const port = await listening(server);
      const client = subflow.connect({ host: '127.0.0.1', port });
      const [peer] = await once(server, 'connection');
      peer.resume();
      const failed = once(peer, 'error');
      client.resetAndDestroy();
      print((await failed)[0].code);`,
    );
    expect(said).toBe('ECONNRESET');
  });
});
