/** One end of a connection through a relay that is tried: it sends its stream, and compares what comes with the other's. */
import type net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { randomBelow, randomUnit, type SeededRandom } from '../../src/base/index.js';
import { descriptorOf, takeSocketError } from '../../src/linux/index.js';
import { foreignFunction, lastErrno, NativeBuffer } from '../../src/linux/libc.js';
import { netError } from '../../src/node/net-error.js';
import { piece, type Stream } from './relay-plan.js';

const MSG_OOB = 1;

/** Sends a byte as urgent data (tcp(7)), where there is room. */
function sendUrgent(socket: net.Socket): void {
  const send = foreignFunction<(fd: number, data: number, length: number, flags: number) => number>(
    'int64 send(int fd, uintptr_t data, size_t length, int flags)',
  );
  if (send(descriptorOf(socket), new NativeBuffer(1).address, 1, MSG_OOB) === 1) return;
  // The kernel tells a reset once: whoever took it passes it on.
  const code = getSystemErrorName(-lastErrno());
  if (code !== 'EAGAIN') socket.destroy(netError(code, 'send'));
}

const pauseOf = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** See the module. */
export class RelayPeer {
  received = 0;
  /** Whether it has ended its stream, and heard the end of the other's. */
  hasEnded = false;
  heardEnd = false;
  readonly errors: string[] = [];
  /** What came that was not sent, or not there. */
  wrong: string | undefined;
  readonly closed: Promise<void>;
  readonly socket: net.Socket;
  private readonly outgoing: Stream;
  private readonly incoming: Stream;
  private readonly random: SeededRandom;

  constructor(socket: net.Socket, streams: [outgoing: Stream, incoming: Stream], random: SeededRandom) {
    this.socket = socket;
    [this.outgoing, this.incoming] = streams;
    this.random = random;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', (error: NodeJS.ErrnoException) => this.errors.push(String(error.code)));
    socket.once('end', () => this.ended());
  }

  /** The event loop tells a reset behind bytes that had not been read yet as the end; the kernel knows better. */
  private ended(): void {
    // It was destroyed by the scenario when the end came.
    if (this.socket.destroyed) return;
    const code = takeSocketError(descriptorOf(this.socket));
    if (code === undefined) this.heardEnd = true;
    else this.socket.destroy(netError(code, 'read'));
  }

  /** Begins; `onBytes` is told of what comes. */
  start(onBytes: (count: number) => void): void {
    const { pauses, pauseMs } = this.incoming;
    this.socket.on('data', (chunk: Buffer) => {
      this.compare(chunk);
      if (randomUnit(this.random) < pauses) {
        this.socket.pause();
        setTimeout(() => this.socket.resume(), randomBelow(this.random, pauseMs + 1));
      }
      onBytes(chunk.length);
    });
    this.socket.resume();
    void this.sendAll();
  }

  private compare(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const expected = piece(this.incoming, this.received + at, chunk.length - at);
      if (!chunk.subarray(at, at + expected.length).equals(expected))
        this.wrong ??= `others than those from byte ${this.received + at} on`;
      at += expected.length;
    }
    this.received += chunk.length;
    if (this.received > this.incoming.size) this.wrong ??= 'more than was sent';
  }

  private async sendAll(): Promise<void> {
    const { outgoing, random, socket } = this;
    const { size, early, largestPiece, gaps, urgentAt } = outgoing;
    let sent = early;
    let isUrgentDue = urgentAt !== undefined;
    for (;;) {
      if (socket.destroyed) return;
      if (isUrgentDue && sent >= urgentAt!) {
        isUrgentDue = false;
        sendUrgent(socket);
      }
      if (sent === size) break;
      const bytes = piece(outgoing, sent, Math.min(size - sent, 1 + randomBelow(random, largestPiece)));
      sent += bytes.length;
      if (!socket.write(bytes)) await this.either('drain');
      if (randomUnit(random) < gaps) await pauseOf(randomBelow(random, 3));
    }
    if (outgoing.endsLast && !this.heardEnd) await this.either('end');
    if (socket.destroyed) return;
    this.hasEnded = true;
    socket.end();
  }

  private either(event: string): Promise<void> {
    return Promise.race([
      new Promise<void>((resolve) => this.socket.once(event, () => resolve())),
      this.closed,
    ]);
  }
}
