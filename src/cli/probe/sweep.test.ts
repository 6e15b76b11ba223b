/** A sweep in virtual time: the rate it keeps, results as they come, and what a failure or a signal leaves. */
import { describe, expect, it } from 'vitest';
import type { Support } from '../../probe/index.js';
import type { WrittenTarget } from '../target.js';
import type { ProbeReport } from './report.js';
import { lineObject, lineText, MAX_AT_ONCE, summaryText, sweep, type SweepClock } from './sweep.js';

/** A clock whose time passes when everybody waits. */
class VirtualClock implements SweepClock {
  private at = 0;
  private readonly waiting: { readonly dueAt: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.at;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.waiting.push({ dueAt: this.at + ms, wake: resolve }));
  }

  /** Lets time pass until `work` has settled. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    void work.finally(() => (isDone = true)).catch(() => undefined);
    for (let step = 0; step < 100_000; step++) {
      // Everything that does not wait for time goes on first.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone) break;
      const next = this.waiting.sort((a, b) => a.dueAt - b.dueAt).shift();
      if (next === undefined) break;
      this.at = Math.max(this.at, next.dueAt);
      next.wake();
    }
    return work;
  }
}

const targetsOf = (count: number): WrittenTarget[] =>
  Array.from({ length: count }, (_, index) => ({ host: `h${index}.example`, port: 80 }));

function reportOf(support: Support): ProbeReport {
  return {
    verdict: { support, versions: [], sentence: `It is ${support}.`, remarks: [] },
  } as unknown as ProbeReport;
}

/** A sweep whose targets take so long each; what it began and told when. */
async function swept(count: number, perSecond: number, takesMs: (index: number) => number) {
  const clock = new VirtualClock();
  const begun: number[] = [];
  const told: { readonly host: string; readonly at: number }[] = [];
  let active = 0;
  let mostActive = 0;
  const summary = await clock.until(
    sweep({
      ...{ targets: targetsOf(count), perSecond, clock, signal: new AbortController().signal },
      ask: async (target) => {
        begun.push(clock.now());
        mostActive = Math.max(mostActive, ++active);
        await clock.sleep(takesMs(Number(/\d+/.exec(target.host)![0])));
        active--;
        return reportOf('full');
      },
      onTarget: ({ host }) => told.push({ host, at: clock.now() }),
    }),
  );
  return { begun, told, mostActive, summary };
}

describe('a sweep', () => {
  it.each([
    ['quick', 1, 10],
    ['quick', 50, 0],
    ['slow', 5, 3000],
    ['slower than the rate by far', 50, 60_000],
  ])('of %s targets never begins more than %i in a second', async (_what, perSecond, takesMs) => {
    const { begun, summary } = await swept(40, perSecond, () => takesMs);
    expect(summary).toMatchObject({ asked: 40, full: 40, status: 0 });
    const gaps = begun.slice(1).map((at, index) => at - begun[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000 / perSecond - 1e-6);
  });

  it('does not catch up in a burst after targets that took long', async () => {
    const { begun, mostActive } = await swept(30, 10, (index) => (index < MAX_AT_ONCE ? 30_000 : 0));
    expect(mostActive).toBe(MAX_AT_ONCE);
    const late = begun.filter((at) => at >= 30_000);
    expect(late).toHaveLength(30 - MAX_AT_ONCE);
    for (const [index, at] of late.slice(1).entries())
      expect(at - late[index]!).toBeGreaterThanOrEqual(100 - 1e-6);
  });

  it('tells each target when it is known, not in the order of the file', async () => {
    const { told } = await swept(3, 10, (index) => (index === 0 ? 10_000 : 100));
    expect(told.map(({ host }) => host)).toEqual(['h1.example', 'h2.example', 'h0.example']);
    expect(told.map(({ at }) => at)).toEqual([200, 300, 10_000]);
  });

  it.each<[readonly (Support | 'failed')[], number]>([
    [['full', 'full'], 0],
    [['full', 'partial', 'unknown'], 1],
    [['full', 'none', 'failed'], 1],
    [['full', 'unknown'], 3],
    [['failed', 'full'], 3],
  ])('of targets that are %j goes on to the last and ends with %i', async (outcomes, status) => {
    const clock = new VirtualClock();
    const told: string[] = [];
    const summary = await clock.until(
      sweep({
        ...{ targets: targetsOf(outcomes.length), perSecond: 5, clock, signal: new AbortController().signal },
        ask: ({ host }) => {
          const outcome = outcomes[Number(host[1])]!;
          return outcome === 'failed'
            ? Promise.reject(new Error('no route'))
            : Promise.resolve(reportOf(outcome));
        },
        onTarget: (target, outcome) => told.push(lineText(target, outcome)),
      }),
    );
    expect(told).toHaveLength(outcomes.length);
    expect(summary).toMatchObject({ asked: outcomes.length, status });
  });

  it('that is stopped leaves what is done, begins no more and waits for nobody', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const told: string[] = [];
    let begun = 0;
    const summary = await clock.until(
      sweep({
        ...{ targets: targetsOf(20), perSecond: 1, clock, signal: controller.signal },
        ask: ({ host }) => {
          begun++;
          return host === 'h4.example'
            ? new Promise<never>(() => undefined)
            : Promise.resolve(reportOf('full'));
        },
        onTarget: ({ host }) => {
          told.push(host);
          if (host === 'h5.example') controller.abort();
        },
      }),
    );
    expect(begun).toBe(6);
    expect(told).toEqual(['h0.example', 'h1.example', 'h2.example', 'h3.example', 'h5.example']);
    expect(summary.asked).toBe(5);
    expect(summaryText(summary, 20)).toContain('5 of 20 targets: 5 with full support');
  });

  it('says of a target that cannot be asked why, for people and for scripts', () => {
    const target = { host: '2001:db8::1', port: 80 };
    const error = new Error('no route leads there');
    expect(lineText(target, error)).toBe('[2001:db8::1]:80: Cannot tell: no route leads there');
    expect(lineObject(target, error)).toMatchObject({
      ...{ schema: 'subflow/probe/1', target, error: 'no route leads there' },
      verdict: { support: 'unknown', sentence: 'Cannot tell: no route leads there' },
    });
  });
});
