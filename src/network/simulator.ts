/**
 * The virtual clock of a simulated network and the queue of what happens next. Owns time and the order of events;
 * knows nothing of packets. A run is a pure function of the seed and of what its owner does to it: there is no other
 * clock and no other randomness.
 *
 * The same object runs against a real clock: the owner calls {@link Simulator.runUntil} with the time it is and sets
 * a timer for {@link Simulator.nextEventAt} (see real-time.ts).
 */

import { NEVER, SeededRandom, SubflowError } from '../base/index.js';
import { EventQueue, type EventItem } from './event-queue.js';

/** How a run ended. */
export type RunOutcome = 'idle' | 'deadline' | 'event-limit' | 'stopped';

/** Bounds of a run. */
export interface RunLimits {
  /** Virtual instant in ns at which the run ends; events due then still happen. Default: NEVER. */
  readonly until?: number;
  /** Most events handled, against a world that never comes to rest. Default: no limit. */
  readonly maxEvents?: number;
}

/** Something done once at an instant. */
class ScheduledAction implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  private readonly action: (now: number) => void;

  constructor(action: (now: number) => void) {
    this.action = action;
  }

  handleDue(now: number): void {
    this.action(now);
  }
}

/** A virtual clock with what happens next. */
export class Simulator {
  /** The world's randomness. Parts that draw often take a fork of their own, so that they do not shift each other. */
  readonly random: SeededRandom;
  private readonly queue = new EventQueue();
  private clock: number;
  private handled = 0;
  private stopping = false;

  /** `seed`: any integer. `startAt`: the first instant, in ns. */
  constructor(seed: number, startAt = 0) {
    this.random = new SeededRandom(seed);
    this.clock = startAt;
  }

  /** The virtual instant, in ns. */
  get now(): number {
    return this.clock;
  }

  /** Number of events handled so far. */
  get eventCount(): number {
    return this.handled;
  }

  /** When the next event is due, in ns; NEVER when nothing is left to happen. */
  nextEventAt(): number {
    return this.queue.nextAt;
  }

  /** Wakes `item` at `at` ns instead of whenever it was to be woken; an instant in the past means now. */
  schedule(item: EventItem, at: number): void {
    this.queue.schedule(item, at < this.clock ? this.clock : at);
  }

  /** Does not wake `item` any more. */
  cancel(item: EventItem): void {
    this.queue.remove(item);
  }

  /** Does `action` at `at` ns. */
  at(at: number, action: (now: number) => void): void {
    if (Number.isNaN(at))
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', 'the instant of an action is not a number');
    this.schedule(new ScheduledAction(action), at);
  }

  /** Does `action` `delayNs` from now. */
  after(delayNs: number, action: (now: number) => void): void {
    this.at(this.clock + delayNs, action);
  }

  /** Ends the run in progress once the event being handled is done. */
  stop(): void {
    this.stopping = true;
  }

  /** Handles every event due up to and including `instant` (ns) and sets the clock to it. */
  runUntil(instant: number): void {
    this.run({ until: instant });
    if (instant > this.clock && instant !== NEVER) this.clock = instant;
  }

  /** Handles events in order until none is left, a limit is reached or {@link stop} is called. */
  run(limits: RunLimits = {}): RunOutcome {
    const until = limits.until ?? NEVER;
    const last = this.handled + (limits.maxEvents ?? NEVER);
    this.stopping = false;
    for (;;) {
      const item = this.queue.first;
      if (item === undefined) return 'idle';
      const at = item.dueAt;
      if (at > until) return 'deadline';
      if (this.handled >= last) return 'event-limit';
      this.handled++;
      this.clock = at;
      this.queue.beginTurn(item);
      item.handleDue(at);
      this.queue.endTurn(item);
      if (this.stopping) return 'stopped';
    }
  }
}
