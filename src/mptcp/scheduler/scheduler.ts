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
   */
  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined;
}

/** Makes the scheduler of one connection; one without state may return the same object each time. */
export type SchedulerFactory = () => Scheduler;
