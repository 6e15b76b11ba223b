/** One page that looks, at its own pace: while it has no room, one state waits for it, the latest. */
import type { EventLog } from './event-log.js';
import type { MachinePicture } from './machine-state.js';

/** Where states are written to, as a stream of Node's is. */
export interface StateOutput {
  /** False when there is no room for more, until `drain` is told. */
  write(text: string): boolean;
  on(event: 'drain', listener: () => void): unknown;
}

/** See the module. */
export class StateReader {
  private readonly output: StateOutput;
  private readonly events: EventLog;
  /** Number of the last event that it was told of. */
  private heard = 0;
  private isFull = false;
  /** The latest state that there is no room for. */
  private waiting: MachinePicture | undefined = undefined;

  constructor(output: StateOutput, events: EventLog) {
    this.output = output;
    this.events = events;
    output.on('drain', () => {
      const { waiting } = this;
      this.isFull = false;
      this.waiting = undefined;
      if (waiting !== undefined) this.take(waiting);
    });
  }

  /** Has the page told, with the events that it has not heard of. */
  take(picture: MachinePicture): void {
    if (this.isFull) {
      this.waiting = picture;
      return;
    }
    const { upTo, ...news } = this.events.since(this.heard);
    this.heard = upTo;
    this.isFull = !this.output.write(`${JSON.stringify({ ...picture, ...news })}\n`);
  }
}
