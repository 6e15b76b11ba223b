/** The options report for a person: each handshake packet by packet, what was agreed, and what is unusual. */

import {
  agreedText,
  type ConnectionReport,
  type OptionNote,
  type OptionReport,
  type PacketOptionsReport,
  reportOptions,
  type SubflowOptionsReport,
  tcpKindName,
  type TraceReport,
} from '../../trace/index.js';

const roles: Readonly<Record<PacketOptionsReport['role'], string>> = {
  syn: 'SYN',
  'syn-ack': 'SYN+ACK',
  third: 'Third packet, which completes the handshake',
  data: 'Data',
};

/** All handshakes of a capture, then how often each option occurs in it. */
export function optionsText(report: TraceReport): string {
  return [...report.connections.map(connectionText), countText(report)].join('\n\n');
}

function connectionText(connection: ConnectionReport): string {
  const { subflows } = reportOptions(connection);
  return [
    `Options of connection ${connection.id}`,
    ...subflows.flatMap((subflow) => subflowLines(subflow)),
    ...signalLines(connection),
  ].join('\n');
}

function subflowLines({ subflow, client, server, packets, agreed }: SubflowOptionsReport): string[] {
  const head = `  Subflow ${subflow}: ${client} -> ${server}`;
  if (packets.length === 0) return [head, '    Its handshake was not captured.'];
  return [head, ...packets.flatMap(packetLines), `    Agreed: ${agreedText(agreed)}.`];
}

function packetLines({
  packet,
  atNs,
  sender,
  role,
  payloadLength,
  options,
  notes,
}: PacketOptionsReport): string[] {
  const payload = payloadLength === 0 ? '' : `, ${payloadLength} bytes of payload`;
  return [
    `    ${roles[role]} from the ${sender} at ${(atNs / 1e9).toFixed(6)} s${payload} [${packet}]`,
    ...(options.length === 0 ? ['      no options'] : options.flatMap(optionLines)),
    ...notes.map((one) => noteLine(one, '      ')),
  ];
}

function optionLines({ name, text, notes }: OptionReport): string[] {
  return [`      ${name}: ${text}`, ...notes.map((one) => noteLine(one, '        '))];
}

function noteLine({ severity, text }: OptionNote, indent: string): string {
  return `${indent}${severity === 'warning' ? 'Unusual' : 'Note'}: ${text}`;
}

/** Priorities, addresses and resets: all that was said after the handshake. */
function signalLines({ signals, addresses }: ConnectionReport): string[] {
  const announced = addresses.map(
    ({ announcedPacket, owner, addressId, address, port, announcements }) =>
      `    ADD_ADDR of the ${owner}: address ${addressId} is ${address}${port === null ? '' : ` port ${port}`}, ` +
      `${announcements === 1 ? 'said once' : `said ${announcements} times`} [${announcedPacket}]`,
  );
  const said = signals.map(
    ({ packet, atNs, by, subflow, option, meaning }) =>
      `    ${option} from the ${by} on subflow ${subflow} at ${(atNs / 1e9).toFixed(6)} s: ${meaning} [${packet}]`,
  );
  const lines = [...announced, ...said];
  return lines.length === 0 ? [] : ['  Afterwards', ...lines];
}

function countText({ options, tcpOptions, malformedOptions }: TraceReport): string {
  const multipath = Object.entries(options).filter(([, count]) => count > 0);
  return [
    'Options in the whole capture',
    ...Object.entries(tcpOptions).map(([kind, count]) => `  ${tcpKindName(Number(kind))}: ${count}`),
    ...multipath.map(([name, count]) => `    ${name}: ${count}`),
    ...(malformedOptions === 0 ? [] : [`    malformed: ${malformedOptions}`]),
  ].join('\n');
}
