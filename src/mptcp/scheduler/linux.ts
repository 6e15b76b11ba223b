/**
 * As mainline Linux does it by default: the subflow whose queue drains first, which is what it was given and the peer has
 * not acknowledged, over its pacing rate. Linux queues on that subflow even when its windows are full, so that its drain
 * time grows until another one's is shorter. Nothing is queued here: bytes that Linux would put there wait, and another
 * subflow gets some as soon as more wait than that queue would take.
 *
 * Read first: Linux, net/mptcp/protocol.c, mptcp_subflow_get_send; net/ipv4/tcp_input.c, tcp_update_pacing_rate. Two
 * things are left out: the rate is the present one, not an average over what was queued, and no queue is bounded by a
 * socket buffer.
 */
import { SECOND } from '../../base/index.js';
import type { Subflow } from '../subflow.js';
import { bestClass, isEligible, outstandingBytes } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** The pacing rate over the window a round trip: in slow start, and above half of the threshold. */
const SLOW_START_GAIN = 2;
const AVOIDANCE_GAIN = 1.2;

/** Bytes a second that Linux would pace `subflow` at; 0 before a round trip was measured. */
function pacingRate({ tcp }: Subflow): number {
  const { srttNs } = tcp.rtt;
  if (srttNs <= 0) return 0;
  const { cwndBytes } = tcp;
  const gain = cwndBytes < tcp.ssthreshBytes / 2 ? SLOW_START_GAIN : AVOIDANCE_GAIN;
  return (gain * Math.max(cwndBytes, tcp.bytesInFlight) * SECOND) / srttNs;
}

function select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
  const rank = bestClass(candidates, context);
  let chosen: Subflow | undefined;
  let chosenDrain = Number.POSITIVE_INFINITY;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (!isEligible(subflow, context, rank) || subflow.sendRoomBytes(context.now) <= 0) continue;
    const rate = pacingRate(subflow);
    const drain = rate > 0 ? outstandingBytes(subflow) / rate : 0;
    if (drain >= chosenDrain) continue;
    chosen = subflow;
    chosenDrain = drain;
  }
  if (chosen === undefined) return undefined;
  const wantedBytes = Math.min(context.pendingBytes, context.windowBytes);
  return queuedElsewhere(candidates, context, rank, chosenDrain) < wantedBytes ? chosen : undefined;
}

/** Bytes that Linux would queue on subflows without room until they all took `drain` seconds. */
function queuedElsewhere(
  candidates: readonly Subflow[],
  context: ScheduleContext,
  rank: number,
  drain: number,
): number {
  let bytes = 0;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (!isEligible(subflow, context, rank) || subflow.sendRoomBytes(context.now) > 0) continue;
    bytes += Math.max(0, drain * pacingRate(subflow) - outstandingBytes(subflow));
  }
  return bytes;
}

const scheduler: Scheduler = { name: 'linux', select };

/** Makes the scheduler of mainline Linux. */
export const linuxDefault: SchedulerFactory = () => scheduler;
