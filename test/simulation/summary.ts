/** What many worlds come to. */

import { featureNames } from './features.js';
import type { WorldReport } from './world.js';

export interface Summary {
  worlds: number;
  completed: number;
  failed: number;
  endedEarly: number;
  multipath: number;
  packets: number;
  events: number;
  bytes: number;
  virtualNs: number;
  /** Worlds that had a feature, by its name. */
  features: Map<string, number>;
  /** Stands for all digests, in the order of the seeds. */
  digests: Map<number, string>;
  /** Worlds in which the trace analyser was judged, and what was compared there. */
  traced: Map<string, number>;
  /** Worlds with violations, in the order of the seeds. */
  failures: WorldReport[];
}

export function emptySummary(): Summary {
  return {
    worlds: 0,
    completed: 0,
    failed: 0,
    endedEarly: 0,
    multipath: 0,
    packets: 0,
    events: 0,
    bytes: 0,
    virtualNs: 0,
    features: new Map(),
    digests: new Map(),
    traced: new Map(),
    failures: [],
  };
}

export function addReport(summary: Summary, report: WorldReport): void {
  summary.worlds++;
  for (const key of [
    'completed',
    'failed',
    'endedEarly',
    'multipath',
    'packets',
    'events',
    'bytes',
    'virtualNs',
  ] as const) {
    summary[key] += report[key];
  }
  for (const name of report.features) summary.features.set(name, (summary.features.get(name) ?? 0) + 1);
  for (const [name, count] of Object.entries(report.traced ?? {})) {
    summary.traced.set(name, (summary.traced.get(name) ?? 0) + count);
  }
  summary.digests.set(report.seed, report.digest);
  if (report.violations.length === 0) return;
  summary.failures.push(report);
  summary.failures.sort((a, b) => a.seed - b.seed);
}

/** A few lines for a person. */
export function formatSummary(summary: Summary): string {
  const { completed, endedEarly, failed } = summary;
  const hours = summary.virtualNs / 3.6e12;
  const lines = [
    `worlds       ${summary.worlds}, ${summary.failures.length} of them with violations`,
    `connections  ${completed + endedEarly + failed}: ${completed} whole, ${endedEarly} ended early by a side, ${failed} ended by an error`,
    `multipath    ${summary.multipath} connections had more than one subflow`,
    `packets      ${summary.packets}, ${summary.events} events, ${(summary.bytes / 1e6).toFixed(1)} MB delivered, ${hours.toFixed(1)} h of virtual time`,
  ];
  const features = featureNames.map((name) => `${name} ${summary.features.get(name) ?? 0}`);
  lines.push(`worlds with  ${features.join(', ')}`);
  const traced = [...summary.traced].map(([name, count]) => `${name} ${count}`);
  if (traced.length > 0) lines.push(`traces of    ${traced.join(', ')}`);
  const rules = new Map<string, number>();
  for (const { violations } of summary.failures) {
    for (const rule of new Set(violations.map((violation) => violation.rule))) {
      rules.set(rule, (rules.get(rule) ?? 0) + 1);
    }
  }
  for (const [rule, count] of [...rules].sort(([, a], [, b]) => b - a))
    lines.push(`  ${rule}: ${count} worlds`);
  return lines.join('\n');
}
