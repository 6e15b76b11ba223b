/**
 * What the scheduler decided, and why: a scheduler that asks another one and notes what it said, with what stood behind it.
 * The reason is told from what the scheduler was shown, in the order in which all schedulers look: which subflows could
 * carry the bytes at all, which of these had room, and then what the scheduler itself goes by.
 */
import type { ScheduleContext, Scheduler, SchedulerFactory, Subflow } from '../mptcp/index.js';

/** Why a subflow was chosen, or none. */
export type Reason =
  /** No other active subflow had room. */
  | 'only-room'
  /** Of several with room, the scheduler preferred it. */
  | 'preferred'
  /** Bytes that another subflow failed. */
  | 'reinjection'
  /** None had room: congestion windows are full. */
  | 'windows-full'
  /** One had room, and the scheduler waits for a better one. */
  | 'waits'
  /** The peer's receive window has no room. */
  | 'peer-window';

/** All reasons, in the order of legends; a {@link DecisionLog} refers to them by place. */
export const reasons: readonly Reason[] = [
  'preferred',
  'only-room',
  'reinjection',
  'waits',
  'windows-full',
  'peer-window',
];

/** What each scheduler prefers one of several subflows with room for, in the field's terms. */
const preferences: Readonly<Record<string, string>> = {
  'lowest-rtt': 'lowest smoothed RTT among those with room',
  'round-robin': 'its turn',
  redundant: 'carries all data',
  blest: 'would not block the send window',
  ecf: 'completes earliest',
  linux: 'its queue drains first',
  'target-based': 'preferred path meets the deadline',
};

/** A reason in words; `scheduler` is the name of the one that decided. */
export function explainReason(reason: Reason, scheduler: string): string {
  switch (reason) {
    case 'preferred':
      return preferences[scheduler] ?? 'preferred by the scheduler';
    case 'only-room':
      return 'the only subflow with room in its congestion window';
    case 'reinjection':
      return 'reinjection of data that another subflow failed';
    case 'waits':
      return 'waits for a better subflow although another has room';
    case 'windows-full':
      return 'every congestion window is full';
    case 'peer-window':
      return "the peer's receive window is full";
  }
}

/** One decision; `subflow` is undefined where none was chosen. */
export type NoteDecision = (now: number, subflow: Subflow | undefined, reason: Reason) => void;

/** A factory of schedulers that decide as those of `factory` and have every decision noted. */
export function recordingScheduler(factory: SchedulerFactory, note: NoteDecision): SchedulerFactory {
  return () => new RecordingScheduler(factory(), note);
}

class RecordingScheduler implements Scheduler {
  readonly name: string;
  readonly mayCopy?: (subflow: Subflow) => boolean;
  private readonly inner: Scheduler;
  private readonly note: NoteDecision;

  constructor(inner: Scheduler, note: NoteDecision) {
    this.inner = inner;
    this.note = note;
    this.name = inner.name;
    if (inner.mayCopy !== undefined) this.mayCopy = (subflow) => inner.mayCopy!(subflow);
  }

  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    const chosen = this.inner.select(candidates, context);
    this.note(context.now, chosen, reasonOf(chosen, candidates, context));
    return chosen;
  }
}

function reasonOf(
  chosen: Subflow | undefined,
  candidates: readonly Subflow[],
  context: ScheduleContext,
): Reason {
  let withRoom = 0;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (subflow.state === 'active' && subflow.sendRoomBytes(context.now) > 0) withRoom++;
  }
  if (chosen === undefined) {
    if (context.windowBytes <= 0) return 'peer-window';
    return withRoom > 0 ? 'waits' : 'windows-full';
  }
  if (context.purpose === 'reinjection') return 'reinjection';
  return withRoom > 1 ? 'preferred' : 'only-room';
}
