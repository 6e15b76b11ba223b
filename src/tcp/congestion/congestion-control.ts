import type { RandomSource } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';

/** How fast data may leave, for a congestion control that sets a rate and not only a window. */
export interface Pacing {
  /** Bytes a second, above 0. */
  readonly rate: number;
  /** Most bytes that leave at once; at least one segment. Then comes a pause, so that the rate is kept. */
  readonly quantumBytes: number;
}

/**
 * How much one subflow may have in flight. An implementation sees round trips, deliveries and losses, and gives a
 * window; it knows nothing of segments, options or timers. It counts in bytes (RFC 3465) and never allocates per ACK.
 *
 * Read first: RFC 5681 §3 and §4.1, RFC 9438 §4, RFC 9406 §4, RFC 7661 §4 for windows that are not used.
 *
 * During fast recovery the sender does not ask for the window: PRR (`prr.ts`) paces what goes out and brings the flight
 * down to `ssthreshBytes`, which `onCongestion` has set. One with `pacing` goes by a model of the path instead, and is asked
 * for its window there as well. Explicit congestion notification is not used.
 */
export interface CongestionControl {
  /** Stable name, in lower case: `reno`, `cubic`, `lia`. */
  readonly name: string;
  /** Most bytes that may be in flight; an integer, at least one segment. */
  readonly cwndBytes: number;
  /** Below it the window grows by slow start; `Infinity` before the first congestion. */
  readonly ssthreshBytes: number;
  /**
   * The rate at which data leaves; always the same object. Without it, as fast as the window allows. With it `onAck` is
   * called in fast recovery too, and the window holds there, whatever PRR would say.
   */
  readonly pacing?: Pacing;

  /**
   * New data was delivered, and the sender is not in fast recovery, or this is one that paces (it may be recovering from a timeout, where the
   * window grows by slow start). All fields of `ack` are filled.
   */
  onAck(now: number, ack: AckInfo): void;
  /**
   * A loss was detected and fast recovery begins, or a tail loss probe repaired a loss in silence: at most once per
   * round trip. `flightBytes` is all that is outstanding, `sndNxt - sndUna`. Sets the threshold, and the window to it.
   */
  onCongestion(now: number, flightBytes: number): void;
  /**
   * The retransmission timer fired. `isFirst` is false for a further timeout of data that has timed out already: the
   * threshold then stays (RFC 5681 §3.1). The window becomes one segment.
   */
  onTimeout(now: number, flightBytes: number, isFirst: boolean): void;
  /** The last `onCongestion` or first `onTimeout` was a mistake: nothing had been lost. Takes the reduction back. */
  onSpurious(now: number): void;
  /** All that was sent before the last loss is acknowledged. For those that pace. */
  onRecoveryEnd?(): void;
  /** Data is about to be sent and nothing has been for `idleNs`, longer than the timeout `rtoNs` (RFC 5681 §4.1). */
  onIdle(now: number, idleNs: number, rtoNs: number): void;
  /**
   * The window is to be halved though nothing was lost: the data of this subflow keeps a quicker one waiting (Raiciu et
   * al., NSDI 2012, §4.2). Left out by a control that does not go by a window of its own making.
   */
  onPenalty?(now: number): void;
  /** The largest payload of a segment changed, to `mssBytes`. */
  setMss(mssBytes: number): void;
  /** The subflow is over: it counts no more in what it shares with others. Left out by those that share nothing. */
  release?(): void;
}

/** What a congestion control is made with. */
export interface CongestionInit {
  /** Largest payload of one segment, bytes; at least 1. */
  readonly mssBytes: number;
  /** Initial window in segments of RFC 6928 (10), limited there to 14,600 bytes or two segments. */
  readonly initialWindowSegments: number;
  /** Most payload of one super-segment that leaves in one go; 0 without segmentation offload. */
  readonly maxOffloadBytes: number;
  /** For algorithms that do things at random, so that flows do not march in step; they do without where it is left out. */
  readonly random?: RandomSource;
}

/** Makes the congestion control of one subflow, when the subflow's handshake is done. */
export interface CongestionFactory {
  (init: CongestionInit): CongestionControl;
  /**
   * Of an algorithm that couples the subflows of a connection: a factory for the subflows of one more connection, which
   * closes over what they share. Whoever owns a connection asks for it once. Without it each subflow is for itself, and
   * so is each that the factory makes when it is called itself: coupled to nothing, which is how plain TCP has it.
   */
  readonly forConnection?: () => CongestionFactory;
}
