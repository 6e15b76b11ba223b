/**
 * What the analyser has to say to a person: rules that read the finished report and give sentences. A rule looks at one
 * connection, or at the capture as a whole; it keeps nothing. New ones are entered in the list here.
 */
import type { ConnectionReport, Finding, TraceReport } from '../report.js';

export interface FindingRule {
  /** Findings on a connection. */
  readonly connection?: (connection: ConnectionReport) => readonly Finding[];
  /** Findings on the capture; those of its connections are in the report already. */
  readonly capture?: (report: TraceReport) => readonly Finding[];
}

/** All rules, in the order in which their findings are given. */
export const findingRules: readonly FindingRule[] = [];
