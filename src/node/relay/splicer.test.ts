import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { type Capability, connectKernel, kernelMptcp, unsupportedReason } from '../../linux/index.js';
import { type Arrival, listenForRelay, MAX_HELD_BYTES, Relay, SocketEnd } from './index.js';
import { type SpliceEnd, Splicer } from './splicer.js';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

const reason = unsupportedReason();
const callable: Capability =
  reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };

/** Two connected sockets; the second was accepted, and nobody reads from it. */
async function pair(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const { port } = server.address() as net.AddressInfo;
  const near = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const [far] = await accepted;
  if (near.connecting) await once(near, 'connect');
  for (const socket of [near, far]) socket.on('error', () => undefined);
  server.close();
  open.push(() => (near.destroy(), far.destroy()));
  return [near, far];
}

/** An end that remembers what became of it. */
function endOf(socket: net.Socket): SpliceEnd & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    get fd() {
      return (socket as unknown as { _handle: { fd: number } | null })._handle?.fd;
    },
    fail: ({ code, syscall }) => told.push(`${syscall} ${code}`),
    takeOver: () => told.push('taken over'),
  };
}

/** A sender, a sink, and what a splicer is to move between them. */
async function ends() {
  const [sender, from] = await pair();
  const [sink, to] = await pair();
  return { sender, sink, from: endOf(from), to: endOf(to), fromSocket: from, toSocket: to };
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describeWith('a splicer', [callable], () => {
  it('moves what comes, counts it, and hands the end of the stream back to who can tell it', async () => {
    const splicer = new Splicer();
    const { sender, sink, from, to } = await ends();
    let moved = 0;
    splicer.begin(from, to, (bytes) => (moved += bytes));
    expect(splicer.flows).toBe(1);
    const sent = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
    const chunks: Buffer[] = [];
    sink.resume().on('data', (chunk: Buffer) => chunks.push(chunk));
    sender.end(sent);
    await expect.poll(() => from.told).toEqual(['taken over']);
    await expect.poll(() => Buffer.concat(chunks).equals(sent)).toBe(true);
    expect([moved, splicer.flows, splicer.pipes.lentPipes]).toEqual([sent.length, 0, 0]);
  });

  it('holds no more than a bound for a sink that takes nothing, and a pipe only while it holds something', async () => {
    const splicer = new Splicer();
    const { sender, sink, from, to } = await ends();
    const flow = splicer.begin(from, to, () => undefined)!;
    sender.write('x');
    expect(String((await once(sink.resume(), 'data'))[0])).toBe('x');
    await expect.poll(() => splicer.pipes.lentPipes).toBe(0);
    sink.pause();
    sender.write(Buffer.alloc(30_000_000));
    await expect.poll(() => flow.heldBytes, { timeout: 20_000 }).toBeGreaterThan(0);
    // It stays so: all buffers are full.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(flow.heldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
    }
    expect(splicer.pipes.lentPipes).toBe(1);
    flow.stop();
    expect([flow.heldBytes, splicer.pipes.lentPipes, splicer.flows]).toEqual([0, 0, 0]);
  });

  it('hands a direction back when there are as many pipes as may be, before anything is taken', async () => {
    const splicer = new Splicer(1);
    const [first, second] = [await ends(), await ends()];
    const held = splicer.begin(first.from, first.to, () => undefined)!;
    first.sender.write(Buffer.alloc(30_000_000));
    await expect.poll(() => held.heldBytes, { timeout: 20_000 }).toBeGreaterThan(0);
    let moved = 0;
    splicer.begin(second.from, second.to, (bytes) => (moved += bytes));
    second.sender.write('y');
    await expect.poll(() => second.from.told).toEqual(['taken over']);
    expect(moved).toBe(0);
    held.stop();
  });

  it('tells a reset of the source as an error of its read', async () => {
    const splicer = new Splicer();
    const { sender, from, to } = await ends();
    splicer.begin(from, to, () => undefined);
    sender.resetAndDestroy();
    await expect.poll(() => from.told).toEqual(['read ECONNRESET']);
    expect(splicer.flows).toBe(0);
  });

  it('tells that the sink is gone as an error of its write', async () => {
    const splicer = new Splicer();
    const { sender, sink, from, to } = await ends();
    splicer.begin(from, to, () => undefined);
    sink.resetAndDestroy();
    const keepSending = setInterval(() => sender.write('z'), 5);
    open.push(() => clearInterval(keepSending));
    await expect.poll(() => to.told.join()).toMatch(/^write E(PIPE|CONNRESET)$/);
    expect([splicer.flows, splicer.pipes.lentPipes]).toEqual([0, 0]);
  });

  it('begins nothing on a descriptor that is closed, and forgets one that was closed under it', async () => {
    const splicer = new Splicer();
    const { from, to, fromSocket, toSocket } = await ends();
    const flow = splicer.begin(from, to, () => undefined)!;
    toSocket.destroy();
    flow.mayGoOn('read');
    flow.stop();
    // Another connection gets the number, and is not taken for the one before.
    const other = await ends();
    const again = splicer.begin(other.from, other.to, () => undefined)!;
    other.sender.write('w');
    expect(String((await once(other.sink.resume(), 'data'))[0])).toBe('w');
    expect(splicer.flows).toBe(1);
    fromSocket.destroy();
    expect(splicer.begin(from, other.to, () => undefined)).toBeUndefined();
    again.stop();
    expect(splicer.flows).toBe(0);
  });

  it('leaves no descriptor behind', async () => {
    const splicer = new Splicer();
    const run = async (): Promise<number> => {
      const { sender, sink, from, to } = await ends();
      splicer.begin(from, to, () => undefined);
      sink.resume();
      sender.end(Buffer.alloc(500_000));
      await expect.poll(() => from.told).toEqual(['taken over']);
      for (const close of open.splice(0)) close();
      return descriptors();
    };
    const before = await run();
    for (let i = 0; i < 20; i++) await run();
    await expect.poll(descriptors).toBeLessThanOrEqual(before);
  });
});

describeWith('a relay of bulk', [callable], () => {
  /** A relay between two pairs of sockets, and whether it moves out of sight what the client sends. */
  async function relayed(isMultipath: boolean) {
    const listener = listenForRelay({ host: '127.0.0.1', port: 0, isPlain: !isMultipath });
    open.push(() => listener.close());
    const arrival = new Promise<Arrival>((resolve) =>
      listener.serve({ onArrival: resolve, onShortage: (reason) => expect.fail(reason) }),
    );
    const { address, port: near } = listener.address;
    const protocol = isMultipath ? 'mptcp' : 'tcp';
    const client = new net.Socket({ fd: connectKernel({ address, port: near, protocol }) });
    open.push(() => client.destroy());
    const { client: end } = await arrival;
    const target = net.createServer();
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    open.push(() => target.close());
    const sinks = once(target, 'connection') as Promise<[net.Socket]>;
    const port = (target.address() as net.AddressInfo).port;
    const server = SocketEnd.connecting({ host: '127.0.0.1', port }, true);
    const [sink] = await sinks;
    open.push(() => sink.destroy());
    if (server.socket.connecting) await once(server.socket, 'connect');
    const relay = new Relay(end, server);
    relay.start();
    open.push(() => relay.abort('drained'));
    return { client, sink, end, relay };
  }

  it('goes past this process, a short exchange does not, and every byte is counted', async () => {
    const { client, sink, end, relay } = await relayed(false);
    client.write(Buffer.alloc(100_000));
    let received = 0;
    sink.on('data', (chunk: Buffer) => (received += chunk.length));
    await expect.poll(() => received).toBe(100_000);
    expect(end.isPouring).toBe(false);
    const block = Buffer.alloc(10_000_000);
    let sent = 100_000;
    while (!end.isPouring && sent < 500_000_000) {
      sent += block.length;
      if (!client.write(block)) await once(client, 'drain');
    }
    expect(end.isPouring).toBe(true);
    await expect.poll(() => received, { timeout: 30_000 }).toBe(sent);
    expect(relay.clientBytes).toBe(sent);
  });

  it.runIf(kernelMptcp().available)(
    'is read and written where one side is Multipath TCP, which would copy all the same',
    async () => {
      const { client, sink, end } = await relayed(true);
      let received = 0;
      sink.on('data', (chunk: Buffer) => (received += chunk.length));
      client.write(Buffer.alloc(30_000_000));
      await expect.poll(() => received, { timeout: 30_000 }).toBe(30_000_000);
      expect(end.isPouring).toBe(false);
    },
  );
});
