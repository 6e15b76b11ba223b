/** Connections as a reader wants to see them: those that a text is found in, in an order. Pure. */
import type { MachineConnection, MachineSubflow } from './state.js';

/** What can be sorted by. */
export const sortKeys = [
  'token',
  'local',
  'remote',
  'state',
  'sending',
  'receiving',
  'sent',
  'received',
  'rtt',
  'resent',
] as const;
export type SortKey = (typeof sortKeys)[number];

/** An order; numbers begin with the largest, words with the first. */
export interface RowOrder {
  readonly key: SortKey;
  readonly isReversed: boolean;
}

type Value = string | number;

const values: Readonly<Record<SortKey, (connection: MachineConnection) => Value>> = {
  token: ({ token }) => token,
  local: ({ local }) => local,
  remote: ({ remote }) => remote,
  state: ({ state, fallback }) => `${state}${fallback ? ' fell back' : ''}`,
  sending: ({ sendRateBps }) => sendRateBps ?? 0,
  receiving: ({ receiveRateBps }) => receiveRateBps ?? 0,
  sent: ({ sentBytes }) => sentBytes,
  received: ({ receivedBytes }) => receivedBytes,
  rtt: ({ subflows }) => Math.max(0, ...subflows.map(({ rttMs }) => rttMs)),
  resent: (connection) => resentBytes(connection),
};

/** Bytes that were sent again: at the data level, and by the subflows. */
export function resentBytes({ retransmittedBytes, subflows }: MachineConnection): number {
  return subflows.reduce((sum, subflow) => sum + subflow.retransmittedBytes, retransmittedBytes);
}

/** The share of a subflow in the direction in which it moved more, 0 to 1: as `subflow monitor` shows it. */
export function shareOf({ sentBytes, receivedBytes, sendShare, receiveShare }: MachineSubflow): number {
  return sentBytes >= receivedBytes ? sendShare : receiveShare;
}

/** Those in which all words of `filter` are found, in the order; undefined leaves them as they came. */
export function rowsOf(
  connections: readonly MachineConnection[],
  filter: string,
  order: RowOrder | undefined,
): readonly MachineConnection[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = connections.filter((connection) => {
    const text = textOf(connection);
    return words.every((word) => text.includes(word));
  });
  if (order === undefined) return found;
  const of = values[order.key];
  const sign = order.isReversed ? -1 : 1;
  return found.sort((a, b) => sign * compare(of(a), of(b)) || compare(a.token, b.token));
}

function textOf({ token, local, remote, state, fallback, checksum, subflows }: MachineConnection): string {
  const flows = subflows.flatMap((each) => [
    ...[each.local, each.remote],
    ...(each.backup === 'none' ? [] : ['backup']),
  ]);
  const words = [token, local, remote, state, ...flows];
  if (fallback) words.push('fell back', 'fallback');
  if (checksum) words.push('checksum');
  return words.join(' ').toLowerCase();
}

/** Words from a to z, numbers from the largest. */
function compare(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return b - a;
  return a < b ? -1 : a > b ? 1 : 0;
}
