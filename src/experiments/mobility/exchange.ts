/**
 * Requests and answers over one connection, as applications on a phone have them: who asks, and who answers. Both know how
 * long each is, so that bytes need no frames around them. Owns when each request was made and answered; who connects and over
 * what stands in phone-world.ts.
 */

import { assert, NEVER } from '../../base/index.js';
import type { Socket } from '../../stack/index.js';

/** A conversation. */
export interface ExchangePlan {
  /** Bytes of a request. */
  readonly requestBytes: number;
  /** Pieces that a request is written in, such as frames of a voice that speaks, one every {@link pieceIntervalNs}. */
  readonly pieces: number;
  readonly pieceIntervalNs: number;
  /** Bytes of an answer. */
  readonly answerBytes: number;
  /** Time that the other side takes to think, from the last byte of a request to the answer, in ns. */
  readonly thinkNs: number;
  /** When the first request begins, in ns, and how long after one the next does. */
  readonly firstAtNs: number;
  readonly intervalNs: number;
  /** Requests, as far as they fit. */
  readonly count: number;
  /** Time after the last byte of a request was written without a whole answer after which it has failed, in ns. */
  readonly patienceNs: number;
}

/** What became of a request. */
export interface Exchange {
  /** When its last piece was written, in ns: when somebody who speaks falls silent. */
  askedAtNs: number;
  /** When the first byte of its answer came, in ns. */
  firstByteAtNs: number | undefined;
  /** When all of its answer had come, in ns. */
  answeredAtNs: number | undefined;
  /** Whether it was given up, or cut off with its connection. */
  hasFailed: boolean;
}

/** A request under way, and how far it is. */
interface Pending {
  readonly exchange: Exchange;
  piecesWritten: number;
  nextPieceAtNs: number;
  answerBytesLeft: number;
}

/** The side that asks. */
export class Asker {
  /** Requests in the order in which they began. */
  readonly exchanges: Exchange[] = [];
  private readonly plan: ExchangePlan;
  private readonly pending: Pending[] = [];
  private begun = 0;

  constructor(plan: ExchangePlan) {
    assert(plan.requestBytes % plan.pieces === 0, 'pieces of a request are of one size');
    this.plan = plan;
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.pending.length === 0;
  }

  /** Whether every request was answered or has failed. */
  get isDone(): boolean {
    return this.begun === this.plan.count && this.isIdle;
  }

  /** When something is due, in ns. */
  pollTimeout(): number {
    const { begun, plan } = this;
    let at = begun < plan.count ? plan.firstAtNs + begun * plan.intervalNs : NEVER;
    for (const { exchange, nextPieceAtNs } of this.pending)
      at = Math.min(at, nextPieceAtNs, exchange.askedAtNs + plan.patienceNs);
    return at;
  }

  /**
   * Writes what is due to `socket`, which may be connecting still; undefined where there is none, and then requests fail as
   * they begin. Returns whether a request has failed for want of patience.
   */
  handleTimeout(now: number, socket: Socket | undefined): boolean {
    const { plan, pending } = this;
    while (this.begun < plan.count && plan.firstAtNs + this.begun * plan.intervalNs <= now)
      this.begin(now, socket);
    if (socket !== undefined && socket.state !== 'closed')
      for (const request of pending) this.writePieces(now, request, socket);
    const isLate = pending.some(({ exchange }) => exchange.askedAtNs + plan.patienceNs <= now);
    while (pending.length > 0 && pending[0]!.exchange.askedAtNs + plan.patienceNs <= now)
      pending.shift()!.exchange.hasFailed = true;
    return isLate;
  }

  /** Takes `bytes` of answers that came at `now`. */
  take(now: number, bytes: number): void {
    let left = bytes;
    while (left > 0 && this.pending.length > 0) {
      const request = this.pending[0]!;
      const { exchange } = request;
      exchange.firstByteAtNs ??= now;
      const taken = Math.min(left, request.answerBytesLeft);
      request.answerBytesLeft -= taken;
      left -= taken;
      if (request.answerBytesLeft > 0) return;
      exchange.answeredAtNs = now;
      this.pending.shift();
    }
  }

  /** The connection is gone: what was asked over it has failed. */
  cutOff(): void {
    for (const { exchange } of this.pending) exchange.hasFailed = true;
    this.pending.length = 0;
  }

  private begin(now: number, socket: Socket | undefined): void {
    const { plan } = this;
    this.begun++;
    const exchange: Exchange = {
      askedAtNs: now + (plan.pieces - 1) * plan.pieceIntervalNs,
      firstByteAtNs: undefined,
      answeredAtNs: undefined,
      hasFailed: socket === undefined,
    };
    this.exchanges.push(exchange);
    if (socket === undefined) return;
    this.pending.push({
      ...{ exchange, piecesWritten: 0, nextPieceAtNs: now, answerBytesLeft: plan.answerBytes },
    });
  }

  private writePieces(now: number, request: Pending, socket: Socket): void {
    const { pieces, requestBytes, pieceIntervalNs } = this.plan;
    while (request.nextPieceAtNs <= now) {
      socket.write(now, new Uint8Array(requestBytes / pieces));
      request.piecesWritten++;
      request.nextPieceAtNs =
        request.piecesWritten < pieces ? request.nextPieceAtNs + pieceIntervalNs : NEVER;
    }
  }
}

/** The side that answers, on one connection. */
export class Answerer {
  private readonly plan: ExchangePlan;
  /** Bytes of the request that is not complete. */
  private received = 0;
  /** When answers are due, in ns, in order. */
  private readonly due: number[] = [];

  constructor(plan: ExchangePlan) {
    this.plan = plan;
  }

  pollTimeout(): number {
    return this.due[0] ?? NEVER;
  }

  /** Writes the answers that are due. */
  handleTimeout(now: number, socket: Socket): void {
    while (this.pollTimeout() <= now) {
      this.due.shift();
      socket.write(now, new Uint8Array(this.plan.answerBytes));
    }
  }

  /** Takes `bytes` of requests that came at `now`. */
  take(now: number, bytes: number): void {
    this.received += bytes;
    for (; this.received >= this.plan.requestBytes; this.received -= this.plan.requestBytes)
      this.due.push(now + this.plan.thinkNs);
  }
}
