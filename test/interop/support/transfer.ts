/** The two kinds of ends that interop tests join: one on our stack, one on a socket of the kernel's. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, Socket as NetSocket, type Server } from 'node:net';
import { NEVER } from '../../../src/base/index.js';
import {
  connectKernel,
  listenKernel,
  type KernelProtocol,
  type NetworkNamespace,
} from '../../../src/linux/index.js';
import type { Application } from '../../../src/network/index.js';
import type { Listener, PathNotice, Socket, StackEvent } from '../../../src/stack/index.js';

const CHUNK_BYTES = 64 << 10;

/** What an end sends. */
export class Payload {
  readonly bytes: Uint8Array;
  readonly sha256: string;

  constructor(length: number) {
    this.bytes = randomBytes(length);
    this.sha256 = createHash('sha256').update(this.bytes).digest('hex');
  }
}

/** When an end closes its direction: at once, or not before the other end did (a connection half closed takes no joins). */
export type Closing = 'when-sent' | 'after-peer';

/** What an end got by the time that it was over. */
export interface Received {
  readonly bytes: number;
  readonly sha256: string;
  /** The error that ended the connection; undefined when it ended in order. */
  readonly error: string | undefined;
}

/** One end of a transfer. */
export interface TransferEnd {
  /** Settles when the connection is over on this side, in order or not. */
  readonly finished: Promise<Received>;
  /** Bytes received so far. */
  readonly receivedBytes: number;
}

/** Sends a payload on a socket of our stack and hashes what comes; closes when both are done. */
export class OurTransfer implements TransferEnd {
  readonly socket: Socket;
  readonly finished: Promise<Received>;
  /** What happened to the paths, in order. */
  readonly notices: PathNotice[] = [];
  receivedBytes = 0;
  established = false;
  private readonly payload: Uint8Array;
  private sentBytes = 0;
  private readonly hash = createHash('sha256');
  private settle!: (received: Received) => void;
  private waiting: { until: () => boolean; resolve: () => void }[] = [];

  private readonly closes: Closing;
  private peerClosed = false;

  constructor(socket: Socket, payload: Uint8Array, closes: Closing = 'when-sent') {
    this.socket = socket;
    this.payload = payload;
    this.closes = closes;
    this.finished = new Promise((resolve) => (this.settle = resolve));
  }

  /** Settles once `condition` holds, looked at after every event. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ until: condition, resolve }));
  }

  handleEvent(now: number, event: StackEvent): void {
    switch (event.type) {
      case 'established':
        this.established = true;
        this.send(now);
        break;
      case 'writable':
        this.send(now);
        break;
      case 'readable':
        this.receive(now);
        break;
      case 'path':
        this.notices.push(event.notice);
        break;
      case 'closed':
        this.receive(now);
        this.settle({
          bytes: this.receivedBytes,
          sha256: this.hash.digest('hex'),
          error: event.error?.code,
        });
        break;
      case 'peer-closed':
        this.peerClosed = true;
        this.send(now);
        break;
      case 'acceptable':
        break;
    }
    this.waiting = this.waiting.filter(({ until, resolve }) => {
      if (!until()) return true;
      resolve();
      return false;
    });
  }

  private send(now: number): void {
    while (this.sentBytes < this.payload.length) {
      const chunk = this.payload.subarray(this.sentBytes, this.sentBytes + CHUNK_BYTES);
      this.sentBytes += chunk.length;
      if (!this.socket.write(now, chunk)) return;
    }
    const mayClose = this.closes === 'when-sent' || this.peerClosed;
    if (this.sentBytes === this.payload.length && mayClose) {
      this.sentBytes++;
      this.socket.shutdown(now);
    }
  }

  private receive(now: number): void {
    for (let bytes = this.socket.read(now); bytes !== undefined; bytes = this.socket.read(now)) {
      this.hash.update(bytes);
      this.receivedBytes += bytes.length;
    }
  }
}

/** The application on our stack: hands events to the transfer of their socket, and makes one for each it accepts. */
export class TransferApplication implements Application {
  private readonly transfers = new Map<Socket, OurTransfer>();
  private readonly accepting = new Map<Listener, (transfer: OurTransfer) => void>();
  private readonly payloads = new Map<Listener, { payload: Uint8Array; closes: Closing | undefined }>();

  /** Takes the next connection of `listener`. */
  accept(listener: Listener, payload: Uint8Array, closes?: Closing): Promise<OurTransfer> {
    this.payloads.set(listener, { payload, closes });
    return new Promise((resolve) => this.accepting.set(listener, resolve));
  }

  /** Looks after a socket that was opened by this side. */
  add(socket: Socket, payload: Uint8Array, closes?: Closing): OurTransfer {
    const transfer = new OurTransfer(socket, payload, closes);
    this.transfers.set(socket, transfer);
    return transfer;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type !== 'acceptable') {
      this.transfers.get(event.socket)?.handleEvent(now, event);
      return;
    }
    const socket = event.listener.accept();
    const setup = this.payloads.get(event.listener);
    if (socket === undefined || setup === undefined) return;
    const transfer = this.add(socket, setup.payload, setup.closes);
    this.accepting.get(event.listener)?.(transfer);
    if (socket.state === 'open') transfer.handleEvent(now, { type: 'established', socket });
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }
}

/** The same on a kernel socket. */
export class KernelTransfer implements TransferEnd {
  readonly socket: NetSocket;
  readonly finished: Promise<Received>;
  receivedBytes = 0;

  private readonly closes: Closing;

  constructor(socket: NetSocket, payload: Uint8Array, closes: Closing = 'when-sent') {
    this.socket = socket;
    this.closes = closes;
    const hash = createHash('sha256');
    let error: string | undefined;
    this.finished = new Promise((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        this.receivedBytes += chunk.length;
      });
      socket.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message));
      socket.on('close', () => resolve({ bytes: this.receivedBytes, sha256: hash.digest('hex'), error }));
    });
    this.send(payload, 0);
  }

  private send(payload: Uint8Array, from: number): void {
    let at = from;
    while (at < payload.length) {
      const chunk = payload.subarray(at, at + CHUNK_BYTES);
      at += chunk.length;
      if (this.socket.write(chunk)) continue;
      this.socket.once('drain', () => this.send(payload, at));
      return;
    }
    if (this.closes === 'when-sent' || this.socket.readableEnded) this.socket.end();
    else this.socket.once('end', () => this.socket.end());
  }
}

/** A listening socket of the kernel's. */
export class KernelServer {
  readonly server: Server;
  private readonly accepted: Promise<NetSocket>;

  constructor(
    namespace: NetworkNamespace,
    address: string,
    port: number,
    protocol: KernelProtocol = 'mptcp',
    prepare: (fd: number) => void = () => undefined,
  ) {
    this.server = createServer({ allowHalfOpen: true });
    this.server.listen({ fd: listenKernel({ address, port, namespace, protocol, prepare }) });
    this.accepted = new Promise((resolve) => this.server.once('connection', resolve));
  }

  /** Takes the one connection that the test makes, and sends `payload` on it. */
  async accept(payload: Uint8Array, closes?: Closing): Promise<KernelTransfer> {
    return new KernelTransfer(await this.accepted, payload, closes);
  }

  close(): void {
    this.server.close();
  }
}

/** How {@link connectFromKernel} connects. */
export interface KernelConnectSetup {
  readonly address: string;
  readonly port: number;
  readonly payload: Uint8Array;
  readonly protocol?: KernelProtocol;
  readonly closes?: Closing;
  /** Called with the descriptor before it connects. */
  readonly prepare?: (fd: number) => void;
}

/** Connects from the kernel's side. */
export function connectFromKernel(namespace: NetworkNamespace, setup: KernelConnectSetup): KernelTransfer {
  const { address, port, payload, protocol = 'mptcp', closes, prepare = () => undefined } = setup;
  const fd = connectKernel({ address, port, namespace, protocol, prepare });
  return new KernelTransfer(new NetSocket({ fd, allowHalfOpen: true }), payload, closes);
}
