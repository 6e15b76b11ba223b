/**
 * Whether there are descriptors for another client and its server: a client that is taken without one for its server has come for nothing, and
 * stands in the way of those before it. As HAProxy and nginx do, who reckon with two for a connection. Pipes of bulk have descriptors of their
 * own: nobody who pours and stalls takes them from clients that were let in.
 */
import { descriptorLimit, openDescriptors, pipesWithin } from '../../linux/index.js';

/** Kept for whatever else opens one: metrics, look-ups of names, files. */
const SPARE = 32;
const PER_CLIENT = 2;
const PER_PIPE = 2;

/** See the module. */
export class DescriptorBudget {
  private clients = 0;
  /** What the process had before there were clients. */
  private readonly others: number;
  private readonly limit: () => number;

  constructor(limit = descriptorLimit, others = openDescriptors() + SPARE) {
    this.limit = limit;
    this.others = others;
  }

  /** Takes a client on, to be given back by {@link release}; false where there is no room for one. */
  take(): boolean {
    const limit = this.limit();
    const kept = this.others + PER_PIPE * pipesWithin(limit);
    if (PER_CLIENT * (this.clients + 1) + kept > limit) return false;
    this.clients++;
    return true;
  }

  /** A client is gone. */
  readonly release = (): void => {
    this.clients--;
  };
}

let shared: DescriptorBudget | undefined;

/** That of all listeners of this thread. */
export function sharedBudget(): DescriptorBudget {
  return (shared ??= new DescriptorBudget());
}
