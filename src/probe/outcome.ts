/** What came of a scenario: how the target reacted, in one word and in what it did step by step. */
import type { MptcpVersion } from '../wire/index.js';
import type { RecordedPacket } from './conversation.js';
import type { DataOutcome } from './data.js';
import type { JoinOutcome } from './joining.js';
import type { Opening } from './opening.js';

/** How a target reacted to what a scenario shows it. */
export type Reaction =
  /** It took what was sent, and the connection went on as Multipath TCP. */
  | 'accepted'
  /** It went on as if nothing unusual had been sent. */
  | 'ignored'
  /** The connection went on as plain TCP. */
  | 'fell-back'
  /** It took the bytes as TCP and not as data of the connection, and waits. */
  | 'held'
  /** The subflow was reset; the connection lives. */
  | 'subflow-closed'
  /** The connection is gone. */
  | 'connection-closed'
  /** The join was refused. */
  | 'join-refused'
  /** It answered with a version that it speaks. */
  | 'other-version'
  /** No answer came to what the scenario shows. */
  | 'no-answer'
  /** The target, or the path, knows no Multipath TCP of this version: the scenario did not come to its point. */
  | 'plain-tcp'
  /** Nothing listens there. */
  | 'port-closed'
  /** No answer to any SYN, or an ICMP error. */
  | 'unreachable'
  /** SYNs with MPTCP options are not answered, SYNs without are. */
  | 'syn-dropped'
  /** What the scenario needs is not given, as a target that asks for checksums. */
  | 'not-applicable'
  /** The bounds of the run were reached. */
  | 'unfinished';

/** What a script comes to. */
export interface ScenarioOutcome {
  readonly reaction: Reaction;
  readonly opening?: Opening;
  /** The SYN without MPTCP that was sent when one with it was not answered. */
  readonly control?: Opening;
  /** The first data of version 1, where it is not the point. */
  readonly firstData?: DataOutcome;
  /** The data that is the point. */
  readonly data?: DataOutcome;
  readonly join?: JoinOutcome;
  /** Data on the joined subflow. */
  readonly joinData?: DataOutcome;
  /** Further sentences. */
  readonly notes?: readonly string[];
}

/** A scenario as it was run. */
export interface ScenarioResult extends ScenarioOutcome {
  readonly scenario: string;
  readonly version: MptcpVersion;
  readonly packets: readonly RecordedPacket[];
  /** Packets of the target's that were not looked at any more. */
  readonly unheard: number;
}

/** Reactions that say that a scenario did not come to its point. */
export function cameToThePoint(reaction: Reaction): boolean {
  switch (reaction) {
    case 'plain-tcp':
    case 'port-closed':
    case 'unreachable':
    case 'syn-dropped':
    case 'not-applicable':
    case 'unfinished':
      return false;
    case 'accepted':
    case 'ignored':
    case 'fell-back':
    case 'held':
    case 'subflow-closed':
    case 'connection-closed':
    case 'join-refused':
    case 'other-version':
    case 'no-answer':
      return true;
  }
}

/** How a target reacted that took data so, and then a join so. */
export function reactionTo(data: DataOutcome, join: JoinOutcome | undefined): Reaction {
  const lives = join === undefined || join.kind === 'accepted' || join.kind === 'answered';
  switch (data.kind) {
    case 'data-acked':
      return lives ? 'accepted' : 'fell-back';
    case 'not-taken':
      return lives ? 'held' : 'fell-back';
    case 'plain-acked':
      return 'fell-back';
    case 'failed':
      if (!data.reset) return 'fell-back';
      return lives ? 'subflow-closed' : 'connection-closed';
    case 'reset':
      return lives ? 'subflow-closed' : 'connection-closed';
    case 'silent':
      return 'no-answer';
  }
}
