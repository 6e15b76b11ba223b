/** Keys and options of the handshakes. Read first: RFC 8684 §3.1. */
import { capableOf, readHandshake, reportOptions } from '../options-report/index.js';
import type { ConnectionReport, Finding, TraceReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { amount } from './words.js';

export const handshakeRule: FindingRule = {
  connection: (connection) => [...keys(connection), ...reflected(connection), ...unusual(connection)],
  capture: (report) => [...repeatedTokens(report), ...malformed(report)],
};

function keys({ keysVerified, firstPacket }: ConnectionReport): Finding[] {
  if (keysVerified !== false) return [];
  return [
    finding(
      'keys-do-not-fit',
      'problem',
      'Tokens or data sequence numbers do not follow from the keys: a host computes them wrongly, ' +
        'a box rewrites the handshake, or --key names another connection',
      [firstPacket],
    ),
  ];
}

/** The key of the SYN (version 0) in the SYN+ACK, or the whole option: who answers does not know it. */
function reflected({ subflows }: ConnectionReport): Finding[] {
  const [first] = subflows;
  if (first === undefined) return [];
  const packets = readHandshake(first);
  const syn = packets.find(({ packet, header }) => packet.role === 'syn' && capableOf(header) !== undefined);
  const answer = packets.find(
    ({ packet, header }) => packet.role === 'syn-ack' && capableOf(header) !== undefined,
  );
  if (syn === undefined || answer === undefined) return [];
  if (capableOf(answer.header)!.senderKey !== capableOf(syn.header)!.senderKey) return [];
  return [
    finding(
      'key-reflected',
      'problem',
      'The SYN+ACK has the MP_CAPABLE of the SYN, sent back as it came: the server, or a box before it, ' +
        'repeats options that it does not know',
      [syn.packet.packet, answer.packet.packet],
    ),
  ];
}

function unusual(connection: ConnectionReport): Finding[] {
  const odd = reportOptions(connection).subflows.flatMap(({ subflow, packets }) =>
    packets.flatMap(({ packet, notes, options }) =>
      [
        ...options.flatMap((option) =>
          option.notes.map((note) => ({ ...note, text: `${option.name}: ${note.text}` })),
        ),
        ...notes,
      ]
        .filter(({ severity }) => severity === 'warning')
        .map(({ text }) => ({ packet, text: `subflow ${subflow}, ${text}` })),
    ),
  );
  const [first] = odd;
  if (first === undefined) return [];
  const more = odd.length === 1 ? '' : ` (and ${odd.length - 1} more)`;
  return [
    finding(
      'handshake-unusual',
      'warning',
      `Options of the handshake break a rule: ${first.text}${more}. See --options`,
      odd.map(({ packet }) => packet),
    ),
  ];
}

/** Tokens that two connections of one vantage have at the same time (RFC 8684 §3.2: each is to be unique at its host). */
function repeatedTokens({ connections }: TraceReport): Finding[] {
  const owners = new Map<string, ConnectionReport>();
  const findings: Finding[] = [];
  for (const connection of connections) {
    for (const [host, token] of [
      [connection.client, connection.clientToken],
      [connection.server, connection.serverToken],
    ] as const) {
      if (token === null) continue;
      // Each host has its own tokens; ports differ between its connections.
      const name = `${connection.vantage} ${host.slice(0, host.lastIndexOf(':'))} ${token}`;
      const other = owners.get(name);
      owners.set(name, connection);
      if (other === undefined || other.lastPacket < connection.firstPacket) continue;
      findings.push(
        finding(
          'token-repeated',
          'warning',
          `Connections ${other.id} and ${connection.id} have the same token at the same time: ` +
            'joins cannot tell them apart. The host draws bad random numbers, or one handshake was replayed',
          [other.firstPacket, connection.firstPacket],
        ),
      );
    }
  }
  return findings;
}

function malformed({ malformedOptions, malformedFrames }: TraceReport): Finding[] {
  if (malformedOptions === 0) return [];
  return [
    finding(
      'malformed-options',
      'warning',
      `${amount(malformedOptions, 'option')} of Multipath TCP could not be read (a length or content that no version has), and ` +
        'receivers ignore such: a box damaged options, or a host makes them wrongly',
      malformedFrames,
    ),
  ];
}
