/** Events of a store on their way to the one who iterates over them: bounded, and never lost without a word. */
import type { StoreEvent } from '../state-store.js';

/** Events that may wait. */
export const maxWaitingEvents = 4096;

export class EventQueue implements AsyncIterable<StoreEvent> {
  private events: StoreEvent[] = [];
  private readonly digest: () => readonly StoreEvent[];
  private wake: (() => void) | undefined;
  private isEnded = false;

  /** `digest` gives what stands for everything so far, when more happened than may wait. */
  constructor(digest: () => readonly StoreEvent[]) {
    this.digest = digest;
  }

  push(event: StoreEvent): void {
    if (this.isEnded) return;
    this.events.push(event);
    if (this.events.length > maxWaitingEvents) this.events = [...this.digest()];
    this.wake?.();
  }

  /** What waits is still given out; then the iteration ends. */
  end(): void {
    this.isEnded = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StoreEvent, void, undefined> {
    for (;;) {
      const event = this.events.shift();
      if (event !== undefined) yield event;
      else if (this.isEnded) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
