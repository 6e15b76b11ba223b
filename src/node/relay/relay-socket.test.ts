import { once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import {
  acceptConnection,
  type Capability,
  connectKernel,
  descriptorOf,
  kernelMptcp,
  listenKernel,
  localAddressOf,
  unsupportedReason,
} from '../../linux/index.js';
import { foreignFunction, NativeBuffer } from '../../linux/libc.js';
import { MAX_POURED_BYTES } from './pour.js';
import { MAX_HELD_BYTES, type RelayEndListener } from './relay-end.js';
import { RelayLoop } from './relay-loop.js';
import { RelaySocket } from './relay-socket.js';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

const reason = unsupportedReason();
const callable: Capability =
  reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };
const HOST = '127.0.0.1';

/** A peer, and the connection that was accepted from it. */
async function pair(loop: RelayLoop, protocol: 'tcp' | 'mptcp' = 'tcp'): Promise<[net.Socket, RelaySocket]> {
  const listener = listenKernel({ address: HOST, port: 0, protocol });
  const { port } = localAddressOf(listener);
  const peer = new net.Socket({
    fd: connectKernel({ address: HOST, port, protocol }),
    allowHalfOpen: true,
  });
  peer.on('error', () => undefined);
  let fd = -1;
  await expect.poll(() => (fd = acceptConnection(listener))).toBeGreaterThanOrEqual(0);
  closeSync(listener);
  const end = RelaySocket.accepted(fd, { address: HOST, port: 1 }, loop);
  open.push(
    () => peer.destroy(),
    () => end.reset(),
  );
  return [peer, end];
}

/** What a socket tells, in words; bytes are taken, and given to `onBytes`. */
function listenTo(end: RelaySocket, onBytes: (bytes: Uint8Array) => boolean = () => true): string[] {
  const told: string[] = [];
  const listener: RelayEndListener = {
    onBytes,
    onEnd: () => told.push('end'),
    onRoom: () => told.push('room'),
    onClose: (error) =>
      told.push(error === undefined ? 'closed' : `closed: ${error.syscall} ${String(error.code)}`),
  };
  end.listen(listener);
  return told;
}

/** A sender and a sink, and what comes from the one being poured to the other. */
async function poured(loop: RelayLoop, least = 0) {
  const [sender, from] = await pair(loop);
  const [sink, to] = await pair(loop);
  const counts = { moved: 0, read: 0 };
  const fromTold = listenTo(from, (bytes) => {
    counts.read += bytes.length;
    return to.write(bytes);
  });
  const toTold = listenTo(to);
  expect(from.pourInto(to, (bytes) => (counts.moved += bytes), least)).toBe(true);
  from.resume();
  return { sender, sink, from, to, fromTold, toTold, counts };
}

/** Sends a byte as urgent data (tcp(7)), after what was written. */
function sendUrgent(socket: net.Socket): void {
  const send = foreignFunction<(fd: number, data: number, length: number, flags: number) => number>(
    'int64 send(int fd, uintptr_t data, size_t length, int flags)',
  );
  const MSG_OOB = 1;
  expect(send(descriptorOf(socket), new NativeBuffer(1).address, 1, MSG_OOB)).toBe(1);
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describeWith("a relay's socket", [callable], () => {
  it('reads nothing before it is told to, and no more once its listener has enough', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const got: string[] = [];
    listenTo(end, (bytes) => {
      got.push(Buffer.from(bytes).toString());
      return false;
    });
    peer.write('one');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got).toEqual([]);
    end.resume();
    await expect.poll(() => got).toEqual(['one']);
    peer.write('two');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got).toEqual(['one']);
    end.resume();
    await expect.poll(() => got).toEqual(['one', 'two']);
  });

  it('ends in good order once both sides have, whichever is first, and closes the descriptor', async () => {
    for (const first of ['peer', 'own']) {
      const [peer, end] = await pair(new RelayLoop());
      const told = listenTo(end);
      end.resume();
      peer.resume();
      if (first === 'peer') peer.end();
      else end.end();
      if (first === 'peer') await expect.poll(() => told).toEqual(['end']);
      else await once(peer, 'end');
      expect(end.fd).toBeDefined();
      if (first === 'peer') end.end();
      else peer.end();
      await expect.poll(() => told).toEqual(['end', 'closed']);
      expect(end.fd).toBeUndefined();
    }
  });

  it('keeps what the kernel does not take, says so, and tells when there is room; the end comes after it', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const told = listenTo(end);
    const block = Buffer.alloc(MAX_HELD_BYTES, 'b');
    let written = 0;
    do written += block.length;
    while (end.write(block));
    expect(end.heldBytes).toBeGreaterThan(0);
    expect(end.heldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES);
    end.end();
    let received = 0;
    peer.on('data', (chunk: Buffer) => (received += chunk.length));
    await once(peer, 'end');
    expect(received).toBe(written);
    expect([told, end.heldBytes]).toEqual([['room'], 0]);
  });

  it('tells a reset of the peer as an error, its own as none, and to whoever listens by then', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const told = listenTo(end);
    end.resume();
    peer.resetAndDestroy();
    await expect.poll(() => told).toEqual(['closed: read ECONNRESET']);
    const late = listenTo(end);
    await expect.poll(() => late).toEqual(['closed: read ECONNRESET']);

    const [other, own] = await pair(new RelayLoop());
    const ownTold = listenTo(own);
    const failed = once(other.resume(), 'error') as Promise<[NodeJS.ErrnoException]>;
    own.reset();
    own.reset();
    expect((await failed)[0].code).toBe('ECONNRESET');
    await expect.poll(() => ownTold).toEqual(['closed']);
  });

  it('takes writes to a peer that is gone for written, and tells why it is over once', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const told = listenTo(end);
    peer.resetAndDestroy();
    await once(peer, 'close');
    await expect
      .poll(() => {
        end.write(Buffer.from('x'));
        return told.join();
      })
      .toMatch(/^closed: (read|write) E(PIPE|CONNRESET)$/);
    expect([end.write(Buffer.from('y')), end.heldBytes]).toEqual([true, 0]);
  });

  it('tells that a connection is there, sends what was written before, and why another is not', async () => {
    const listener = listenKernel({ address: HOST, port: 0, protocol: 'tcp' });
    const { port } = localAddressOf(listener);
    const place = { address: HOST, port };
    const settled: unknown[] = [];
    const connect = (): RelaySocket => {
      const fd = connectKernel({ ...place, protocol: 'tcp' });
      return RelaySocket.connecting(fd, place, (error) => settled.push(error?.message));
    };
    const end = connect();
    open.push(() => end.reset());
    expect(end.write(Buffer.from('early'))).toBe(false);
    end.end();
    await expect.poll(() => settled).toEqual([undefined]);
    const peer = new net.Socket({ fd: acceptConnection(listener) });
    open.push(() => peer.destroy());
    expect(String((await once(peer, 'data'))[0])).toBe('early');
    await once(peer, 'end');

    closeSync(listener);
    const refused = connect();
    const told = listenTo(refused);
    await expect.poll(() => told).toEqual(['closed: connect ECONNREFUSED']);
    expect(settled).toEqual([undefined, `connect ECONNREFUSED ${HOST}:${String(port)}`]);
    // Whoever resets it has lost interest.
    connect().reset();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).toHaveLength(2);
  });

  it('settles each of those that the kernel tells of at once, whatever is done to one in the turn of another', async () => {
    const listeners = [1, 2].map(() => listenKernel({ address: HOST, port: 0, protocol: 'tcp' }));
    const [there, gone] = listeners.map((fd) => localAddressOf(fd).port);
    closeSync(listeners[1]!);
    open.push(() => closeSync(listeners[0]!));
    const loop = new RelayLoop();
    const told: string[] = [];
    const connect = (name: string, port: number, then: () => void = () => undefined): RelaySocket => {
      const fd = connectKernel({ address: HOST, port, protocol: 'tcp' });
      const settled = (error?: Error): void => {
        told.push(`${name}: ${error === undefined ? 'there' : error.message}`);
        then();
      };
      const end = RelaySocket.connecting(fd, { address: HOST, port }, settled, loop);
      open.push(() => end.reset());
      return end;
    };
    connect('first', there!, () => {
      refused.write(Buffer.from('x'));
      reset.reset();
    });
    const refused = connect('refused', gone!);
    const reset = connect('reset', there!);
    connect('last', there!);
    const reason = `connect ECONNREFUSED ${HOST}:${String(gone)}`;
    await expect.poll(() => told).toEqual(['first: there', 'last: there', `refused: ${reason}`]);
  });

  it('holds nothing any more once the peer of what it held is gone', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const told = listenTo(end);
    peer.pause();
    while (end.write(Buffer.alloc(MAX_HELD_BYTES)));
    peer.resetAndDestroy();
    await expect.poll(() => told.join()).toMatch(/^closed: (read|write) E(PIPE|CONNRESET)$/);
    expect(end.heldBytes).toBe(0);
  });

  it('tells the end once, and before it tells that it is over, to whoever listens by then', async () => {
    const [peer, end] = await pair(new RelayLoop());
    const told = listenTo(end);
    end.resume();
    peer.end();
    await expect.poll(() => told).toEqual(['end']);
    end.resume();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toEqual(['end']);
    end.end();
    const late = listenTo(end);
    await expect.poll(() => late).toEqual(['end', 'closed']);
  });

  it('hears of a reset also where it reads nothing: before anybody wants it, and after the end', async () => {
    const [waiting, unread] = await pair(new RelayLoop());
    const first = listenTo(unread);
    waiting.write('x');
    waiting.resetAndDestroy();
    await expect.poll(() => first).toEqual(['closed: read ECONNRESET']);

    const [peer, ended] = await pair(new RelayLoop());
    const second = listenTo(ended);
    ended.resume();
    peer.end();
    await expect.poll(() => second).toEqual(['end']);
    peer.resetAndDestroy();
    await expect.poll(() => second).toEqual(['end', 'closed: read EPIPE']);
  });

  it('lets the process end once nothing is waited for', async () => {
    const loop = new RelayLoop();
    const [, end] = await pair(loop);
    expect(loop.size).toBe(1);
    end.reset();
    expect(loop.size).toBe(0);
  });
});

describeWith('what is poured from one socket to another', [callable], () => {
  it('comes out as it went in, is counted, and ends as ever', async () => {
    const loop = new RelayLoop();
    const { sender, sink, fromTold, counts, to } = await poured(loop);
    const sent = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
    const chunks: Buffer[] = [];
    sink.on('data', (chunk: Buffer) => chunks.push(chunk));
    sender.end(sent);
    await expect.poll(() => fromTold).toContain('end');
    to.end();
    await once(sink, 'end');
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    expect(counts.moved + counts.read).toBe(sent.length);
    expect(counts.moved).toBeGreaterThan(0);
    expect(loop.pipes.lentPipes).toBe(0);
  });

  it('gets past an urgent byte, which is left out as read(2) leaves it out', async () => {
    const { sender, sink, from, to, fromTold } = await poured(new RelayLoop());
    const chunks: Buffer[] = [];
    sink.on('data', (chunk: Buffer) => chunks.push(chunk));
    sender.write('before ');
    sendUrgent(sender);
    sender.write('and behind');
    await expect.poll(() => Buffer.concat(chunks).toString()).toBe('before and behind');
    expect([from.isPouring, from.pourInto(to, () => undefined, 0)]).toEqual([false, false]);
    sender.end('.');
    await expect.poll(() => fromTold).toEqual(['end']);
    to.end();
    await once(sink, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('before and behind.');
  });

  it('is all there at the end, with an urgent byte that the kernel has told of in the midst of it', async () => {
    const loop = new RelayLoop();
    const [sender, from] = await pair(loop);
    const [sink, to] = await pair(loop);
    const told = listenTo(from, (bytes) => to.write(bytes));
    sink.resume();
    sender.write('before ');
    sendUrgent(sender);
    sender.end('and behind');
    await new Promise((resolve) => setTimeout(resolve, 20));
    from.pourInto(to, () => undefined, 0);
    from.resume();
    await expect.poll(() => told).toEqual(['end']);
    to.end();
    await once(sink, 'end');
    expect(sink.bytesRead).toBe('before and behind'.length);
  });

  it('is bounded where the sink takes nothing, in a pipe that is lent only while it holds something', async () => {
    const loop = new RelayLoop();
    const { sender, sink, from, to } = await poured(loop);
    sink.pause();
    sender.write(Buffer.alloc(30_000_000));
    await expect.poll(() => to.heldBytes, { timeout: 20_000 }).toBeGreaterThan(0);
    // It stays so: all buffers are full.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(to.heldBytes).toBeLessThanOrEqual(MAX_POURED_BYTES);
    }
    expect([from.isPouring, loop.pipes.lentPipes]).toEqual([true, 1]);
    from.reset();
    expect([to.heldBytes, loop.pipes.lentPipes]).toEqual([0, 0]);
  });

  it('is read and written once it comes in small pieces, or where there are as many pipes as may be', async () => {
    const loop = new RelayLoop(() => 1);
    const small = await poured(loop, 2);
    small.sender.write('x');
    expect(String((await once(small.sink, 'data'))[0])).toBe('x');
    expect([small.from.isPouring, small.counts]).toEqual([false, { moved: 1, read: 0 }]);

    const stalled = await poured(loop);
    stalled.sink.pause();
    stalled.sender.write(Buffer.alloc(30_000_000));
    await expect.poll(() => stalled.to.heldBytes, { timeout: 20_000 }).toBeGreaterThan(0);
    const second = await poured(loop);
    second.sender.write('y');
    expect(String((await once(second.sink, 'data'))[0])).toBe('y');
    expect([second.from.isPouring, second.counts]).toEqual([false, { moved: 0, read: 1 }]);
  });

  it('ends with the reset of its source, and with a sink that is gone', async () => {
    const loop = new RelayLoop();
    const one = await poured(loop);
    one.sender.resetAndDestroy();
    await expect.poll(() => one.fromTold).toEqual(['closed: read ECONNRESET']);
    expect(one.from.isPouring).toBe(false);

    const other = await poured(loop);
    other.sink.resetAndDestroy();
    const block = Buffer.alloc(100_000);
    const keepSending = setInterval(() => other.sender.write(block), 5);
    open.push(() => clearInterval(keepSending));
    await expect.poll(() => other.toTold.join()).toMatch(/^closed: (read|write) E(PIPE|CONNRESET)$/);
    expect([other.from.isPouring, loop.pipes.lentPipes]).toEqual([false, 0]);
  });

  describeWith('where one side is Multipath TCP', [kernelMptcp()], () => {
    it('is not to be had', async () => {
      const loop = new RelayLoop();
      const [, plain] = await pair(loop);
      const [, multipath] = await pair(loop, 'mptcp');
      expect(plain.pourInto(multipath, () => undefined, 0)).toBe(false);
      expect(multipath.pourInto(plain, () => undefined, 0)).toBe(false);
    });
  });

  it('leaves no descriptor behind', async () => {
    const loop = new RelayLoop();
    const run = async (): Promise<number> => {
      const { sender, sink, fromTold } = await poured(loop);
      sink.resume();
      sender.end(Buffer.alloc(500_000));
      await expect.poll(() => fromTold).toContain('end');
      for (const close of open.splice(0)) close();
      return descriptors();
    };
    const before = await run();
    for (let i = 0; i < 20; i++) await run();
    await expect.poll(descriptors).toBeLessThanOrEqual(before);
  });
});
