/** Many Multipath TCP connections of the kernel's between two hosts, each with two subflows, that carried a byte and stand idle. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKernel, listenKernel, SubflowList } from '../../src/linux/index.js';
import type { TwoPaths } from './two-paths.js';

const PORT = 7100;
/** Begun at a time: fewer than may wait to be accepted. */
const BATCH = 250;
/** How long all subflows may take to be there, in ms. */
const PATIENCE_MS = 120_000;
const LOOK_MS = 200;
const ESTABLISHED = 1;

export interface ManyConnections {
  /** The client's descriptors. */
  readonly fds: readonly number[];
  close(): void;
}

/** Makes `count` of them; it takes two descriptors for each. Rejects where subflows do not come up. */
export async function manyConnections({ client, server }: TwoPaths, count: number): Promise<ManyConnections> {
  client.ip('mptcp endpoint add 10.0.2.1 dev path2 subflow');
  const accepted: Socket[] = [];
  const listener = createServer((socket) => {
    // The client's kernel joins once the server has confirmed Multipath TCP (RFC 8684 §3.1).
    accepted.push(socket.on('error', () => undefined));
    socket.write('.');
  });
  listener.listen({ fd: listenKernel({ address: '0.0.0.0', port: PORT, backlog: 4096, namespace: server }) });
  await once(listener, 'listening');
  const fds: number[] = [];
  const close = (): void => {
    listener.close();
    for (const socket of accepted) socket.destroy();
    for (const fd of fds) closeSync(fd);
  };
  const until = Date.now() + PATIENCE_MS;
  try {
    while (fds.length < count) {
      const batch = Math.min(BATCH, count - fds.length);
      client.run(() => {
        for (let i = 0; i < batch; i++) fds.push(connectKernel({ address: '10.0.1.2', port: PORT }));
      });
      while (accepted.length < fds.length && Date.now() < until) await sleep(5);
    }
    while (subflowsOf(client) < 2 * count) {
      if (Date.now() > until) throw new Error('not every connection got its second subflow');
      await sleep(LOOK_MS);
    }
    return { fds, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** How many of them carry data. */
function subflowsOf(client: TwoPaths['client']): number {
  const list = client.run(() => new SubflowList());
  try {
    return list.read().filter(({ state }) => state === ESTABLISHED).length;
  } finally {
    list.close();
  }
}
