/** The latest events of a machine, for several readers who come and go: each is told what it was not told yet. Bounded. */
import { MAX_EVENTS, type MachineEvent } from '../../../lab/index.js';

/** What one reader has not heard. */
export interface Unheard {
  readonly events: readonly MachineEvent[];
  /** How many of them were let go before, or never came. */
  readonly lostEvents: number;
  /** Number of the newest one there was; what the reader says next time. */
  readonly upTo: number;
}

export class EventLog {
  private readonly events: MachineEvent[] = [];
  private count = 0;

  add(atMs: number, event: Omit<MachineEvent, 'number' | 'atMs'>): void {
    this.events.push({ number: ++this.count, atMs, ...event });
    if (this.events.length > MAX_EVENTS) this.events.shift();
  }

  /** There were more than the kernel could hold: at least one, whose number no event has. */
  lose(): void {
    this.count++;
  }

  /** What came after the event with the number `heard`; 0 for all that are kept. */
  since(heard: number): Unheard {
    const events = this.events.filter(({ number }) => number > heard);
    const before = heard === 0 ? (this.events[0]?.number ?? this.count + 1) - 1 : heard;
    return { events, lostEvents: this.count - before - events.length, upTo: this.count };
  }
}
