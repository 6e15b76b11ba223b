/**
 * The simulated network against a real clock: the very same links, boxes and hosts, with a TUN device or a socket as
 * one of the ends. Owns nothing but the bookkeeping between the two clocks; it has no timer and does no input or
 * output. The owner, an event loop with timers, does this:
 *
 * ```
 * on a packet or a timer:   now = clock()
 *                           while (!driver.advance(now)) let other work of the event loop happen, then now = clock()
 *                           hand packets that came in to their devices, with `now`
 *                           set the timer for driver.nextEventAt()
 * ```
 *
 * Events carry the instant at which they were due, not the one at which the owner came round, so an emulated link
 * keeps its rate under a coarse timer; packets only leave in small bursts then.
 */

import { SubflowError } from '../base/index.js';
import type { Simulator } from './simulator.js';

/** How a driver shares the processor. */
export interface RealTimeOptions {
  /** Most events handled in one call, so that the owner's event loop stays alive under load. Default 20,000. */
  readonly maxEventsPerCall?: number;
}

/** Drives a {@link Simulator} by the clock of its owner. */
export class RealTimeDriver {
  readonly simulator: Simulator;
  private readonly maxEventsPerCall: number;
  /** Greatest delay in ns between an instant and the call that handled it. */
  private worstLag = 0;

  /** The simulator's clock must be the owner's: start it with the time it is (`new Simulator(seed, now)`). */
  constructor(simulator: Simulator, options: RealTimeOptions = {}) {
    this.simulator = simulator;
    this.maxEventsPerCall = options.maxEventsPerCall ?? 20_000;
    if (!(this.maxEventsPerCall >= 1)) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', 'a driver handles at least one event in a call');
    }
  }

  /** Greatest delay so far, in ns, with which an event was handled. */
  get worstLagNs(): number {
    return this.worstLag;
  }

  /**
   * Handles what is due up to `now` (ns of the owner's clock). False when the limit of events was reached first: call
   * again soon. A clock that steps back changes nothing until it has caught up.
   */
  advance(now: number): boolean {
    const { simulator } = this;
    const lag = now - simulator.nextEventAt();
    if (lag > this.worstLag) this.worstLag = lag;
    if (simulator.run({ until: now, maxEvents: this.maxEventsPerCall }) === 'event-limit') return false;
    simulator.runUntil(now);
    return true;
  }

  /** When to call {@link advance} next, in ns of the owner's clock; NEVER when only a packet can change anything. */
  nextEventAt(): number {
    return this.simulator.nextEventAt();
  }
}
