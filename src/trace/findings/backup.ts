/** Subflows that carried little, or much, because of their priority. Read first: RFC 8684 §3.3.8. */
import type { ConnectionReport, Finding, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { bytesText, dataOf, directionOf, handshakeFrames, mainSender, percent } from './words.js';

/** A connection with less data than this may well fit into the first window of one subflow. */
const ENOUGH_BYTES = 100_000;
/** A backup that carries more than this is in use. */
const USED_SHARE = 0.2;
/** A subflow that carries less than this might as well not be there. */
const UNUSED_SHARE = 0.01;
/** Round trips of data after a join before it is said to be unused: the sender needs a few to trust it. */
const PATIENT_ROUND_TRIPS = 5;

export const backupRule: FindingRule = {
  connection: (connection) =>
    connection.fallback || dataOf(connection, mainSender(connection)).uniqueBytes < ENOUGH_BYTES
      ? []
      : connection.subflows.flatMap((subflow) => judge(connection, subflow)),
};

function judge(connection: ConnectionReport, subflow: SubflowReport): Finding[] {
  const by = mainSender(connection);
  const share = directionOf(subflow, by).share ?? 0;
  const { id } = subflow;
  const isSilent = subflow.clientToServer.packets + subflow.serverToClient.packets === 0;
  if (connection.subflows.length < 2 || isSilent) return [];
  if (subflow.backup) {
    const frames = [...prioFrames(connection, id), ...handshakeFrames(subflow)];
    return [
      share <= USED_SHARE
        ? finding(
            'backup-idle',
            'info',
            `Subflow ${id} carried ${carried(share)} of the ${by}'s data because it was announced as backup`,
            frames,
          )
        : finding(
            'backup-used',
            'info',
            `Subflow ${id} carried ${percent(share)} of the ${by}'s data although it is a backup: ` +
              'look at what became of the others',
            frames,
          ),
    ];
  }
  return share < UNUSED_SHARE && isDue(connection, subflow) ? [unused(connection, subflow, share)] : [];
}

function carried(share: number): string {
  return share === 0 ? 'nothing' : percent(share);
}

/** Whether data flowed long enough beside a subflow that stands. */
function isDue(connection: ConnectionReport, subflow: SubflowReport): boolean {
  const { lastDataNs } = dataOf(connection, mainSender(connection));
  const { synRttNs, ackRttNs, startNs, isJoinComplete, joined, ending } = subflow;
  if (lastDataNs === null || (joined && isJoinComplete !== true) || ending === 'reset') return false;
  const rttNs = (synRttNs ?? 0) + (ackRttNs ?? 0);
  return lastDataNs - startNs > PATIENT_ROUND_TRIPS * rttNs;
}

function unused(connection: ConnectionReport, subflow: SubflowReport, share: number): Finding {
  const by = mainSender(connection);
  const { uniqueBytes } = dataOf(connection, by);
  return finding(
    'subflow-unused',
    'warning',
    `Subflow ${subflow.id} stands and is no backup, but carried ${carried(share)} of the ${by}'s ` +
      `${bytesText(uniqueBytes)}: the scheduler prefers the others (a lower round-trip time), ` +
      'or its path does not carry data',
    handshakeFrames(subflow),
  );
}

function prioFrames({ signals }: ConnectionReport, subflow: number): number[] {
  return signals
    .filter((signal) => signal.option === 'MP_PRIO' && signal.subflow === subflow)
    .map(({ packet }) => packet);
}
