/** Joins that came to nothing. Read first: RFC 8684 §3.2 and §3.6. */
import { SECOND } from '../../base/index.js';
import { mptcpOf, readHandshake } from '../options-report/index.js';
import type { ConnectionReport, Finding, SignalReport, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { amount, directionOf, durationText, handshakeFrames, peerOf, placeOf } from './words.js';

/** A SYN without an answer is sent again after this long (RFC 6298 §2.1): until then nothing can be said. */
const PATIENT_NS = SECOND;
/** A join that was reset after no more packets than these never was a subflow. */
const STILLBORN_PACKETS = 8;

export const joinRule: FindingRule = {
  connection: (connection) =>
    connection.subflows.flatMap((subflow) => (subflow.joined ? judge(connection, subflow) : [])),
};

function judge(connection: ConnectionReport, subflow: SubflowReport): Finding[] {
  const { openedBy, isJoinComplete, hmacVerified } = subflow;
  const wrong =
    hmacVerified === false
      ? [
          finding(
            'join-hmac-wrong',
            'problem',
            `The proofs of subflow ${subflow.id} do not fit the keys: somebody who does not have them tries to join, ` +
              'or a box changes the option',
            handshakeFrames(subflow),
          ),
        ]
      : [];
  if (openedBy === null || isJoinComplete === null) return wrong;
  if (isRefused(subflow)) return [...wrong, refused(connection, subflow)];
  return isJoinComplete ? wrong : [...wrong, incomplete(connection, subflow)];
}

function isRefused(subflow: SubflowReport): boolean {
  const { clientToServer, serverToClient, isJoinComplete } = subflow;
  if (clientToServer.resets + serverToClient.resets === 0) return false;
  if (isJoinComplete !== true) return !hasLostOption(subflow);
  const packets = clientToServer.packets + serverToClient.packets;
  return packets <= STILLBORN_PACKETS && subflow.clientBytes + subflow.serverBytes === 0;
}

/** Whether an answer came without MP_JOIN. */
function hasLostOption(subflow: SubflowReport): boolean {
  return readHandshake(subflow).some(
    ({ packet, header }) =>
      (packet.role === 'syn-ack' || packet.role === 'third') &&
      mptcpOf(header.options, 'MP_JOIN') === undefined,
  );
}

function refused(connection: ConnectionReport, subflow: SubflowReport): Finding {
  const opener = subflow.openedBy ?? 'client';
  const byPeer = directionOf(subflow, peerOf(opener)).resets > 0;
  const by = byPeer ? peerOf(opener) : opener;
  const signal = connection.signals.find(
    ({ option, subflow: id }) => option === 'MP_TCPRST' && id === subflow.id,
  );
  const reason = signal === undefined ? 'without a reason' : `with ${signal.meaning}`;
  const closedAt = closingBefore(connection, subflow);
  const text = `The ${by} reset the join of subflow ${subflow.id} (${subflow.client} -> ${subflow.server}) ${reason}. `;
  const frames = [...handshakeFrames(subflow), signal?.packet ?? null, subflow.lastPacket];
  if (closedAt !== null) {
    const late = 'It came too late: the connection was being closed by then (DATA_FIN)';
    return finding('join-refused', 'info', text + late, [...frames, closedAt]);
  }
  const why = isNobodyThere(connection, subflow, signal)
    ? nobodyThere(subflow, by)
    : advice(by, byPeer, signal?.meaning ?? '');
  return finding('join-refused', 'warning', text + why, frames);
}

/** The frame that began to close the connection, if that was before the join ended; null when it was not. */
function closingBefore(
  { clientData, serverData }: ConnectionReport,
  { lastPacket }: SubflowReport,
): number | null {
  const known = [clientData.dataFinPacket, serverData.dataFinPacket].filter((packet) => packet !== null);
  const first = Math.min(...known);
  return first < lastPacket ? first : null;
}

/** Whether the SYN to an address other than the first was reset without a word, as a host does where nobody listens. */
function isNobodyThere(
  { subflows }: ConnectionReport,
  subflow: SubflowReport,
  signal: SignalReport | undefined,
): boolean {
  const packets = readHandshake(subflow);
  const hasAnswer = packets.some(({ packet }) => packet.role === 'syn-ack');
  const isElsewhere = subflow.openedBy === 'client' && subflow.server !== subflows[0]?.server;
  return signal === undefined && !hasAnswer && isElsewhere;
}

function nobodyThere({ server }: SubflowReport, by: string): string {
  return (
    `Nobody listens at ${server} as it seems: a program that is bound to one address takes no joins at another. Bind it to ` +
    `all addresses, or announce that one with a port of its own; else look at the firewall of the ${by}`
  );
}

function advice(by: string, byPeer: boolean, reason: string): string {
  if (!byPeer) {
    return 'It did not accept the answer: its proof was wrong, or the address is not one that it wants';
  }
  if (/^reason 3 /.test(reason)) {
    return `Its limits forbid it: on Linux raise them there, "ip mptcp limits set subflow 2"`;
  }
  if (/^reason 1 /.test(reason)) {
    return `It does not know the connection or the proof: a load balancer may have led the join to another machine than the first subflow`;
  }
  if (/^reason 2 /.test(reason)) return `It has no room for more subflows now; it may be tried again`;
  return (
    `Look at the limits of the ${by} ("ip mptcp limits show" on Linux), ` +
    `at its firewall, and whether a load balancer led the join to another machine`
  );
}

function incomplete(connection: ConnectionReport, subflow: SubflowReport): Finding {
  const { id, client, server, openedBy } = subflow;
  const frames = handshakeFrames(subflow);
  const where = `subflow ${id} (${client} -> ${server})`;
  const peer = peerOf(openedBy ?? 'client');
  const packets = readHandshake(subflow);
  const syns = packets.filter(({ packet }) => packet.role === 'syn').length;
  const synAck = packets.find(({ packet }) => packet.role === 'syn-ack');
  const restNs = connection.startNs + connection.durationNs - subflow.startNs;
  if (restNs < PATIENT_NS && !hasLostOption(subflow)) {
    return finding(
      synAck === undefined ? 'join-unanswered' : 'join-unfinished',
      'info',
      `The join of ${where} was not complete when the connection, or the capture, ended ${durationText(restNs)} after it began`,
      frames,
    );
  }
  if (synAck === undefined) {
    return finding(
      'join-unanswered',
      'warning',
      `The join of ${where} got no answer to ${amount(syns, 'SYN')}. Check that the ${peer} can be reached at that ` +
        'address and that a firewall on the way passes SYNs with MP_JOIN',
      frames,
    );
  }
  if (hasLostOption(subflow)) {
    const hasAnswer = mptcpOf(synAck.header.options, 'MP_JOIN') !== undefined;
    const place = placeOf(subflow);
    const culprit =
      !hasAnswer && place === peer
        ? `the ${peer} itself, or a box before it that took the option from the SYN`
        : 'a box on the path removes it, or something answered that does not know Multipath TCP';
    return finding(
      'join-option-removed',
      'warning',
      `MP_JOIN is missing in the ${hasAnswer ? 'third packet' : 'SYN+ACK'} of ${where}: ${culprit}`,
      frames,
    );
  }
  return finding(
    'join-unfinished',
    'warning',
    `The join of ${where} was answered, but its third packet never came: the answer is lost on its way back, ` +
      'or the opener gave up',
    frames,
  );
}
