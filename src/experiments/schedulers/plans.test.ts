import { describe, expect, it } from 'vitest';
import { NEVER, SECOND, SeededRandom } from '../../base/index.js';
import { answersPlan, filePlan, type MeasuredPlan, pagePlan, videoPlan } from './plans.js';

/** Asks for all there is at `now`. */
function askAll(plan: MeasuredPlan, now: number): number[] {
  const ids: number[] = [];
  for (let fetch = plan.next(now); fetch !== undefined; fetch = plan.next(now)) ids.push(fetch.id);
  return ids;
}

describe('what is fetched', () => {
  it('of a page comes in waves: the document, what it names, and what its scripts name', () => {
    const plan = pagePlan(new SeededRandom(1));
    expect(askAll(plan, 0)).toEqual([0]);
    plan.done(SECOND, { id: 0, bytes: 1 });
    const second = askAll(plan, SECOND);
    expect(second).toHaveLength(44);
    // Images do not make the last wave known.
    for (let id = 11; id <= 44; id++) plan.done(SECOND, { id, bytes: 1 });
    expect(askAll(plan, SECOND)).toEqual([]);
    for (let id = 1; id <= 10; id++) plan.done(2 * SECOND, { id, bytes: 1 });
    const last = askAll(plan, 2 * SECOND);
    expect(last).toEqual([45, 46, 47, 48, 49, 50, 51, 52, 53]);
    expect(plan.isDone).toBe(false);
    for (const id of last) plan.done(3 * SECOND, { id, bytes: 1 });
    expect(plan.isDone).toBe(true);
    expect(plan.timesNs).toEqual([3 * SECOND]);
  });

  it('of a page is about a megabyte in 54 objects, the same for the same seed', () => {
    const bytesOf = (seed: number): number[] => {
      const plan = pagePlan(new SeededRandom(seed));
      const sizes: number[] = [];
      for (let fetch = plan.next(0); !plan.isDone; fetch = plan.next(0)) {
        sizes.push(fetch!.bytes);
        plan.done(0, fetch!);
      }
      return sizes;
    };
    expect(bytesOf(5)).toEqual(bytesOf(5));
    expect(bytesOf(5)).toHaveLength(54);
    const totals = Array.from({ length: 20 }, (_, seed) => bytesOf(seed).reduce((sum, one) => sum + one, 0));
    const mean = totals.reduce((sum, one) => sum + one, 0) / totals.length;
    expect(mean).toBeGreaterThan(700e3);
    expect(mean).toBeLessThan(1500e3);
  });

  it('of a video is wanted at fixed times, and its time counts from then even if the piece before is late', () => {
    const plan = videoPlan(2, 2, 1e6);
    expect(plan.wakeAt).toBe(0);
    expect(plan.next(0)).toEqual({ id: 0, bytes: 250_000 });
    expect(plan.wakeAt).toBe(NEVER);
    expect(plan.next(1)).toBeUndefined();
    plan.done(SECOND, { id: 0, bytes: 1 });
    expect(plan.wakeAt).toBe(2 * SECOND);
    expect(plan.next(SECOND)).toBeUndefined();
    expect(plan.next(2 * SECOND)?.id).toBe(1);
    // Late: the next one is wanted already.
    plan.done(5 * SECOND, { id: 1, bytes: 1 });
    expect(plan.next(5 * SECOND)?.id).toBe(2);
    plan.done(6 * SECOND, { id: 2, bytes: 1 });
    expect(plan.timesNs).toEqual([3 * SECOND, 2 * SECOND]);
    expect(plan.isDone).toBe(true);
    expect(plan.next(7 * SECOND)).toBeUndefined();
  });

  it('in short leaves out the first answer, while paths are being opened; a file is one', () => {
    const plan = answersPlan(1, 10);
    for (const at of [0, 2 * SECOND]) plan.done(at + 5, plan.next(at)!);
    expect(plan.timesNs).toEqual([5]);
    const file = filePlan(7);
    expect(file.next(0)).toEqual({ id: 0, bytes: 7 });
    file.done(9, { id: 0, bytes: 7 });
    expect(file.timesNs).toEqual([9]);
    expect(file.isDone).toBe(true);
  });
});
