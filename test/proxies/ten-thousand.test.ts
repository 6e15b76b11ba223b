import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { askFor, RelayProcess, spawnEcho } from '../support/relay-process.js';

const WANTED = 10_000;
/** Descriptors of a relay's process beside two for each connection. */
const OTHER_DESCRIPTORS = 800;
/** Memory of the process for a connection that is set up and has nothing to carry. */
const MAX_IDLE_BYTES = 20_000;
/** Connections that carry something while all others are there, and how much. */
const BUSY = 100;
const BUSY_BYTES = 200_000;
/** Being set up at a time, and addresses that they come from: a relay has limits for each. */
const BATCH = 250;
const ADDRESSES = 50;

const ended: (() => void)[] = [];
afterAll(() => {
  for (const end of ended.reverse()) end();
});

/** As many as the descriptors that a process may have allow. */
function affordable(): number {
  const [, hard] = /Max open files\s+\d+\s+(\d+|unlimited)/.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  return hard === 'unlimited' ? WANTED : Math.min(WANTED, (Number(hard) - OTHER_DESCRIPTORS) >> 1);
}

async function connected(relay: RelayProcess, target: number, index: number): Promise<net.Socket> {
  const localAddress = `127.0.1.${1 + (index % ADDRESSES)}`;
  const socket = net.connect({ port: relay.port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
  ended.push(() => socket.destroy());
  await once(socket, 'connect');
  expect(await askFor(socket, '127.0.0.1', target), `connection ${index}`).toBe(true);
  return socket;
}

/** Bytes that tell where in which stream they are. */
function stream(index: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 8 <= length; at += 8) bytes.writeUInt32LE(at, bytes.writeUInt32LE(index, at));
  return bytes;
}

/** Sends and takes back; the answer. */
async function exchange(socket: net.Socket, sent: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const all = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= sent.length) resolve();
    });
    socket.once('error', reject);
  });
  socket.write(sent);
  socket.resume();
  await all;
  socket.removeAllListeners('data');
  return Buffer.concat(chunks);
}

async function targetPort(): Promise<number> {
  const echo = spawnEcho();
  ended.push(() => void echo.kill('SIGKILL'));
  const [port] = (await once(echo, 'message')) as [number];
  return port;
}

const count = affordable();

describe(`${count} connections at once (10,000 need a hard limit of 20,800 descriptors: ulimit -Hn)`, () => {
  it('are relayed with bounded memory, carry their own bytes while all are there, and leave nothing behind', async () => {
    const limits = { maxConnections: count, maxPerClient: count, maxPendingPerClient: count };
    const rules = { clients: [], deny: [], allowPrivate: false, allowLoopback: true };
    const relay = await RelayProcess.start({
      port: 0,
      isPlain: true,
      rules,
      limits,
      connectMs: 60_000,
      helloMs: 60_000,
    });
    ended.push(() => relay.stop());
    const target = await targetPort();
    const first = await connected(relay, target, 0);
    const before = await relay.holdings();
    const sockets = [first];
    while (sockets.length < count) {
      const from = sockets.length;
      const size = Math.min(BATCH, count - from);
      sockets.push(
        ...(await Promise.all(Array.from({ length: size }, (_, i) => connected(relay, target, from + i)))),
      );
    }
    const full = await relay.holdings();
    expect([full.connections, full.relays]).toEqual([count, count]);
    expect(full.descriptors).toBeLessThanOrEqual(2 * count + OTHER_DESCRIPTORS);
    expect((full.residentBytes - before.residentBytes) / count).toBeLessThan(MAX_IDLE_BYTES);

    const step = Math.floor(count / BUSY);
    await Promise.all(
      Array.from({ length: BUSY }, async (_, i) => {
        const sent = stream(i, BUSY_BYTES);
        const got = await exchange(sockets[i * step]!, sent);
        expect(got.equals(sent), `stream ${i}`).toBe(true);
      }),
    );
    for (const socket of sockets) socket.resetAndDestroy();
    await expect.poll(async () => (await relay.holdings()).connections, { timeout: 60_000 }).toBe(0);
    const after = await relay.holdings();
    // Pipes for bulk are kept for the next.
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 40);
    expect(after.relays).toBe(0);
  }, 300_000);
});

describe('a relay without a descriptor left', () => {
  it('goes on with the connections that it has, hurts nobody, says so, and takes others once there are descriptors again', async () => {
    const rules = { clients: [], deny: [], allowPrivate: false, allowLoopback: true };
    const options = { port: 0, isPlain: true, rules, connectMs: 5_000, helloMs: 5_000 };
    const relay = await RelayProcess.start(options);
    ended.push(() => relay.stop());
    relay.limitDescriptors(80);
    const target = await targetPort();
    const old = await connected(relay, target, 1);
    const others: net.Socket[] = [];
    const answers = await Promise.all(
      Array.from({ length: 120 }, async () => {
        const socket = net.connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
        others.push(socket.on('error', () => undefined));
        return askFor(socket, '127.0.0.1', target);
      }),
    );
    expect(answers.filter((isThere) => isThere).length).toBeGreaterThan(5);
    expect(answers.filter((isThere) => !isThere).length).toBeGreaterThan(20);
    expect(relay.isAlive).toBe(true);
    const sent = stream(7, 100_000);
    expect((await exchange(old, sent)).equals(sent)).toBe(true);
    for (const socket of others) socket.destroy();
    await expect.poll(async () => (await relay.holdings()).connections, { timeout: 20_000 }).toBe(1);
    expect((await relay.holdings()).events['exhausted']).toBeGreaterThan(0);
    const again = await connected(relay, target, 2);
    expect((await exchange(again, sent)).equals(sent)).toBe(true);
  });

  it('keeps some for itself and for those that it lets in, whoever sends in bulk to servers that do not read', async () => {
    const rules = { clients: [], deny: [], allowPrivate: false, allowLoopback: true };
    const relay = await RelayProcess.start({ port: 0, isPlain: true, rules });
    ended.push(() => relay.stop());
    relay.limitDescriptors(120);
    const stalling = net.createServer((socket) => socket.pause().on('error', () => undefined));
    ended.push(() => stalling.close());
    await once(stalling.listen(0, '127.0.0.1'), 'listening');
    const { port } = stalling.address() as net.AddressInfo;
    let refused = 0;
    for (let i = 0; i < 40; i++) {
      const socket = net.connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
      ended.push(() => socket.destroy());
      socket.on('error', () => undefined);
      if (await askFor(socket, '127.0.0.1', port)) socket.write(Buffer.alloc(12_000_000));
      else refused++;
    }
    const { descriptors, connections, events } = await relay.holdings();
    expect([connections + refused, events['exhausted']]).toEqual([40, refused]);
    expect(connections).toBeGreaterThan(5);
    expect(descriptors).toBeLessThan(120);
  });
});
