/** Many targets, one after the other begun at a bounded rate, a few at a time; results as they come. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { explain, ExitStatus, UsageError } from '../errors.js';
import { probeOne, type ProbePlan, type SecretSource } from './probe-one.js';
import { PROBE_SCHEMA, type ProbeReport, reportObject, statusOf } from './report.js';
import { parseTarget, resolveTarget, type WrittenTarget } from '../target.js';

/** Most targets that are asked at the same time. */
const MAX_AT_ONCE = 8;
/** Most targets that a file may have. */
const MAX_TARGETS = 100_000;

export interface SweepOptions {
  readonly targets: readonly WrittenTarget[];
  readonly family: 0 | 4 | 6;
  /** Targets begun in a second. */
  readonly perSecond: number;
  /** Hears of each target when it is done: its report, or why there is none. */
  readonly onTarget: (target: WrittenTarget, outcome: ProbeReport | Error) => void;
}

/** Reads a file of targets: one a line; empty lines and those that begin with # are left out. Throws {@link UsageError}. */
export function readTargets(path: string): WrittenTarget[] {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new UsageError(`the targets in ${path} cannot be read: ${(error as Error).message}`);
  }
  const lines = text.split('\n').map((line) => line.replace(/#.*$/, '').trim());
  const targets = lines.filter((line) => line !== '').map(parseTarget);
  if (targets.length === 0) throw new UsageError(`there are no targets in ${path}`);
  if (targets.length > MAX_TARGETS)
    throw new UsageError(`${targets.length} targets are more than one sweep takes (${MAX_TARGETS})`);
  return targets;
}

/** Asks all targets; gives the exit status that all of them together mean. */
export async function sweep(plan: ProbePlan, secrets: SecretSource, options: SweepOptions): Promise<number> {
  const statuses: number[] = [];
  const active = new Set<Promise<void>>();
  const { targets, family, onTarget } = options;
  for (const [index, target] of targets.entries()) {
    if (index > 0) await sleep(1000 / options.perSecond);
    while (active.size >= MAX_AT_ONCE) await Promise.race(active);
    const one: Promise<void> = resolveTarget(target, family)
      .then((resolved) => probeOne(resolved, plan, secrets))
      .then(
        (report) => {
          statuses.push(statusOf(report));
          onTarget(target, report);
        },
        (error: unknown) => {
          statuses.push(ExitStatus.environment);
          onTarget(target, error instanceof Error ? error : new Error(String(error)));
        },
      )
      .finally(() => active.delete(one));
    active.add(one);
  }
  await Promise.all(active);
  return overall(statuses);
}

/** Every target supports it, some target does not, or nothing could be told of those that remain. */
function overall(statuses: readonly number[]): number {
  if (statuses.includes(ExitStatus.no)) return ExitStatus.no;
  return statuses.includes(ExitStatus.environment) ? ExitStatus.environment : ExitStatus.done;
}

/** The line of a target for scripts. */
export function lineObject(target: WrittenTarget, outcome: ProbeReport | Error): object {
  if (!(outcome instanceof Error)) return reportObject(outcome);
  return { schema: PROBE_SCHEMA, target: { ...target }, error: explain(outcome).line };
}

/** The line of a target for people. */
export function lineText(target: WrittenTarget, outcome: ProbeReport | Error): string {
  const name = `${target.host}:${target.port}`;
  return outcome instanceof Error
    ? `${name}: Cannot tell: ${explain(outcome).line}`
    : [`${name}: ${outcome.verdict.sentence}`, ...outcome.verdict.remarks].join(' ');
}
