/** One-way delays for a person: how far the clocks are apart and how sure that is, then each subflow and direction. */

import type {
  ClockReport,
  DelaysReport,
  DirectionDelaysReport,
  SubflowDelaysReport,
} from '../../trace/index.js';
import { type TableColumn, tableLines } from '../table.js';

/** The part on delays; nothing unless they were measured. */
export function delaysText(report: DelaysReport): string {
  const { clock, subflows } = report;
  return [
    'One-way delays between place 1 and place 2',
    ...clockLines(clock).map((line) => `  ${line}`),
    ...(subflows.length === 0 ? [] : tableLines(columns, subflows.flatMap(rows)).map((line) => `  ${line}`)),
  ].join('\n');
}

const unknown: Readonly<Record<Exclude<ClockReport['status'], 'estimated'>, string>> = {
  'no-match': 'The places have no packet in common: nothing can be said.',
  'one-direction':
    'Packets of one direction only are at both places: the clocks, and so the delays, are unknown.',
  inconsistent: 'No clock that runs evenly fits: one was set while the captures ran. The delays are unknown.',
};

function clockLines(clock: ClockReport): string[] {
  const { status, offsetNs, uncertaintyNs, driftPpm, driftUncertaintyPpm } = clock;
  if (status !== 'estimated') return [unknown[status]];
  const side = offsetNs! < 0 ? 'behind' : 'ahead of';
  const drift =
    driftPpm === null ? '' : `; it gains ${driftPpm.toFixed(1)} ppm, +- ${driftUncertaintyPpm!.toFixed(1)}`;
  return [
    `The clock of place 2 is ${precise(Math.abs(offsetNs!))} ${side} that of place 1, ` +
      `+- ${precise(uncertaintyNs!)}${drift}.`,
    'Least delays are taken to be the same there and back: a difference cannot be told from an offset.',
  ];
}

const columns: readonly TableColumn[] = [
  ['connection', true],
  ['subflow', true],
  ['sender', false],
  ['matched', true],
  ['least', true],
  ['median', true],
  ['95 %', true],
  ['most', true],
  ['lost between', true],
  ['appeared', true],
  ['ambiguous', true],
].map(([title, isNumber]) => ({ title, isNumber }) as TableColumn);

function rows({ views, clientToServer, serverToClient }: SubflowDelaysReport): string[][] {
  const names = [views.map((view) => view.connection), views.map((view) => view.subflow)].map((ids) =>
    ids.join(' = '),
  );
  return [
    [...names, 'client', ...cells(clientToServer)],
    [...names, 'server', ...cells(serverToClient)],
  ];
}

function cells({ matched, delayNs, lost, appeared, ambiguous }: DirectionDelaysReport): string[] {
  const times = delayNs === null ? [] : [delayNs.min, delayNs.median, delayNs.p95, delayNs.max];
  return [
    String(matched),
    ...(delayNs === null ? ['-', '-', '-', '-'] : times.map(precise)),
    ...[lost, appeared].map((count) => (count === null ? '-' : String(count))),
    String(ambiguous),
  ];
}

/** To the microsecond: one-way delays may be no more than that. */
function precise(ns: number): string {
  return ns < 1e10 ? `${(ns / 1e6).toFixed(3)} ms` : `${(ns / 1e9).toFixed(6)} s`;
}
