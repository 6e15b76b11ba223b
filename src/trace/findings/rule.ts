/** What a rule is, and how it makes its findings. */
import type { ConnectionReport, Finding, TraceReport } from '../report.js';
import { MAX_FRAMES } from '../frame-list.js';
import type { FindingCode } from './codes.js';

export interface FindingRule {
  /** Findings on a connection. */
  readonly connection?: (connection: ConnectionReport) => readonly Finding[];
  /** Findings on the capture; those of its connections are in the report already. */
  readonly capture?: (report: TraceReport) => readonly Finding[];
}

/** A finding with frames in their order, each once. */
export function finding(
  code: FindingCode,
  severity: Finding['severity'],
  text: string,
  packets: readonly (number | null)[] = [],
): Finding {
  const frames = [...new Set(packets.filter((packet) => packet !== null && packet > 0))] as number[];
  return { code, severity, text, packets: frames.sort((one, other) => one - other).slice(0, MAX_FRAMES) };
}
