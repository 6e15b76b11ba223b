/** How much a probe may send, and how long it waits. Every number here is a bound that a run cannot exceed. */
import { MILLISECOND, SECOND } from '../base/index.js';

/** Bounds of one run: a scenario, or the trace of a path. */
export interface ProbeSettings {
  /** Time that an answer to a packet has, in ns; doubled with every repetition. Routers have half of it. */
  readonly replyNs: number;
  /** Times that a packet is sent at most, 1 or more. */
  readonly attempts: number;
  /** Most packets sent in one run, more than ten: nine of them are kept for closing what was opened. */
  readonly maxPacketsSent: number;
  /** Most packets looked at in one run; what a peer sends beyond is not. */
  readonly maxPacketsHeard: number;
  /** Time after which a run ends, whatever it waits for, in ns. */
  readonly deadlineNs: number;
}

export const defaultProbeSettings: ProbeSettings = {
  replyNs: 800 * MILLISECOND,
  attempts: 3,
  maxPacketsSent: 200,
  maxPacketsHeard: 1000,
  deadlineNs: 60 * SECOND,
};
