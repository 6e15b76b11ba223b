/** Connections as a table: one line each, the busiest first. */

import type { MonitoredConnection, MonitoredSubflow, MonitorLook } from '../../node/index.js';
import { type TableColumn, tableLines } from '../table.js';
import { formatCount, formatRate, formatShare, formatSize } from '../units.js';

/** How much there is room for. */
export interface ViewSize {
  /** Most characters of a line. */
  readonly columns: number;
  /** Most lines. */
  readonly rows: number;
  /** Whether each subflow has a line below its connection. */
  readonly hasSubflows: boolean;
}

const columns: readonly TableColumn[] = [
  ...['token', 'local', 'remote', 'state'].map((title) => ({ title, isNumber: false })),
  ...['sent', 'received', 'sending', 'receiving'].map((title) => ({ title, isNumber: true })),
  ...['share', 'RTT ms', 'note'].map((title) => ({ title, isNumber: false })),
];

/** Lines beside the table: the sums, an empty one, titles, a rule, how many more, and what was counted. Warnings come on top. */
const OTHER_ROWS = 6;

/** The lines of a look. `news`: what happened lately, newest last. */
export function viewLines(look: MonitorLook, size: ViewSize, news: readonly string[] = []): string[] {
  const warnings = warningsOf(look);
  const rows = Math.max(1, size.rows - OTHER_ROWS - warnings.length - news.length);
  const order = [...look.connections].sort(
    (a, b) => activityOf(b) - activityOf(a) || bytesOf(b) - bytesOf(a) || (a.token < b.token ? -1 : 1),
  );
  const lines: string[][] = [];
  let shown = 0;
  for (const connection of order) {
    const own = [connectionCells(connection), ...(size.hasSubflows ? subflowRows(connection) : [])];
    if (lines.length + own.length > rows && shown > 0) break;
    lines.push(...own);
    shown++;
  }
  const left = look.connections.length - shown;
  return [
    totalText(look),
    ...warnings,
    '',
    ...(shown === 0 ? ['no connection of Multipath TCP'] : tableLines(columns, lines)),
    ...(left > 0 ? [`and ${formatCount(left)} more`] : []),
    ...counterLines(look),
    ...news,
  ].map((line) => line.slice(0, size.columns));
}

function activityOf({ sendRateBps, receiveRateBps }: MonitoredConnection): number {
  return (sendRateBps ?? 0) + (receiveRateBps ?? 0);
}

function bytesOf({ sentBytes, receivedBytes }: MonitoredConnection): number {
  return sentBytes + receivedBytes;
}

function totalText({ totals }: MonitorLook): string {
  const { connections, subflows, backups, fallenBack, plain } = totals;
  const parts = [
    `${formatCount(connections)} connections, ${formatCount(subflows)} subflows`,
    ...(backups > 0 ? [`${formatCount(backups)} of them backups`] : []),
    ...(fallenBack > 0 ? [`${formatCount(fallenBack)} fell back`] : []),
    ...(plain > 0 ? [`${formatCount(plain)} came as plain TCP`] : []),
    ...(totals.sendRateBps === null ? [] : [`sending ${rateText(totals.sendRateBps)}`]),
    ...(totals.receiveRateBps === null ? [] : [`receiving ${rateText(totals.receiveRateBps)}`]),
  ];
  return parts.join(', ');
}

function warningsOf({ seesSubflows, seesEvents, isWhole }: MonitorLook): string[] {
  return [
    ...(seesEvents ? [] : ['Without CAP_NET_ADMIN no events can be heard: run as root.']),
    ...(seesSubflows ? [] : ['Without it this kernel does not tell of subflows either.']),
    ...(isWhole ? [] : ['There are more than are looked at: --limit.']),
  ];
}

function connectionCells(connection: MonitoredConnection): string[] {
  const { token, local, remote, state, subflows, fallback, subflowCount } = connection;
  const count = Math.max(subflows.length, subflowCount ?? 0);
  const notes = [
    ...(fallback ? ['fell back'] : []),
    ...(connection.checksum ? ['checksum'] : []),
    ...(subflows.length === 0 && count > 1 ? [`${count} subflows`] : []),
    ...(connection.retransmittedBytes > 0 ? [`${formatSize(connection.retransmittedBytes)} sent again`] : []),
  ];
  return [
    ...[token, local, remote, state],
    ...[formatSize(connection.sentBytes), formatSize(connection.receivedBytes)],
    ...[rateText(connection.sendRateBps), rateText(connection.receiveRateBps)],
    ...[sharesText(subflows), subflows.map(({ rttMs }) => rttText(rttMs)).join('/'), notes.join(', ')],
  ];
}

/** What each subflow has of the bytes, as in `62/38b`, b for backups. */
function sharesText(subflows: readonly MonitoredSubflow[]): string {
  return subflows
    .map((each) => `${Math.round(100 * shareOf(each))}${each.backup === 'none' ? '' : 'b'}`)
    .join('/');
}

/** Of the direction in which more was moved. */
function shareOf({ sentBytes, receivedBytes, sendShare, receiveShare }: MonitoredSubflow): number {
  return sentBytes >= receivedBytes ? sendShare : receiveShare;
}

function subflowRows({ subflows }: MonitoredConnection): string[][] {
  return subflows.map((each) => {
    const notes = [
      ...(each.joined ? [`joined, ${each.localId} to ${each.remoteId}`] : ['first']),
      ...(each.backup === 'none' ? [] : [`backup (${each.backup})`]),
      ...(each.retransmittedBytes > 0 ? [`${formatSize(each.retransmittedBytes)} sent again`] : []),
    ];
    return [
      ...['', each.local, each.remote, each.state],
      ...[formatSize(each.sentBytes), formatSize(each.receivedBytes)],
      ...[rateText(each.sendRateBps), rateText(each.receiveRateBps)],
      ...[formatShare(shareOf(each)), rttText(each.rttMs), notes.join(', ')],
    ];
  });
}

/** What was counted since the last look that tells of fall-backs and failed joins. */
function counterLines({ counted, sinceMs }: MonitorLook): string[] {
  const said = Object.entries(counted).filter(([name]) =>
    /fallback|fail|infinite|reset|rst|drop|csum/i.test(name),
  );
  if (sinceMs === null || said.length === 0) return [];
  return [`counted since: ${said.map(([name, by]) => `${name.replace('MPTcpExt', '')} +${by}`).join(', ')}`];
}

function rateText(bps: number | null): string {
  return bps === null ? '-' : formatRate(bps);
}

function rttText(ms: number): string {
  return ms >= 10 ? ms.toFixed(0) : ms.toFixed(1);
}
