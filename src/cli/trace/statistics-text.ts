/** All the numbers of a report for a person: by subflow and direction, by host, and over time where that was asked for. */

import type {
  ConnectionReport,
  DataDirectionReport,
  Distribution,
  IntervalReport,
  SubflowDirectionReport,
  SubflowReport,
  TraceReport,
} from '../../trace/index.js';
import { type TableColumn, tableLines } from '../table.js';
import { formatDuration, formatRate, formatShare, formatSize } from '../units.js';

const senders = ['client', 'server'] as const;
type Sender = (typeof senders)[number];

/** The numbers of every connection. */
export function statisticsText(report: TraceReport): string {
  return report.connections.map((connection) => connectionText(connection, report)).join('\n\n');
}

function connectionText(connection: ConnectionReport, { range, intervalNs }: TraceReport): string {
  const to = range?.toNs === null ? 'the end' : seconds(range?.toNs ?? 0);
  const span = range === null ? '' : ` from ${seconds(range.fromNs)} to ${to}`;
  return [
    `Statistics of connection ${connection.id}${span}`,
    ...indented(subflowTable(connection)),
    ...connection.subflows.flatMap((subflow) => senders.flatMap((by) => sourceLines(subflow, by))),
    ...indented(dataTable(connection)),
    ...(intervalNs === null ? [] : indented(intervalTable(connection))),
  ].join('\n');
}

const subflowColumns = columns(
  ['subflow', true],
  ['sender', false],
  ['packets', true],
  ['bytes', true],
  ['different', true],
  ['sent again', true],
  ['late', true],
  ['reinjected', true],
  ['missing', true],
  ['share', true],
  ['goodput', true],
  ['rtt (95 %)', true],
  ['in flight (most)', true],
  ['bytes per ACK', true],
  ['zero windows', true],
);

function subflowTable({ subflows }: ConnectionReport): string[] {
  const rows = subflows.flatMap((subflow) =>
    senders.map((by) => [String(subflow.id), by, ...directionCells(directionOf(subflow, by))]),
  );
  return tableLines(subflowColumns, rows);
}

function directionCells(direction: SubflowDirectionReport): string[] {
  const { share, goodputBps, rtt, flightBytes, ackBytes, zeroWindows, zeroWindowNs } = direction;
  return [
    String(direction.packets),
    ...[direction.bytes, direction.uniqueBytes, direction.retransmittedBytes].map(formatSize),
    ...[direction.lateBytes, direction.reinjectedBytes, direction.missingBytes].map(formatSize),
    share === null ? '-' : formatShare(share),
    goodputBps === null ? '-' : formatRate(goodputBps),
    spread(rtt, formatDuration, 'p95'),
    spread(flightBytes, formatSize, 'max'),
    ackBytes === null ? '-' : formatSize(ackBytes.median),
    zeroWindows === 0 ? '0' : `${zeroWindows} (${formatDuration(zeroWindowNs)})`,
  ];
}

/** Whose bytes a subflow carried again. */
function sourceLines(subflow: SubflowReport, by: Sender): string[] {
  return directionOf(subflow, by).reinjectedFrom.map(
    ({ subflow: from, bytes }) =>
      `  Subflow ${subflow.id} carried ${formatSize(bytes)} of the ${by}'s data after subflow ${from} had.`,
  );
}

const dataColumns = columns(
  ['data of the', false],
  ['bytes', true],
  ['new', true],
  ['reinjected', true],
  ['goodput', true],
  ['DATA_ACK after (95 %)', true],
  ['in flight (most)', true],
  ['out of order (most)', true],
  ['waited (longest)', true],
  ['window full', true],
  ['waiting for the ACKs of', false],
);

function dataTable(connection: ConnectionReport): string[] {
  return tableLines(
    dataColumns,
    senders.map((by) => [by, ...dataCells(dataOf(connection, by))]),
  );
}

function dataCells(data: DataDirectionReport): string[] {
  const { windowBlockedNs, windowBlockedBy, goodputBps } = data;
  const blockers = windowBlockedBy.map(({ subflow, ns }) => `subflow ${subflow}: ${formatDuration(ns)}`);
  return [
    ...[data.bytes, data.uniqueBytes, data.reinjectedBytes].map(formatSize),
    goodputBps === null ? '-' : formatRate(goodputBps),
    spread(data.dataRtt, formatDuration, 'p95'),
    spread(data.flightBytes, formatSize, 'max'),
    spread(data.outOfOrderBytes, formatSize, 'max'),
    spread(data.outOfOrderNs, formatDuration, 'max'),
    formatDuration(windowBlockedNs),
    blockers.length === 0 ? '-' : blockers.join(', '),
  ];
}

/** New data of both hosts over time, and how much of it each subflow carried. */
function intervalTable({ clientData, serverData, subflows }: ConnectionReport): string[] {
  const titles = columns(
    ['from', true],
    ...senders.flatMap((by): [string, boolean][] => [
      [by, true],
      ...subflows.map(({ id }): [string, boolean] => [`on ${id}`, true]),
    ]),
  );
  const byStart = (data: DataDirectionReport): Map<number, IntervalReport> =>
    new Map((data.intervals ?? []).map((interval) => [interval.startNs, interval]));
  const known = [byStart(clientData), byStart(serverData)];
  const starts = [...new Set(known.flatMap((intervals) => [...intervals.keys()]))];
  const rows = starts
    .sort((one, other) => one - other)
    .map((start) => [
      seconds(start),
      ...known.flatMap((intervals) => intervalCells(intervals.get(start), subflows)),
    ]);
  return rows.length === 0 ? [] : tableLines(titles, rows);
}

function intervalCells(
  interval: IntervalReport | undefined,
  subflows: readonly SubflowReport[],
): readonly string[] {
  if (interval === undefined) return ['-', ...subflows.map(() => '-')];
  return [
    formatRate(interval.goodputBps),
    ...subflows.map(({ id }) =>
      formatShare((interval.subflows.find(({ subflow }) => subflow === id)?.bytes ?? 0) / interval.bytes),
    ),
  ];
}

function directionOf({ clientToServer, serverToClient }: SubflowReport, by: Sender): SubflowDirectionReport {
  return by === 'client' ? clientToServer : serverToClient;
}

function dataOf({ clientData, serverData }: ConnectionReport, by: Sender): DataDirectionReport {
  return by === 'client' ? clientData : serverData;
}

/** The median, and one end of the samples. */
function spread(samples: Distribution | null, format: (value: number) => string, end: 'p95' | 'max'): string {
  return samples === null ? '-' : `${format(samples.median)} (${format(samples[end])})`;
}

function columns(...titles: readonly (readonly [string, boolean])[]): TableColumn[] {
  return titles.map(([title, isNumber]) => ({ title, isNumber }));
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function seconds(ns: number): string {
  return `${(ns / 1e9).toFixed(3)} s`;
}
