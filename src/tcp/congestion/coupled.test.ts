import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import type { CongestionControl, CongestionFactory, CongestionInit } from './congestion-control.js';
import { balia, congestionControls, lia, newReno, olia } from './index.js';

const MSS = 1000;
const init: CongestionInit = { mssBytes: MSS, initialWindowSegments: 10, maxOffloadBytes: 0 };
const estimator = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

interface Delivery {
  readonly segments: number;
  readonly rttMs: number;
  /** Peak of the bytes in flight; the window if left out. */
  readonly peak?: number;
  readonly latestMs?: number;
  readonly isRoundStart?: boolean;
}

function deliver(control: CongestionControl, now: number, delivery: Delivery): void {
  const info = new AckInfo();
  info.begin(now, NEVER, estimator);
  info.deliveredBytes = info.ackedBytes = delivery.segments * MSS;
  info.peakInFlightBytes = delivery.peak ?? control.cwndBytes;
  info.srttNs = delivery.rttMs * MILLISECOND;
  info.latestRttNs = info.rttNs = (delivery.latestMs ?? delivery.rttMs) * MILLISECOND;
  info.isRoundStart = delivery.isRoundStart ?? false;
  info.sndNxt = 1e9;
  control.onAck(now, info);
}

/** What happened on one subflow: segments acknowledged and the smoothed round-trip time, ms; a loss; a timeout. */
type Step =
  | readonly [flow: number, what: 'ack', segments: number, rttMs: number]
  | readonly [flow: number, what: 'loss' | 'timeout'];

/** A window as the sources have it: in segments, as real numbers. */
interface Window {
  w: number;
  ssthresh: number;
  /** Seconds; 0 until the first acknowledgment: the flow does not count before. */
  rtt: number;
  /** Segments acknowledged between the last two losses, and since the last. */
  l1: number;
  l2: number;
}

interface Formula {
  /** Increase for one segment acknowledged. */
  readonly increase: (r: Window, all: readonly Window[]) => number;
  readonly afterLoss: (r: Window, all: readonly Window[]) => number;
  readonly least: number;
}

const rate = (p: Window): number => p.w / p.rtt;
const sum = (all: readonly Window[], value: (p: Window) => number): number =>
  all.reduce((total, p) => total + value(p), 0);
const max = (all: readonly Window[], value: (p: Window) => number): number => Math.max(...all.map(value));

/** RFC 6356 §3, equations 1 and 2. */
const formulaOfLia: Formula = {
  increase: (r, all) => {
    const total = sum(all, (p) => p.w);
    const alpha = (total * max(all, (p) => p.w / p.rtt ** 2)) / sum(all, rate) ** 2;
    return Math.min(alpha / total, 1 / r.w);
  },
  afterLoss: (r) => r.w / 2,
  least: 2,
};

/** Khalili et al., CoNEXT 2012, equations 5 to 7. */
const formulaOfOlia: Formula = {
  increase: (r, all) => {
    const quality = (p: Window): number => Math.max(p.l1, p.l2) / p.rtt ** 2;
    const size = (p: Window): number => Math.floor(p.w);
    const best = all.filter((p) => quality(p) === max(all, quality));
    const largest = all.filter((p) => size(p) === max(all, size));
    const collected = best.filter((p) => !largest.includes(p));
    let alpha = 0;
    if (collected.includes(r)) alpha = 1 / all.length / collected.length;
    else if (collected.length > 0 && largest.includes(r)) alpha = -1 / all.length / largest.length;
    return r.w / r.rtt ** 2 / sum(all, rate) ** 2 + alpha / r.w;
  },
  afterLoss: (r) => r.w / 2,
  least: 1,
};

/** Peng et al., ToN 2016, §V. */
const formulaOfBalia: Formula = {
  increase: (r, all) => {
    const alpha = max(all, rate) / rate(r);
    return ((rate(r) / r.rtt / sum(all, rate) ** 2) * (1 + alpha) * (4 + alpha)) / 10;
  },
  afterLoss: (r, all) => r.w - (r.w / 2) * Math.min(max(all, rate) / rate(r), 1.5),
  least: 1,
};

/** The windows after each of the `steps` by `formula`, beginning with `initial` segments in congestion avoidance. */
function windowsBy(formula: Formula, initial: readonly number[], steps: readonly Step[]): number[][] {
  const flows = initial.map((w): Window => ({ w, ssthresh: w, rtt: 0, l1: 0, l2: 0 }));
  return steps.map((step) => {
    const r = flows[step[0]]!;
    const all = (): Window[] => flows.filter((p) => p.rtt > 0);
    if (step[1] === 'ack') {
      r.rtt = step[3] / 1000;
      r.l2 += step[2];
      // Slow start: RFC 5681 §3.1, by at most eight segments an ACK.
      const wanted = r.w < r.ssthresh ? Math.min(step[2], 8) : step[2];
      const slow = Math.min(wanted, Math.max(r.ssthresh - r.w, 0));
      r.w += slow;
      // What is known of this flow when the sums are made is its window at the beginning of the ACK.
      if (wanted > slow) r.w = Math.max(r.w + (wanted - slow) * formula.increase(r, all()), 1);
    } else {
      const isAlone = all().length < 2 || r.rtt === 0;
      r.ssthresh = Math.max(isAlone ? r.w / 2 : formula.afterLoss(r, all()), isAlone ? 2 : formula.least);
      r.w = step[1] === 'loss' ? r.ssthresh : 1;
      if (r.l2 > 0) r.l1 = r.l2;
      r.l2 = 0;
    }
    return flows.map((p) => p.w);
  });
}

/** A subflow whose window is `segments`, and so is its threshold. */
function subflowOf(factory: CongestionFactory, segments: number): CongestionControl {
  const control = factory({ ...init, initialWindowSegments: 2 * segments });
  control.onCongestion(0, 1e9);
  expect(control.cwndBytes).toBe(segments * MSS);
  return control;
}

/** The windows of real subflows, in segments, after each of the `steps`; all within the time of an idle subflow. */
function windowsOf(
  factory: CongestionFactory,
  initial: readonly number[],
  steps: readonly Step[],
): number[][] {
  const connection = factory.forConnection!();
  const flows = initial.map((segments) => subflowOf(connection, segments));
  return steps.map((step, index) => {
    const control = flows[step[0]]!;
    const now = SECOND + index * MILLISECOND;
    if (step[1] === 'ack') deliver(control, now, { segments: step[2], rttMs: step[3] });
    else if (step[1] === 'loss') control.onCongestion(now, 1e9);
    else control.onTimeout(now, 1e9, true);
    return flows.map((each) => each.cwndBytes / MSS);
  });
}

/** Two paths, of 20 and 80 ms, whose queues fill and lose; both subflows were there before it began. */
const recorded: readonly Step[] = [
  [0, 'ack', 2, 20],
  [1, 'ack', 2, 80],
  ...Array.from({ length: 40 }, (_, i): Step => [
    i % 5 === 4 ? 1 : 0,
    'ack',
    2,
    i % 5 === 4 ? 80 + i : 20 + i / 4,
  ]),
  [0, 'loss'],
  ...Array.from({ length: 30 }, (_, i): Step => [
    i % 3 === 2 ? 1 : 0,
    'ack',
    1 + (i % 2),
    i % 3 === 2 ? 100 : 25,
  ]),
  [1, 'loss'],
  ...Array.from({ length: 30 }, (_, i): Step => [i % 2, 'ack', 2, i % 2 === 1 ? 85 : 22]),
  [1, 'timeout'],
  ...Array.from({ length: 30 }, (_, i): Step => [i % 2, 'ack', 3, i % 2 === 1 ? 85 : 22]),
  [0, 'loss'],
  [1, 'loss'],
  ...Array.from({ length: 20 }, (_, i): Step => [i % 2, 'ack', 2, i % 2 === 1 ? 60 : 60]),
];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.tuple(
      fc.nat(2),
      fc.constant('ack' as const),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 600 }),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.nat(2), fc.constant('loss' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(2), fc.constant('timeout' as const)) },
);

function expectClose(actual: number[][], expected: number[][]): void {
  for (const [index, windows] of expected.entries()) {
    for (const [flow, w] of windows.entries()) {
      const difference = Math.abs(actual[index]![flow]! - w);
      // The window is told in whole bytes.
      if (!(difference <= 1.01 / MSS))
        expect.fail(`step ${index}, subflow ${flow}: ${actual[index]![flow]!}, not ${w}`);
    }
  }
}

describe.each([
  ['lia', lia, formulaOfLia, 'RFC 6356 §3'],
  ['olia', olia, formulaOfOlia, 'CoNEXT 2012 §4'],
  ['balia', balia, formulaOfBalia, 'ToN 2016 §V'],
] as const)('%s', (name, factory, formula, source) => {
  test('has its name', () => {
    expect(factory(init).name).toBe(name);
    expect(congestionControls[name]).toBe(factory);
  });

  test(`follows the increase and the decrease of its source over a recorded trace (${source})`, () => {
    const expected = windowsBy(formula, [30, 20], recorded);
    const actual = windowsOf(factory, [30, 20], recorded);
    expectClose(actual, expected);
    expect(actual.at(-1)).not.toEqual(windowsOf(factory, [30, 20], recorded.slice(0, 1)).at(-1));
  });

  test('follows them whatever happens on three subflows', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        expectClose(windowsOf(factory, [30, 20, 5], steps), windowsBy(formula, [30, 20, 5], steps));
      }),
    );
  });

  test('a subflow that is alone is New Reno to the byte', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const single = steps.map(([, ...rest]) => [0, ...rest] as unknown as Step);
        const reno: CongestionFactory = Object.assign((own: CongestionInit) => newReno(own), {
          forConnection: () => newReno,
        });
        expect(windowsOf(factory, [30], single)).toEqual(windowsOf(reno, [30], single));
      }),
    );
  });

  test('subflows of different connections do not know each other', () => {
    const one = subflowOf(factory.forConnection!(), 20);
    const other = subflowOf(factory.forConnection!(), 20);
    const alone = subflowOf(factory, 20);
    for (const control of [one, other, alone]) deliver(control, 0, { segments: 20, rttMs: 50 });
    for (const control of [one, other, alone]) expect(control.cwndBytes).toBe(21 * MSS);
  });

  test('a subflow that is over, or silent for a second and four round trips, no longer counts', () => {
    for (const isOver of [true, false]) {
      const connection = factory.forConnection!();
      const [one, other] = [subflowOf(connection, 20), subflowOf(connection, 20)];
      deliver(one, 0, { segments: 1, rttMs: 500 });
      deliver(other, 0, { segments: 1, rttMs: 500 });
      const before = one.cwndBytes;
      if (isOver) other.release!();
      // The first acknowledgment finds out; a round trip of New Reno follows.
      const now = isOver ? MILLISECOND : 2 * SECOND + MILLISECOND;
      deliver(one, now, { segments: 21, rttMs: 500 });
      expect(one.cwndBytes).toBeGreaterThanOrEqual(before + MSS);
      // And it comes back.
      deliver(other, now, { segments: 1, rttMs: 500 });
      const later = one.cwndBytes;
      deliver(one, now, { segments: 22, rttMs: 500 });
      expect(one.cwndBytes).toBeLessThan(later + 0.6 * MSS);
    }
  });

  test('a subflow that is limited by the application counts with what it uses (RFC 6356 §3)', () => {
    const growth = (peak: number | undefined): number => {
      const connection = factory.forConnection!();
      const [one, other] = [subflowOf(connection, 40), subflowOf(connection, 40)];
      deliver(one, 0, { segments: 1, rttMs: 100 });
      deliver(other, 0, { segments: 1, rttMs: 100, ...(peak !== undefined && { peak }) });
      const before = one.cwndBytes;
      deliver(one, 0, { segments: 40, rttMs: 100 });
      return one.cwndBytes - before;
    };
    expect(growth(2 * MSS)).toBeGreaterThan(2 * growth(undefined));
  });
});

test('LIA: all windows together grow no faster than New Reno on the best path (RFC 6356 §2.1, goal 2)', () => {
  const flow = fc.record({
    segments: fc.integer({ min: 2, max: 500 }),
    rttMs: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(flow, { minLength: 2, maxLength: 8 }), (flows) => {
      const connection = lia.forConnection!();
      const controls = flows.map(({ segments }) => subflowOf(connection, segments));
      for (const [i, { rttMs }] of flows.entries()) deliver(controls[i]!, 0, { segments: 0, rttMs });
      // Each as much as is delivered in the same time.
      const seconds = Math.min(...flows.map(({ rttMs }) => rttMs)) / 1000 / 100;
      const before = controls.reduce((total, control) => total + control.cwndBytes, 0);
      for (const [i, { segments, rttMs }] of flows.entries())
        deliver(controls[i]!, 0, { segments: (segments * seconds * 1000) / rttMs, rttMs });
      const grown = controls.reduce((total, control) => total + control.cwndBytes, 0) - before;
      // New Reno: a segment a round trip. The best path is the one whose TCP would be fastest: w / rtt^2 decides.
      const [best] = [...flows].sort((a, b) => b.segments / b.rttMs ** 2 - a.segments / a.rttMs ** 2);
      const reno = (MSS * seconds * 1000) / best!.rttMs;
      expect(grown).toBeLessThanOrEqual(reno + flows.length);
    }),
  );
});

test.each([
  ['lia', 1, lia],
  ['balia', 1, balia],
  // Its second term may add half of one to a small window on a good path of two, and takes it from the largest.
  ['olia', 1.5, olia],
] as const)('%s: no subflow grows faster than %f New Reno would in its place', (_name, bound, factory) => {
  const flow = fc.record({
    segments: fc.integer({ min: 2, max: 500 }),
    rttMs: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(flow, flow, (first, second) => {
      const connection = factory.forConnection!();
      const [one, other] = [subflowOf(connection, first.segments), subflowOf(connection, second.segments)];
      deliver(one, 0, { segments: 0, rttMs: first.rttMs });
      deliver(other, 0, { segments: 0, rttMs: second.rttMs });
      const before = one.cwndBytes;
      deliver(one, 0, { segments: first.segments, rttMs: first.rttMs });
      expect(one.cwndBytes - before).toBeLessThanOrEqual(bound * MSS + 1);
    }),
  );
});

describe('any congestion control', () => {
  const factories = [...new Set(Object.values(congestionControls))];
  const act = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('ack' as const),
        segments: fc.integer({ min: 0, max: 50 }),
        rttMs: fc.constantFrom(0, 0.001, 1, 10, 100, 100_000),
        used: fc.constantFrom(0, 0.3, 0.6, 1),
        isRoundStart: fc.boolean(),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'loss' as const,
          'timeout' as const,
          'spurious' as const,
          'idle' as const,
          'mss' as const,
          'release' as const,
        ),
        flight: fc.constantFrom(0, MSS, 100 * MSS),
        value: fc.constantFrom(1, 536, 1000, 9000),
      }),
    },
  );
  const acts = fc.array(fc.tuple(fc.nat(2), fc.constantFrom(0, 1, 20 * MILLISECOND, 30 * SECOND), act), {
    maxLength: 150,
  });

  test.each(factories.map((factory) => [factory(init).name, factory] as const))(
    '%s: the window is a whole number of at least a segment, and does not grow while less than half of it is used (RFC 7661 §4.3)',
    (_name, factory) => {
      fc.assert(
        fc.property(acts, (list) => {
          const connection = factory.forConnection?.() ?? factory;
          const controls = [0, 1, 2].map(() => connection(init));
          const mss = [MSS, MSS, MSS];
          let now = 0;
          for (const [index, pause, each] of list) {
            now += pause;
            const control = controls[index]!;
            const before = control.cwndBytes;
            if (each.kind === 'ack') {
              const { segments, rttMs, isRoundStart } = each;
              const peak = Math.floor(before * each.used);
              deliver(control, now, { segments, rttMs, peak, isRoundStart });
              // The window of BBR is a function of the rate that was measured, not a sum of increases.
              if (2 * peak < before && control.pacing === undefined)
                expect(control.cwndBytes).toBeLessThanOrEqual(before);
            } else if (each.kind === 'loss') control.onCongestion(now, each.flight);
            else if (each.kind === 'timeout') control.onTimeout(now, each.flight, each.value !== 1);
            else if (each.kind === 'spurious') control.onSpurious(now);
            else if (each.kind === 'idle') control.onIdle(now, 1e12 / each.value, 1e9);
            else if (each.kind === 'mss') control.setMss((mss[index] = each.value));
            else control.release?.();
            for (const [i, { cwndBytes, ssthreshBytes }] of controls.entries()) {
              expect(Number.isInteger(cwndBytes)).toBe(true);
              expect(cwndBytes).toBeGreaterThanOrEqual(mss[i]!);
              expect(ssthreshBytes).toBeGreaterThan(0);
            }
          }
        }),
        { numRuns: 200 },
      );
    },
  );
});

test.each([
  ['lia', lia, 2],
  ['olia', olia, 1],
  ['balia', balia, 1],
] as const)('penalties leave %s a threshold of as many segments as losses do', (_name, factory, least) => {
  const connection = factory.forConnection!();
  const flows = [10, 10].map((segments) => subflowOf(connection, segments));
  flows.forEach((flow, index) => deliver(flow, SECOND + index, { segments: 1, rttMs: 20 }));
  const [penalised, lost] = flows as [CongestionControl, CongestionControl];
  for (let i = 0; i < 10; i++) penalised.onPenalty!(SECOND + 10 + i);
  expect([penalised.cwndBytes, penalised.ssthreshBytes]).toEqual([MSS, least * MSS]);
  for (let i = 0; i < 40; i++) lost.onCongestion(SECOND + 10 + i, lost.cwndBytes);
  expect(lost.ssthreshBytes).toBe(least * MSS);
});
