/**
 * The applications of a scenario: a client that asks, a server that answers. The client judges every byte of the answers
 * and times them. Knows nothing of paths.
 */
import { assert, MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { type Application, StreamChecker } from '../network/index.js';
import type { Socket, StackEvent } from '../stack/index.js';
import { type Content, PIECE_BYTES } from './content.js';
import { answerBytes, type Traffic } from './scenario.js';

/** Bytes of a request. */
const REQUEST_BYTES = 200;
/** Time between two pieces of what comes up at a rate, in ns. */
const PIECE_NS = 10 * MILLISECOND;

/** Bytes of answers that are due after so many whole requests, `sinceNs` after the first. */
function bytesDue(traffic: Traffic, requests: number, sinceNs: number): number {
  if (requests === 0) return 0;
  if (traffic.kind === 'requests') return Math.min(requests, traffic.count) * traffic.bytes;
  const all = answerBytes(traffic);
  if (traffic.kind === 'bulk') return all;
  const pieces = Math.floor(sinceNs / PIECE_NS) + 1;
  return Math.min(all, Math.floor((pieces * traffic.rateBps * PIECE_NS) / (8 * SECOND)));
}

/** The server: answers on the first connection that comes, and ends it when the client has. */
export class AnsweringServer implements Application {
  /** Its socket, once there is one. */
  socket: Socket | undefined = undefined;
  private readonly traffic: Traffic;
  private readonly content: Content;
  private requestBytes = 0;
  private firstRequestAt = NEVER;
  private written = 0;
  private nextPieceAt = NEVER;
  private isBlocked = false;

  constructor(traffic: Traffic, content: Content) {
    this.traffic = traffic;
    this.content = content;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept()) {
        this.socket ??= socket;
      }
    } else if (event.socket !== this.socket) return;
    const { socket } = this;
    if (socket === undefined || socket.state === 'closed') return;
    if (event.type === 'writable') this.isBlocked = false;
    this.read(now, socket);
    this.write(now, socket);
    if (event.type === 'peer-closed') socket.shutdown(now);
  }

  pollTimeout(): number {
    return this.nextPieceAt;
  }

  handleTimeout(now: number): void {
    if (this.socket !== undefined) this.write(now, this.socket);
  }

  private read(now: number, socket: Socket): void {
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      this.requestBytes += bytes.length;
    }
    if (this.requestBytes >= REQUEST_BYTES && this.firstRequestAt === NEVER) this.firstRequestAt = now;
  }

  private write(now: number, socket: Socket): void {
    const { traffic } = this;
    const sinceNs = now - this.firstRequestAt;
    const requests = Math.floor(this.requestBytes / REQUEST_BYTES);
    const due = bytesDue(traffic, requests, sinceNs);
    while (!this.isBlocked && this.written < due && socket.state === 'open') {
      const piece = this.content.piece(this.written, Math.min(PIECE_BYTES, due - this.written));
      this.written += piece.length;
      this.isBlocked = !socket.write(now, piece);
    }
    const hasMore = traffic.kind === 'stream' && requests > 0 && due < answerBytes(traffic);
    // Pieces come up on a grid of their own, whatever else wakes this host.
    const pieces = hasMore ? Math.floor(sinceNs / PIECE_NS) + 1 : 0;
    this.nextPieceAt = hasMore ? this.firstRequestAt + pieces * PIECE_NS : NEVER;
    if (this.nextPieceAt <= now) this.nextPieceAt = now + PIECE_NS;
  }
}

/** The client: asks, reads, judges. */
export class AskingClient implements Application {
  /** Its socket; the owner of the host connects. */
  socket: Socket | undefined = undefined;
  /** When the connection was open for data, in ns; -1 until then. */
  establishedAt = -1;
  /** When the last byte of the last answer was read, in ns; -1 until then. */
  completedAt = -1;
  /** Code of the error that ended the connection; empty when there was none. */
  errorCode = '';
  /** How long each answer took, from the request to its last byte, in ns; one for all of a bulk or a stream. */
  readonly answerTimes: number[] = [];
  private readonly traffic: Traffic;
  private readonly checker: StreamChecker;
  private readonly answerLength: number;
  private readonly answers: number;
  private asked = 0;
  private askedAt = 0;
  private nextAskAt = NEVER;

  constructor(traffic: Traffic, content: Content) {
    this.traffic = traffic;
    this.checker = new StreamChecker(content, answerBytes(traffic));
    this.answers = traffic.kind === 'requests' ? traffic.count : 1;
    this.answerLength = traffic.kind === 'requests' ? traffic.bytes : answerBytes(traffic);
  }

  get bytesDelivered(): number {
    return this.checker.bytesDelivered;
  }

  /** Whether every byte so far was the right one. */
  get isIntact(): boolean {
    return this.checker.wrongAt < 0;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable' || event.socket !== this.socket) return;
    const { socket } = event;
    if (event.type === 'established') {
      this.establishedAt = now;
      this.ask(now, socket);
    }
    if (event.type === 'closed') this.errorCode = event.error?.code ?? '';
    this.read(now, socket);
  }

  pollTimeout(): number {
    return this.nextAskAt;
  }

  handleTimeout(now: number): void {
    this.nextAskAt = NEVER;
    if (this.socket?.state === 'open') this.ask(now, this.socket);
  }

  private ask(now: number, socket: Socket): void {
    assert(this.asked < this.answers, 'asks for more than there is to ask for');
    this.asked++;
    this.askedAt = now;
    socket.write(now, new Uint8Array(REQUEST_BYTES).fill(0x3f));
  }

  private read(now: number, socket: Socket): void {
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      this.checker.accept(bytes);
    }
    const isAnswered = this.checker.bytesDelivered >= this.asked * this.answerLength;
    if (this.asked === 0 || !isAnswered || this.answerTimes.length >= this.asked) return;
    this.answerTimes.push(now - this.askedAt);
    if (this.asked < this.answers) {
      const { traffic } = this;
      const pauseNs = traffic.kind === 'requests' ? traffic.pauseNs : 0;
      this.nextAskAt = now + pauseNs;
      return;
    }
    this.completedAt = now;
    socket.shutdown(now);
  }
}
