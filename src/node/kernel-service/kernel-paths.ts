/**
 * The subflows of one kernel connection as paths of a policy: what TCP_INFO shows of each, and what is remembered from look to look. Knows
 * no system calls.
 *
 * A path is silent when it owes an acknowledgment, and heard nothing for three round-trip times and at least 200 ms: as long as TCP
 * waits at the least before it sends again on Linux (TCP_RTO_MIN).
 */
import { MILLISECOND } from '../../base/index.js';
import type { KernelSubflow } from '../../linux/index.js';
import type { TargetPath } from '../../mptcp/index.js';
import type { LinkId, PathSample, PolicyPath } from '../../policy/index.js';

/** Shortest time in ns, and how many round-trip times, that a path is silent after. */
const SILENT_NS = 200 * MILLISECOND;
const SILENT_ROUND_TRIPS = 3;

/** States of TCP (tcp_states.h of the kernel): those that carry data, and those on the way there. */
const ESTABLISHED = 1;
const CLOSE_WAIT = 8;
const openingStates = [2, 3, 12];

/** What is remembered of one subflow. */
export interface KernelPathState {
  readonly link: LinkId;
  /** As the kernel showed it last. */
  subflow: KernelSubflow;
  /** ID of its local address; 0 is the one that the connection began with. Undefined for a subflow that was not asked for here. */
  readonly addressId: number | undefined;
  /** Whether this side asked for it to be a backup. */
  isBackup: boolean;
  /** Whether it ever carried data. */
  wasOpen: boolean;
  /** Bytes acknowledged at the last look. */
  bytesAcked: bigint;
  /** Since when it owes an acknowledgment and heard of nothing, in ns. */
  owesSince: number;
  /** When it was looked at last, in ns. */
  lookedAt: number;
  /** Bytes in both directions by the last look. */
  bytes: number;
  /** Bytes in both directions since the look before. */
  newBytes: number;
}

/** What is known of a subflow when it is first seen. */
export interface NewPath {
  readonly link: LinkId;
  readonly addressId: number | undefined;
  readonly isBackup: boolean;
}

export class KernelPaths {
  private readonly known = new Map<number, KernelPathState>();

  /** Those that are open or being opened, by number. */
  get paths(): ReadonlyMap<number, KernelPathState> {
    return this.known;
  }

  /**
   * Takes in what the kernel shows at `now`. `describe` says what is known of one that was not seen before; undefined leaves it
   * out until the next look. Returns those that are gone, with what they moved since the look before, as far as the kernel still shows
   * them.
   */
  look(
    now: number,
    subflows: readonly KernelSubflow[],
    describe: (subflow: KernelSubflow) => NewPath | undefined,
  ): KernelPathState[] {
    for (const state of this.known.values()) state.newBytes = 0;
    const there = new Set<number>();
    for (const subflow of subflows) {
      const state = this.known.get(subflow.id);
      if (state !== undefined) update(state, now, subflow);
      if (!isOpen(subflow) && !isOpeningState(subflow.tcp.state)) continue;
      there.add(subflow.id);
      if (state === undefined) this.add(now, subflow, describe(subflow));
    }
    const gone: KernelPathState[] = [];
    for (const [id, state] of this.known) {
      if (there.has(id)) continue;
      this.known.delete(id);
      gone.push(state);
    }
    return gone;
  }

  private add(now: number, subflow: KernelSubflow, about: NewPath | undefined): void {
    if (about === undefined) return;
    const bytes = bytesOf(subflow);
    this.known.set(subflow.id, {
      ...about,
      ...{
        subflow,
        wasOpen: isOpen(subflow),
        bytesAcked: subflow.tcp.bytesAcked ?? 0n,
        owesSince: now,
        lookedAt: now,
      },
      ...{ bytes, newBytes: bytes },
    });
  }

  /** As a policy wants them; one that is only being opened does not count as open: nothing may be given up for it. */
  policyPaths(now: number): PolicyPath<number>[] {
    return [...this.known.values()].map((state) => ({
      id: state.subflow.id,
      link: state.link,
      isOpen: isOpen(state.subflow),
      isBackup: state.isBackup,
      sample: isOpen(state.subflow) ? sampleOf(state, now) : undefined,
    }));
  }
}

/** Whether a subflow in this state carries data. */
export function isOpenState(state: number): boolean {
  return state === ESTABLISHED || state === CLOSE_WAIT;
}

/** Whether one in this state is on the way there. */
export function isOpeningState(state: number): boolean {
  return openingStates.includes(state);
}

function isOpen({ tcp }: KernelSubflow): boolean {
  return isOpenState(tcp.state);
}

function bytesOf({ tcp }: KernelSubflow): number {
  return Number(tcp.bytesSent ?? 0n) + Number(tcp.bytesReceived ?? 0n);
}

function update(state: KernelPathState, now: number, subflow: KernelSubflow): void {
  const { tcp } = subflow;
  const bytesAcked = tcp.bytesAcked ?? 0n;
  const isHeard =
    tcp.lastAckReceivedNs < now - state.lookedAt || tcp.lastDataReceivedNs < now - state.lookedAt;
  if (tcp.unackedSegments === 0 || bytesAcked !== state.bytesAcked || isHeard) state.owesSince = now;
  // It began to owe since the last look, which may have been long ago.
  else if (state.subflow.tcp.unackedSegments === 0)
    state.owesSince = Math.max(state.lookedAt, now - tcp.lastDataSentNs);
  const bytes = bytesOf(subflow);
  state.subflow = subflow;
  state.wasOpen ||= isOpen(subflow);
  state.bytesAcked = bytesAcked;
  state.lookedAt = now;
  state.newBytes = bytes - state.bytes;
  state.bytes = bytes;
}

function sampleOf({ subflow: { tcp }, owesSince }: KernelPathState, now: number): PathSample {
  const patienceNs = Math.max(SILENT_NS, SILENT_ROUND_TRIPS * tcp.srttNs);
  return {
    srttNs: tcp.srttNs,
    rtoNs: tcp.rtoNs,
    timeouts: tcp.timeoutsInARow,
    bytesSent: Number(tcp.bytesSent ?? 0n),
    bytesRetransmitted: Number(tcp.bytesRetransmitted ?? 0n),
    isSilent: tcp.unackedSegments > 0 && now - owesSince >= patienceNs,
  };
}

/** A path as a target wants it. */
export function targetPathOf({ subflow: { id, tcp } }: KernelPathState): TargetPath {
  return {
    ...{ id, srttNs: tcp.srttNs, windowBytes: tcp.cwndSegments * tcp.sendMss },
    ...{ inFlightBytes: tcp.unackedSegments * tcp.sendMss, receivedBytes: Number(tcp.bytesReceived ?? 0n) },
  };
}
