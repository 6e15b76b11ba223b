/**
 * Many targets, begun at a bounded rate, a few at a time; results as they come. Knows nothing of how one target is asked,
 * and keeps nothing of those that are done but what all of them together come to.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { explain, ExitStatus } from '../errors.js';
import { PROBE_SCHEMA, type ProbeReport, reportObject, statusOf } from './report.js';
import type { WrittenTarget } from '../target.js';

/** Most targets that are asked at the same time. */
export const MAX_AT_ONCE = 8;

/** Time for a sweep; in tests a virtual one. */
export interface SweepClock {
  /** ms. */
  now(): number;
  /** Settles after so many ms; rejects when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface SweepOptions {
  readonly targets: readonly WrittenTarget[];
  /** Targets begun in a second. */
  readonly perSecond: number;
  /** Asks one target. May fail: that is the result then. */
  readonly ask: (target: WrittenTarget) => Promise<ProbeReport>;
  /** Hears of each target when it is done: its report, or why there is none. */
  readonly onTarget: (target: WrittenTarget, outcome: ProbeReport | Error) => void;
  /** When aborted no further target is begun, and those that are being asked are not waited for. */
  readonly signal: AbortSignal;
  readonly clock?: SweepClock;
}

/** What a sweep comes to. */
export interface SweepSummary {
  /** Targets that were asked to the end. */
  readonly asked: number;
  /** Of them by verdict; `failed` ones could not be asked. */
  readonly full: number;
  readonly partial: number;
  readonly none: number;
  readonly unknown: number;
  readonly failed: number;
  /** The exit status that all of them together mean. */
  readonly status: number;
}

const realClock: SweepClock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: (ms, signal) => wait(ms, undefined, { signal }),
};

/** Asks all targets, or those that come before `signal` is aborted. */
export async function sweep(options: SweepOptions): Promise<SweepSummary> {
  const { clock = realClock, onTarget, perSecond, signal, targets } = options;
  const tally = new Tally();
  const active = new Set<Promise<void>>();
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  let mayBeginAt = clock.now();
  for (const target of targets) {
    while (active.size >= MAX_AT_ONCE && !signal.aborted) await Promise.race([...active, aborted]);
    // Measured from the last one begun, and not from when it was due: what was late is not caught up with.
    const early = mayBeginAt - clock.now();
    if (early > 0) await clock.sleep(early, signal).catch(() => undefined);
    if (signal.aborted) break;
    mayBeginAt = clock.now() + 1000 / perSecond;
    const one: Promise<void> = outcomeOf(options, target).then((outcome) => {
      active.delete(one);
      if (signal.aborted) return;
      tally.add(outcome);
      onTarget(target, outcome);
    });
    active.add(one);
  }
  await Promise.race([Promise.all(active), aborted]);
  return tally.summary();
}

async function outcomeOf({ ask }: SweepOptions, target: WrittenTarget): Promise<ProbeReport | Error> {
  try {
    return await ask(target);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Counts outcomes. */
class Tally {
  private readonly counts = { full: 0, partial: 0, none: 0, unknown: 0, failed: 0 };
  private hasNo = false;
  private hasUnknown = false;

  add(outcome: ProbeReport | Error): void {
    this.counts[outcome instanceof Error ? 'failed' : outcome.verdict.support]++;
    const status = outcome instanceof Error ? ExitStatus.environment : statusOf(outcome);
    this.hasNo ||= status === ExitStatus.no;
    this.hasUnknown ||= status === ExitStatus.environment;
  }

  /** Some target does not support it, or else nothing could be told of some, or else every target does. */
  summary(): SweepSummary {
    const { counts } = this;
    const asked = counts.full + counts.partial + counts.none + counts.unknown + counts.failed;
    const status = this.hasNo ? ExitStatus.no : this.hasUnknown ? ExitStatus.environment : ExitStatus.done;
    return { asked, ...counts, status };
  }
}

/** The line of a target for scripts. */
export function lineObject(target: WrittenTarget, outcome: ProbeReport | Error): object {
  if (!(outcome instanceof Error)) return reportObject(outcome);
  const { line } = explain(outcome);
  const verdict = { support: 'unknown', versions: [], sentence: `Cannot tell: ${line}`, remarks: [] };
  return { schema: PROBE_SCHEMA, target: { ...target }, error: line, verdict };
}

/** The line of a target for people. */
export function lineText(target: WrittenTarget, outcome: ProbeReport | Error): string {
  const name = target.host.includes(':')
    ? `[${target.host}]:${target.port}`
    : `${target.host}:${target.port}`;
  return outcome instanceof Error
    ? `${name}: Cannot tell: ${explain(outcome).line}`
    : [`${name}: ${outcome.verdict.sentence}`, ...outcome.verdict.remarks].join(' ');
}

/** The line behind the last target, for people. */
export function summaryText(
  { asked, failed, full, none, partial, unknown }: SweepSummary,
  of: number,
): string {
  const whole = asked === of ? `${asked} targets` : `${asked} of ${of} targets`;
  return `${whole}: ${full} with full support, ${partial} with some, ${none} with none, ${unknown + failed} cannot be told`;
}
