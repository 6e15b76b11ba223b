/**
 * Which subflow carries the next bytes. A scheduler sees subflows and numbers, never packets; it must not change what
 * it is shown. A new one is a file like `lowest-rtt.ts` and needs no other change.
 */
import type { Subflow } from '../subflow.js';

/** What is to be sent, and how the connection stands. One object is reused: read it within `select` only. */
export interface ScheduleContext {
  /** The clock, in ns. */
  readonly now: number;
  /** Whether the bytes were never sent before, or are sent again because a subflow failed them. */
  readonly purpose: 'new' | 'reinjection';
  /** Data offset of the first byte to be sent. */
  readonly dataOffset: number;
  /** Bytes that wait to be sent for this purpose, the peer's window aside. */
  readonly pendingBytes: number;
  /** How far the peer's data-level window reaches beyond `dataOffset`, in bytes. */
  readonly windowBytes: number;
  /** How far it reaches beyond what the peer acknowledged at the data level, in bytes; Infinity in plain TCP. */
  readonly peerWindowBytes: number;
  /** How often so far that window held new data back while a subflow that could have carried it was idle. */
  readonly windowBlocks: number;
  /**
   * For a reinjection: subflows that failed the bytes, to be avoided while another is usable; where every subflow did, those
   * that were tried most. Empty for new data.
   */
  readonly failed: readonly Subflow[];
}

/** Chooses subflows for one connection. */
export interface Scheduler {
  /** Stable name, kebab-case. */
  readonly name: string;
  /**
   * Picks one of `candidates` (all subflows in the order they were opened, in every state) that is active and has room
   * (`sendRoomBytes` above 0); undefined lets the bytes wait until something changes: an acknowledgment, a window, a timer.
   * Who lets them wait while a subflow has room must know of another that is about to have it, or the bytes wait for ever.
   */
  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined;
  /**
   * Whether `subflow`, where it has room, is also to carry what other subflows carry already and the peer has not yet
   * acknowledged. Copies go before new data, in the order of the stream. Left out: no bytes are sent twice by design.
   */
  mayCopy?(subflow: Subflow): boolean;
}

/** Makes the scheduler of one connection; one without state may return the same object each time. */
export type SchedulerFactory = () => Scheduler;
