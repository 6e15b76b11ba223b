/** Which connections of a capture a reader looks for, and what a list shows of each. */
import { type ConnectionReport, sentBytes } from '../../trace/index.js';

/** A connection must fit all of it. */
export interface ConnectionFilter {
  /** Words that must all occur: a number, an address, a port, a token, a finding, why it fell back. */
  readonly text: string;
  /** `mptcp`: did not fall back. */
  readonly kind: 'all' | 'mptcp' | 'fallback' | 'tcp';
  /** Code of a finding; `any` for all that have one; empty for no matter. */
  readonly finding: string;
  /** Nanoseconds since the first frame: packets were seen between these, bounds included. */
  readonly fromNs: number;
  readonly toNs: number;
}

export const everyConnection: ConnectionFilter = {
  ...{ text: '', kind: 'all', finding: '', fromNs: 0, toNs: Number.POSITIVE_INFINITY },
};

/** Words that are looked at. */
const MAX_WORDS = 8;

/** A connection as a list shows it. */
export interface ConnectionRow {
  readonly id: number;
  readonly client: string;
  readonly server: string;
  /** `MPTCP v1`, `MPTCP v1, fell back`, `TCP`. */
  readonly protocol: string;
  readonly subflows: number;
  readonly clientBytes: number;
  readonly serverBytes: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly findings: number;
}

/** The connections that fit, in their order. */
export function filterConnections(
  connections: readonly ConnectionReport[],
  filter: ConnectionFilter,
): readonly ConnectionReport[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, MAX_WORDS);
  return connections.filter((connection) => {
    const { startNs, durationNs, findings } = connection;
    if (filter.kind !== 'all' && kindOf(connection) !== filter.kind) return false;
    if (startNs > filter.toNs || startNs + durationNs < filter.fromNs) return false;
    if (filter.finding === 'any' && findings.length === 0) return false;
    if (!['', 'any'].includes(filter.finding) && !findings.some(({ code }) => code === filter.finding))
      return false;
    return words.length === 0 || hasWords(connection, words);
  });
}

function kindOf({ protocol, fallback }: ConnectionReport): ConnectionFilter['kind'] {
  if (protocol === 'tcp') return 'tcp';
  return fallback ? 'fallback' : 'mptcp';
}

function hasWords(connection: ConnectionReport, words: readonly string[]): boolean {
  const { id, client, server, subflows, findings, fallbackCause, clientToken, serverToken } = connection;
  const texts = [
    ...[client, server, protocolOf(connection), fallbackCause ?? ''],
    ...[clientToken, serverToken].map((token) => (token === null ? '' : tokenText(token))),
    ...subflows.flatMap((flow) => [flow.client, flow.server]),
    ...findings.flatMap(({ code, text }) => [code, text]),
  ].map((text) => text.toLowerCase());
  return words.every((word) => word === `${id}` || texts.some((text) => text.includes(word)));
}

/** A token as the command line writes and reads it. */
export function tokenText(token: number): string {
  return `0x${token.toString(16).padStart(8, '0')}`;
}

export function connectionRow(connection: ConnectionReport): ConnectionRow {
  const { id, client, server, subflows, startNs, durationNs, findings } = connection;
  return {
    ...{ id, client, server, startNs, durationNs },
    protocol: protocolOf(connection),
    subflows: subflows.length,
    clientBytes: sentBytes(connection, 'client'),
    serverBytes: sentBytes(connection, 'server'),
    findings: findings.length,
  };
}

function protocolOf({ protocol, version, fallback }: ConnectionReport): string {
  if (protocol === 'tcp') return 'TCP';
  return `MPTCP${version === null ? '' : ` v${version}`}${fallback ? ', fell back' : ''}`;
}
