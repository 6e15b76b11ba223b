/**
 * What goes through a relay that is measured, in processes of its own that do nothing else: a sender that has the kernel send a
 * file (no copy), a sink that throws bytes away unread, and connections that come in batches. All wait in poll(2), so
 * none of them costs what a runtime would.
 *
 * `sink` and `hold` tell the parent their port; `source` does what it is told to ({@link Errand}) and tells the seconds it took.
 */
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageReader } from '../src/base/index.js';
import { convertReader, emitConvert } from '../src/convert/index.js';
import {
  acceptConnection,
  connectKernel,
  foreignFunction,
  getsockname,
  listenKernel,
  NativeBuffer,
  pollDescriptors,
  readInto,
  shutdownWrite,
  writeFrom,
} from '../src/linux/index.js';
import {
  emitGreeting,
  emitRequest,
  scanMethodChoice,
  scanReply,
  SocksCommand,
  SocksMethod,
  socks5Reader,
} from '../src/socks/index.js';
import { IpAddress } from '../src/wire/index.js';

/** What a source is to do through the relay at `port`. */
export type Errand =
  | {
      readonly kind: 'send';
      readonly port: number;
      readonly bytes: number;
      readonly handshake: Handshake;
      /** Over Multipath TCP. */
      readonly isMultipath: boolean;
      readonly target: number;
    }
  | { readonly kind: 'connect' | 'idle'; readonly port: number; readonly count: number };

/** What is said before anything else. */
export type Handshake = 'none' | 'socks5' | 'convert';

const HOST = '127.0.0.1';
const POLLIN = 1;
const POLLOUT = 4;
const EAGAIN = 11;
const MSG_TRUNC = 0x20;
const FILE_BYTES = 4 << 20;
/** Thrown away by one call. */
const DRAIN_BYTES = 1 << 20;
/** Connections that are under way at once. */
const BATCH = 64;
/** No step of a measurement takes longer, in ms. */
const PATIENCE_MS = 60_000;

const entry = new NativeBuffer(8);
const view = new DataView(entry.bytes.buffer, entry.bytes.byteOffset);
const scratch = new NativeBuffer(65_536);

function waitFor(fd: number, events: number): void {
  view.setInt32(0, fd, true);
  view.setUint16(4, events, true);
  if (pollDescriptors(entry.address, 1, PATIENCE_MS) !== 1) throw new Error('nothing came for a minute');
}

/** Repeats `call` until it does not have to wait. */
function blocking(fd: number, events: number, call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -EAGAIN) return result;
    waitFor(fd, events);
  }
}

/** Takes whatever comes until the end. */
function drain(fd: number, receive: (fd: number, at: number, length: number, flags: number) => number): void {
  for (;;) {
    waitFor(fd, POLLIN);
    const count = receive(fd, scratch.address, DRAIN_BYTES, MSG_TRUNC);
    if (count === 0) return;
  }
}

function sink(): void {
  const receive = foreignFunction<(fd: number, at: number, length: number, flags: number) => number>(
    'int64 recv(int fd, uintptr_t data, size_t length, int flags)',
  );
  const fd = listenKernel({ address: HOST, port: 0, protocol: 'tcp', backlog: 4096 });
  const name = getsockname(fd);
  process.send!((name[2]! << 8) | name[3]!, () => {
    for (;;) {
      waitForEver(fd);
      const connection = acceptConnection(fd);
      if (connection < 0) continue;
      drain(connection, receive);
      closeSync(connection);
    }
  });
}

/** A sink waits for the next connection until it is killed. */
function waitForEver(fd: number): void {
  view.setInt32(0, fd, true);
  view.setUint16(4, POLLIN, true);
  while (pollDescriptors(entry.address, 1, -1) < 1);
}

/** Accepts, and does nothing else. */
function hold(): void {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
    socket.on('error', () => undefined),
  );
  server.listen({ host: HOST, port: 0, backlog: 4096 }, () =>
    process.send!((server.address() as net.AddressInfo).port),
  );
}

/** Sends `message`; the answer is read, byte by byte, before anything else is sent. */
function ask<T>(fd: number, message: Uint8Array, reader: MessageReader<T>): T {
  scratch.bytes.set(message);
  writeFrom(fd, scratch.address, message.length);
  for (;;) {
    const count = blocking(fd, POLLIN, () => readInto(fd, scratch.address, 1));
    if (count <= 0) throw new Error('the proxy ended the connection');
    const read = reader.read(scratch.bytes.subarray(0, count));
    if (read.state === 'message') return read.value;
    if (read.state !== 'more') throw new Error('the proxy says what it may not');
  }
}

/** What a SOCKS proxy is told first. */
function askSocks5(fd: number, target: number): void {
  ask(fd, emitGreeting({ methods: [SocksMethod.NONE] }), socks5Reader(scanMethodChoice));
  const wanted = { command: SocksCommand.CONNECT, host: IpAddress.parse(HOST)!, port: target };
  const { code } = ask(fd, emitRequest(wanted), socks5Reader(scanReply));
  if (code !== 0) throw new Error('the proxy refused');
}

/** What a converter is told first. */
function askConverter(fd: number, target: number): void {
  const remote = { address: IpAddress.parse(HOST)!, port: target };
  // Without a wish for Multipath TCP, which a converter over plain TCP refuses.
  const message = emitConvert({ tlvs: [{ type: 'connect', remote, options: [] }] });
  const { tlvs } = ask(fd, message, convertReader());
  if (tlvs.some(({ type }) => type === 'error')) throw new Error('the converter refused');
}

function send({ port, bytes, handshake, isMultipath, target }: Extract<Errand, { kind: 'send' }>): number {
  const sendfile = foreignFunction<(to: number, from: number, at: Uint8Array, length: number) => number>(
    'int64 sendfile(int to, int from, void *at, size_t length)',
  );
  const path = join(tmpdir(), `subflow-bench-${process.pid}`);
  writeFileSync(path, new Uint8Array(FILE_BYTES).fill(7));
  const file = openSync(path, 'r');
  unlinkSync(path);
  const fd = connectKernel({ address: HOST, port, protocol: isMultipath ? 'mptcp' : 'tcp' });
  waitFor(fd, POLLOUT);
  if (handshake === 'socks5') askSocks5(fd, target);
  if (handshake === 'convert') askConverter(fd, target);
  const startedAt = process.hrtime.bigint();
  const at = new Uint8Array(8);
  for (let left = bytes; left > 0;) {
    at.fill(0);
    const sent = sendfile(fd, file, at, Math.min(left, FILE_BYTES));
    if (sent > 0) left -= sent;
    else waitFor(fd, POLLOUT);
  }
  shutdownWrite(fd);
  // The sink ends when it has all, and the relay passes that on.
  blocking(fd, POLLIN, () => readInto(fd, scratch.address, 1));
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  closeSync(file);
  closeSync(fd);
  return seconds;
}

/** Connections that send a few bytes, end, and wait for the other end, in batches. */
function connectMany(port: number, count: number): number {
  const startedAt = process.hrtime.bigint();
  for (let done = 0; done < count; done += BATCH) {
    const fds = Array.from({ length: Math.min(BATCH, count - done) }, () =>
      connectKernel({ address: HOST, port, protocol: 'tcp' }),
    );
    for (const fd of fds) {
      waitFor(fd, POLLOUT);
      if (writeFrom(fd, scratch.address, 64) !== 64) throw new Error('a connection failed');
      shutdownWrite(fd);
    }
    for (const fd of fds) {
      const last = blocking(fd, POLLIN, () => readInto(fd, scratch.address, 1));
      if (last !== 0) throw new Error(`a connection ended with ${last}`);
      closeSync(fd);
    }
  }
  return Number(process.hrtime.bigint() - startedAt) / 1e9;
}

/** Connections that send one byte and then nothing, until this process is killed. */
function idle(port: number, count: number): number {
  for (let i = 0; i < count; i++) {
    const fd = connectKernel({ address: HOST, port, protocol: 'tcp' });
    waitFor(fd, POLLOUT);
    if (writeFrom(fd, scratch.address, 1) !== 1) throw new Error('a connection failed');
  }
  return 0;
}

function run(errand: Errand): number {
  if (errand.kind === 'send') return send(errand);
  return (errand.kind === 'connect' ? connectMany : idle)(errand.port, errand.count);
}

const [mode] = process.argv.slice(2);
if (mode === 'sink') sink();
else if (mode === 'hold') hold();
else process.on('message', (errand: Errand) => process.send!(run(errand)));
