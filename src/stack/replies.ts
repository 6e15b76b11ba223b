/**
 * Packets that belong to no connection: resets, acknowledgments of TIME-WAIT, SYN cookies, echo replies. They are
 * written at once and wait, few at a time, for the next poll.
 */
import { Deque } from '../base/index.js';
import type { TransmitBuffer } from './transmit-buffer.js';

/** Most packets that wait; further ones are dropped, as a full link would. */
const MAX_REPLIES = 1024;

/** A packet ready to go, without payload to be cut up. */
export interface Reply {
  /** The IP packet. */
  readonly packet: Uint8Array;
  readonly interfaceId: number;
  /** See `TransmitBuffer`. */
  readonly checksumStart: number;
  readonly checksumOffset: number;
  readonly ipHeaderLength: number;
  readonly tcpHeaderLength: number;
}

export class ReplyQueue {
  private readonly queue = new Deque<Reply>();

  /** Whether none waits. */
  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** Has `reply` sent; returns false when too many wait. */
  push(reply: Reply): boolean {
    if (this.queue.length >= MAX_REPLIES) return false;
    this.queue.push(reply);
    return true;
  }

  /** Moves the oldest into `out`; false when none waits. */
  take(out: TransmitBuffer): boolean {
    const reply = this.queue.shift();
    if (reply === undefined) return false;
    out.bytes.set(reply.packet, out.offset);
    out.note = undefined;
    out.length = reply.packet.length;
    out.interfaceId = reply.interfaceId;
    out.segmentSize = 0;
    out.checksumStart = reply.checksumStart;
    out.checksumOffset = reply.checksumOffset;
    out.ipHeaderLength = reply.ipHeaderLength;
    out.tcpHeaderLength = reply.tcpHeaderLength;
    return true;
  }
}
