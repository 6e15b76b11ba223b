import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { type Capability, kernelMptcp, listenKernel, unsupportedReason } from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import {
  type Arrival,
  connectForRelay,
  listenForRelay,
  MAX_HELD_BYTES,
  Relay,
  type RelayOutcome,
  RelaySet,
} from './index.js';
import { MAX_POURED_BYTES } from './pour.js';

const open: (() => void)[] = [];
const loopback = IpAddress.parse('127.0.0.1')!;

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

/**
 * What relays do, over plain TCP and over the kernel's Multipath TCP; and over plain TCP where the kernel moves all that comes from
 * the first byte on.
 */
type Protocol = 'tcp' | 'mptcp' | 'spliced tcp';

async function listening(server: net.Server, protocol: Protocol = 'tcp'): Promise<number> {
  // `net` takes one connection a turn of the event loop, and a proxy more.
  if (protocol !== 'mptcp') server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  else server.listen({ fd: listenKernel({ address: '127.0.0.1', port: 0 }) });
  await once(server, 'listening');
  open.push(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** A proxy that relays whatever comes to `target`, and what became of its relays. */
function proxyTo(target: number, protocol: Protocol, set = new RelaySet()) {
  const outcomes: RelayOutcome[] = [];
  const relays: Relay[] = [];
  const serve = ({ client, address }: Arrival): void => {
    const place = set.admit(address.toString());
    if (typeof place === 'string') {
      client.reset();
      return;
    }
    const isPlain = protocol !== 'mptcp';
    const remote = connectForRelay({ address: loopback, port: target, isPlain }, (error) => {
      if (error !== undefined) {
        client.reset();
        return;
      }
      place.settle();
      const relay = new Relay(client, remote, protocol === 'spliced tcp' ? 0 : undefined);
      relays.push(relay);
      void set.run(relay).then((outcome) => {
        place.release();
        outcomes.push(outcome);
      });
    });
  };
  const listener = listenForRelay({ host: '127.0.0.1', port: 0, isPlain: protocol !== 'mptcp' });
  listener.serve({ onArrival: serve, onShortage: (reason) => expect.fail(reason) });
  open.push(() => listener.close());
  open.push(() => void set.close(0));
  return { port: listener.address.port, set, outcomes, relays };
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  open.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A client and the server that it reached through a relay. */
async function joined(protocol: Protocol, set?: RelaySet) {
  const target = net.createServer({ allowHalfOpen: true });
  const accepted = once(target, 'connection') as Promise<[net.Socket]>;
  const proxy = proxyTo(await listening(target, protocol), protocol, set);
  const client = await connected(proxy.port);
  const [server] = await accepted;
  open.push(() => server.destroy());
  await expect.poll(() => proxy.relays.length).toBe(1);
  return { ...proxy, client, server };
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const errorOf = async (socket: net.Socket): Promise<string> => {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
};
const period = Uint8Array.from({ length: 99_991 }, (_, i) => (i * 31 + (i >> 8)) & 255);
/** Bytes that differ from place to place, over any distance that matters. */
const pattern = (length: number): Buffer => Buffer.alloc(length, period);

async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // It may have been paused.
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

const needs = { tcp: [], mptcp: [kernelMptcp()], 'spliced tcp': [callable()] };

/** Whether the C library can be called. */
function callable(): Capability {
  const reason = unsupportedReason();
  return reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };
}

for (const protocol of ['tcp', 'mptcp', 'spliced tcp'] as const)
  describeWith(`a relay over ${protocol}`, needs[protocol], () => {
    it('carries every byte both ways, and ends when both sides have', async () => {
      const { client, server, outcomes, relays } = await joined(protocol);
      const [up, down] = [pattern(3_000_000), pattern(2_000_001)];
      const atServer = readAll(server);
      const atClient = readAll(client);
      client.end(up);
      server.end(down);
      expect((await atServer).equals(up)).toBe(true);
      expect((await atClient).equals(down)).toBe(true);
      await expect.poll(() => outcomes).toEqual(['ended']);
      expect([relays[0]!.clientBytes, relays[0]!.serverBytes]).toEqual([up.length, down.length]);
    });

    it('passes the end of one direction on, and goes on with the other', async () => {
      const { client, server, outcomes } = await joined(protocol);
      client.end('question');
      expect(String(await readAll(server))).toBe('question');
      expect(outcomes).toEqual([]);
      server.write('answer');
      expect(String((await once(client, 'data'))[0])).toBe('answer');
      server.end();
      await once(client, 'end');
      await expect.poll(() => outcomes).toEqual(['ended']);
    });

    it.each(['client', 'server'] as const)('passes a reset of the %s on as a reset', async (who) => {
      const { client, server, outcomes } = await joined(protocol);
      const [one, other] = who === 'client' ? [client, server] : [server, client];
      one.write('x');
      await once(other, 'data');
      one.on('error', () => undefined);
      other.resume();
      const failed = errorOf(other);
      one.resetAndDestroy();
      expect(await failed).toBe('ECONNRESET');
      await expect.poll(() => outcomes).toEqual([`${who}-reset`]);
    });

    it('holds a bounded number of bytes for a peer that does not read, and loses none', async () => {
      const { client, server, relays } = await joined(protocol);
      server.pause();
      const sent = pattern(30_000_000);
      client.end(sent);
      // Every buffer on the way is full.
      await expect.poll(() => relays[0]!.heldBytes, { timeout: 20_000 }).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(relays[0]!.heldBytes).toBeGreaterThan(0);
      const most = protocol === 'mptcp' ? MAX_HELD_BYTES : MAX_POURED_BYTES;
      expect(relays[0]!.heldBytes).toBeLessThanOrEqual(most);
      expect(relays[0]!.clientBytes).toBeLessThan(sent.length);
      expect((await readAll(server)).equals(sent)).toBe(true);
      server.end();
    });

    it('resets both sides when nothing comes for too long', async () => {
      const { client, server, outcomes } = await joined(protocol, new RelaySet({ idleMs: 200 }));
      client.write('x');
      await once(server, 'data');
      client.resume();
      server.resume();
      const failed = Promise.all([errorOf(client), errorOf(server)]);
      expect(await failed).toEqual(['ECONNRESET', 'ECONNRESET']);
      await expect.poll(() => outcomes).toEqual(['idle']);
    });

    it('leaves no descriptor and no place behind when peers come, stall, reset and vanish', async () => {
      const target = net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined);
        socket.pipe(socket);
      });
      const { port, set, outcomes } = proxyTo(await listening(target, protocol), protocol);
      const round = async (i: number): Promise<void> => {
        const client = await connected(port);
        client.on('error', () => undefined);
        client.write(pattern(100_000));
        if (i % 4 === 0) client.resetAndDestroy();
        else if (i % 4 === 1) client.destroy();
        else if (i % 4 === 2) {
          client.resume().end();
          await once(client, 'close');
        } else {
          await once(client, 'data');
          client.destroy();
        }
      };
      const run = async (rounds: number): Promise<number> => {
        const already = outcomes.length;
        await Promise.all(Array.from({ length: rounds }, (_, i) => round(i)));
        await expect.poll(() => outcomes.length - already, { timeout: 30_000 }).toBe(rounds);
        await expect.poll(() => [set.connections, set.active, set.clientCount]).toEqual([0, 0, 0]);
        return descriptors();
      };
      const before = await run(8);
      await run(80);
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    });
  });

describe('a set of relays', () => {
  it('carries 1,000 connections at once, and each gets its own bytes', async () => {
    const count = 1000;
    const target = net.createServer((socket) => socket.pipe(socket));
    const { port, set, outcomes } = proxyTo(await listening(target), 'tcp');
    const clients: net.Socket[] = [];
    for (let i = 0; i < count; i += 50)
      clients.push(...(await Promise.all(Array.from({ length: 50 }, () => connected(port)))));
    await expect.poll(() => set.active, { timeout: 60_000 }).toBe(count);
    const answers = await Promise.all(
      clients.map(async (client, i) => {
        client.end(`${i} `.repeat(500));
        return String(await readAll(client));
      }),
    );
    answers.forEach((answer, i) => expect(answer).toBe(`${i} `.repeat(500)));
    await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBe(count);
    expect(new Set(outcomes)).toEqual(new Set(['ended']));
    expect(set.totals.clientBytes).toBe(set.totals.serverBytes);
  }, 120_000);

  it('limits connections together, of one client, and those that are not set up', () => {
    const set = new RelaySet({ maxConnections: 4, maxPerClient: 3, maxPendingPerClient: 2 });
    const places = [set.admit('a'), set.admit('a')];
    expect(set.admit('a')).toBe('too-many-pending');
    for (const place of places) if (typeof place !== 'string') place.settle();
    expect(set.admit('a')).toBeTypeOf('object');
    expect(set.admit('a')).toBe('too-many-of-client');
    expect(set.admit('b')).toBeTypeOf('object');
    expect(set.admit('c')).toBe('too-many');
    const [first] = places;
    if (typeof first !== 'string') {
      first!.release();
      first!.release();
    }
    expect([set.connections, set.clientCount]).toEqual([3, 2]);
    expect(set.admit('c')).toBeTypeOf('object');
  });

  it('lets relays end by themselves when it closes, admits no other, and resets those that go on', async () => {
    const { client, server, set, outcomes } = await joined('tcp');
    const closed = set.close(10_000);
    expect(set.admit('127.0.0.1')).toBe('closing');
    server.end('last words');
    client.end();
    expect(String(await readAll(client))).toBe('last words');
    server.resume();
    await closed;
    await expect.poll(() => outcomes).toEqual(['ended']);

    const other = await joined('tcp');
    other.client.resume();
    const failed = errorOf(other.client);
    other.server.on('error', () => undefined);
    await other.set.close(50);
    expect(await failed).toBe('ECONNRESET');
    await expect.poll(() => other.outcomes).toEqual(['drained']);
  });

  it('relays bytes that were read before', async () => {
    const target = net.createServer((socket) => socket.pipe(socket));
    const port = await listening(target);
    const listener = listenForRelay({ host: '127.0.0.1', port: 0, isPlain: true });
    open.push(() => listener.close());
    const over = new Promise<RelayOutcome>((resolve) =>
      listener.serve({
        onArrival({ client }) {
          const remote = connectForRelay({ address: loopback, port, isPlain: true }, () => {
            const relay = new Relay(client, remote);
            relay.start(Buffer.from('early '), Buffer.from('received '));
            void relay.over.then(resolve);
          });
        },
        onShortage: (reason) => expect.fail(reason),
      }),
    );
    const client = await connected(listener.address.port);
    const sent = pattern(1_000_000);
    client.end(sent);
    expect((await readAll(client)).equals(Buffer.concat([Buffer.from('received early '), sent]))).toBe(true);
    expect(await over).toBe('ended');
  });
});
