/** The report as `subflow trace --json` prints it. */

import {
  type ConnectionReport,
  reportOptions,
  type SubflowReport,
  type TraceReport,
} from '../../trace/index.js';

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

function connectionObject({ subflows, ...rest }: ConnectionReport): Record<string, unknown> {
  return { ...rest, subflows: subflows.map(subflowObject) };
}

function subflowObject(subflow: SubflowReport): Record<string, unknown> {
  return Object.fromEntries(Object.entries(subflow).filter(([name]) => name !== 'handshake'));
}
