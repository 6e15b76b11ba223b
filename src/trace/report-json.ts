/** The report as `subflow trace --json` prints it. */

import { reportOptions } from './options-report/index.js';
import type { ConnectionReport, SubflowReport, TraceReport } from './report.js';

/** The report under its schema, without what only other outputs need; `hasOptions` adds what the handshakes' options say. */
export function reportObject(report: TraceReport, hasOptions = false): Record<string, unknown> {
  const { connections, ...rest } = report;
  return {
    schema: 'subflow/trace/1',
    ...rest,
    connections: connections.map(connectionObject),
    ...(hasOptions ? { optionsReport: connections.map(reportOptions) } : {}),
  };
}

/**
 * The text of {@link reportObject} in pieces, a connection each: that of a capture with very many connections is longer than
 * a string may be.
 */
export function* reportPieces(report: TraceReport, hasOptions = false): Generator<string> {
  const { connections, ...rest } = report;
  yield `${JSON.stringify({ schema: 'subflow/trace/1', ...rest }).slice(0, -1)},"connections":`;
  yield* listPieces(connections, connectionObject);
  if (hasOptions) {
    yield ',"optionsReport":';
    yield* listPieces(connections, reportOptions);
  }
  yield '}';
}

function* listPieces<Item>(items: readonly Item[], objectOf: (item: Item) => unknown): Generator<string> {
  yield '[';
  for (const [index, item] of items.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(objectOf(item))}`;
  }
  yield ']';
}

function connectionObject({ subflows, ...rest }: ConnectionReport): Record<string, unknown> {
  return { ...rest, subflows: subflows.map(subflowObject) };
}

function subflowObject(subflow: SubflowReport): Record<string, unknown> {
  return Object.fromEntries(Object.entries(subflow).filter(([name]) => name !== 'handshake'));
}
