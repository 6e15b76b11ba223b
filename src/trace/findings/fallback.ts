/** Why a connection went on as plain TCP, and who is to blame. Read first: RFC 8684 §3.1 and §3.7. */
import { capableOf, readHandshake } from '../options-report/index.js';
import type { ConnectionReport, FallbackCause, Finding, SignalReport, SubflowReport } from '../report.js';
import type { FindingCode } from './codes.js';
import { finding, type FindingRule } from './rule.js';
import { handshakeFrames, type Host, placeOf } from './words.js';

const codes: Readonly<Record<FallbackCause, FindingCode>> = {
  'no-mp-capable-in-syn-ack': 'fallback-syn-ack',
  'no-mp-capable-in-third-ack': 'fallback-third-ack',
  'syn-without-mp-capable': 'fallback-syn-retried',
  'no-dss': 'fallback-no-dss',
  checksum: 'fallback-checksum',
  'infinite-mapping': 'fallback-infinite-mapping',
  version: 'fallback-version',
};

export const fallbackRule: FindingRule = {
  connection: (connection) => {
    const { fallback, fallbackCause } = connection;
    return fallback && fallbackCause !== null ? [fallenBack(connection, fallbackCause)] : [];
  },
};

function fallenBack(connection: ConnectionReport, cause: FallbackCause): Finding {
  const [first] = connection.subflows;
  const place = first === undefined ? undefined : placeOf(first);
  const frames =
    first === undefined || cause === 'checksum' || cause === 'no-dss' ? [] : handshakeFrames(first);
  const fails = connection.signals.filter(({ option }) => option === 'MP_FAIL');
  return finding(codes[cause], 'warning', `Plain TCP: ${textOf(cause, place, first, fails[0])}`, [
    connection.fallbackPacket,
    ...fails.map(({ packet }) => packet),
    ...frames,
  ]);
}

function textOf(
  cause: FallbackCause,
  place: Host | undefined,
  first: SubflowReport | undefined,
  fail: SignalReport | undefined,
): string {
  if (cause === 'version') return versions(first);
  if (cause !== 'checksum') return sentence(cause, place);
  return (
    `the ${fail?.by ?? 'receiver'} found a DSS checksum wrong and said so (MP_FAIL): a box changes the payload, ` +
    'such as an application-level gateway for FTP or SIP'
  );
}

/** What the two hosts asked for and answered. */
function versions(first: SubflowReport | undefined): string {
  const packets = first === undefined ? [] : readHandshake(first);
  const of = (role: 'syn' | 'syn-ack'): string => {
    const found = packets.find(
      ({ packet, header }) => packet.role === role && capableOf(header) !== undefined,
    );
    return found === undefined ? 'another one' : `version ${capableOf(found.header)!.version}`;
  };
  return (
    `the client asked for ${of('syn')} of Multipath TCP, the server answered with ${of('syn-ack')}, and the client did not ` +
    'go on with that: one of them needs an upgrade'
  );
}

/** What happened, and what that says given the end at which the capture was made. */
function sentence(cause: Exclude<FallbackCause, 'version' | 'checksum'>, place: Host | undefined): string {
  switch (cause) {
    case 'no-mp-capable-in-syn-ack':
      return `the server answered MP_CAPABLE without it. ${noAnswer(place)}`;
    case 'no-mp-capable-in-third-ack':
      return (
        'SYN and SYN+ACK had MP_CAPABLE, the third packet and the data did not. ' +
        (place === 'client'
          ? 'The capture was made near the client: a box before it takes the option out of the SYN+ACK, or the client refuses'
          : 'A box on the path takes the option out of the SYN+ACK or of the third packet: capture at the client to see which')
      );
    case 'syn-without-mp-capable':
      return (
        'the SYNs with MP_CAPABLE got no answer, the one without did: a firewall drops them, or they were lost by chance. ' +
        'If every connection over this path begins with that delay, ask who runs it to pass TCP option 30'
      );
    case 'no-dss':
      return (
        'the handshake was whole, then data came without a DSS: ' +
        'a box passes options of SYNs and removes those of data, or a proxy ends the connection'
      );
    case 'infinite-mapping':
      return 'a host mapped all that follows (a DSS of length 0) without MP_FAIL: it found the path unfit for Multipath TCP';
  }
}

function noAnswer(place: Host | undefined): string {
  const onServer =
    'it has no Multipath TCP, has it off (net.mptcp.enabled on Linux), or its program does not ask for it (mptcpize)';
  if (place === 'server') return `The capture was made near the server, which saw the option: ${onServer}`;
  return `Either ${onServer}, or a box on the path removes the option: a capture at the server tells which`;
}
