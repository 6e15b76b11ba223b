/**
 * What captures of both ends of a connection show that a box between them did. Looks at connections that have the same tokens at
 * two vantages, and at one that fell back at one end and is known as another thing at the other.
 * Read first: RFC 8684 §3.1 (keys survive boxes), Honda et al., "Is it still possible to extend TCP?", IMC 2011.
 */
import { mssOf, readHandshake, type ReadPacket, tcpKindName } from '../options-report/index.js';
import type { ConnectionReport, Finding, SubflowReport } from '../report.js';
import { viewNames } from '../views.js';
import { finding, type FindingRule } from './rule.js';
import { directionOf, hosts } from './words.js';

export const middleboxRule: FindingRule = {
  capture: ({ connections }) => pairs(connections).flatMap(([one, other]) => compareConnections(one, other)),
};

/** The two views of each connection that two vantages saw. */
function pairs(connections: readonly ConnectionReport[]): [ConnectionReport, ConnectionReport][] {
  const known = new Map<string, ConnectionReport>();
  const found: [ConnectionReport, ConnectionReport][] = [];
  for (const connection of connections) {
    const names = viewNames(connection);
    const other = names
      .map((name) => known.get(name))
      .find((seen) => seen !== undefined && seen.vantage !== connection.vantage);
    if (other !== undefined) found.push([other, connection]);
    for (const name of names) known.set(name, known.get(name) ?? connection);
  }
  return found;
}

function compareConnections(one: ConnectionReport, other: ConnectionReport): Finding[] {
  return one.subflows.flatMap((subflow) => {
    const twin = other.subflows.find(
      ({ joined, addressId, openedBy }) =>
        joined === subflow.joined && addressId === subflow.addressId && openedBy === subflow.openedBy,
    );
    return twin === undefined
      ? []
      : compareSubflows(subflow, twin, `subflow ${subflow.id} of connection ${one.id}`);
  });
}

function compareSubflows(one: SubflowReport, other: SubflowReport, what: string): Finding[] {
  const frames = [one.firstPacket, other.firstPacket];
  const findings: Finding[] = [];
  if (one.client !== other.client || one.server !== other.server) {
    findings.push(
      finding(
        'address-translated',
        'info',
        `A translator stands on the path of ${what}: ${one.client} -> ${one.server} at one end is ` +
          `${other.client} -> ${other.server} at the other`,
        frames,
      ),
    );
  }
  const rewritten = hosts.filter((by) => {
    const seen = directionOf(one, by).initialSeq;
    const there = directionOf(other, by).initialSeq;
    return seen !== null && there !== null && seen !== there;
  });
  if (rewritten.length > 0) {
    findings.push(
      finding(
        'sequence-rewritten',
        'warning',
        `A box on the path of ${what} rewrites the sequence numbers of the ${rewritten.join(' and the ')}: ` +
          'a firewall that draws its own. Multipath TCP holds, SACK and TCP Fast Open may not',
        frames,
      ),
    );
  }
  return [...findings, ...compareHandshakes(readHandshake(one), readHandshake(other), what)];
}

const roleNames = {
  syn: 'the SYN',
  'syn-ack': 'the SYN+ACK',
  third: 'the third packet',
  data: 'the first data',
} as const;

function compareHandshakes(
  packets: readonly ReadPacket[],
  others: readonly ReadPacket[],
  what: string,
): Finding[] {
  return (Object.keys(roleNames) as (keyof typeof roleNames)[]).flatMap((role) => {
    const one = packets.find(({ packet }) => packet.role === role);
    const other = others.find(({ packet }) => packet.role === role);
    if (one === undefined || other === undefined) return [];
    if (role === 'data' && !isSameSending(one, other)) return [];
    return comparePackets(one, other, `${roleNames[role]} of ${what}`);
  });
}

/** Whether both are one sending of the same data: what is sent again may rightly have other options. */
function isSameSending(one: ReadPacket, other: ReadPacket): boolean {
  const instant = timestampOf(one);
  return instant !== undefined && instant === timestampOf(other) && one.packet.sender === other.packet.sender;
}

function timestampOf({ header }: ReadPacket): number | undefined {
  for (const { option } of header.options) if (option.kind === 'timestamps') return option.tsVal;
  return undefined;
}

function comparePackets(one: ReadPacket, other: ReadPacket, what: string): Finding[] {
  const frames = [one.packet.packet, other.packet.packet];
  const findings: Finding[] = [];
  const [mss, otherMss] = [mssOf(one.header), mssOf(other.header)];
  if (mss !== null && otherMss !== null && mss !== otherMss) {
    const text = `A box clamps the MSS in ${what}: ${Math.max(mss, otherMss)} becomes ${Math.min(mss, otherMss)}`;
    findings.push(finding('mss-changed', 'info', text, frames));
  }
  const [kinds, otherKinds] = [kindsOf(one), kindsOf(other)];
  const missing = [
    ...[...kinds].filter((kind) => !otherKinds.has(kind)),
    ...[...otherKinds].filter((kind) => !kinds.has(kind)),
  ];
  if (missing.length > 0) {
    const names = missing.map(tcpKindName).join(', ');
    const text = `A box removes options from ${what}: ${names} ${missing.length === 1 ? 'is' : 'are'} at one end only. Ask who runs the path to pass TCP options`;
    findings.push(finding('option-removed', 'problem', text, frames));
  }
  return findings;
}

function kindsOf({ header }: ReadPacket): Set<number> {
  return new Set(header.options.map(({ kind }) => kind));
}
