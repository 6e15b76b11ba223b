/** Joins that came to nothing. Read first: RFC 8684 §3.2 and §3.6. */
import { mptcpOf, readHandshake } from '../options-report/index.js';
import type { ConnectionReport, Finding, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { amount, directionOf, handshakeFrames, peerOf, placeOf } from './words.js';

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
  return isJoinComplete ? wrong : [...wrong, incomplete(subflow)];
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
  return finding(
    'join-refused',
    'warning',
    `The ${by} reset the join of subflow ${subflow.id} (${subflow.client} -> ${subflow.server}) ${reason}. ` +
      advice(by, byPeer, signal?.meaning ?? ''),
    [...handshakeFrames(subflow), signal?.packet ?? null, subflow.lastPacket],
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

function incomplete(subflow: SubflowReport): Finding {
  const { id, client, server, openedBy } = subflow;
  const frames = handshakeFrames(subflow);
  const where = `subflow ${id} (${client} -> ${server})`;
  const peer = peerOf(openedBy ?? 'client');
  const packets = readHandshake(subflow);
  const syns = packets.filter(({ packet }) => packet.role === 'syn').length;
  const synAck = packets.find(({ packet }) => packet.role === 'syn-ack');
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
