import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Subflow } from '../subflow.js';
import { blest } from './blest.js';
import { ecf } from './ecf.js';
import { linuxDefault } from './linux.js';
import { schedulers } from './named.js';
import { redundant } from './redundant.js';
import { roundRobin } from './round-robin.js';
import type { ScheduleContext, Scheduler } from './scheduler.js';
import { targetBased, targetBasedFor } from './target-based.js';

const mss = 1000;

interface Kind {
  readonly srttMs?: number;
  readonly rttvarMs?: number;
  readonly cwnd?: number;
  readonly ssthresh?: number;
  /** Bytes given to it and not acknowledged. */
  readonly flight?: number;
  readonly isBackup?: boolean;
  readonly isStale?: boolean;
  readonly state?: Subflow['state'];
}

function subflows(kinds: readonly Kind[]): Subflow[] {
  return kinds.map((kind, index) => {
    const { srttMs = 10, rttvarMs = 0, cwnd = 10 * mss, ssthresh = 10 * mss, flight = 0 } = kind;
    const { isBackup = false, isStale = false, state = 'active' } = kind;
    const tcp = {
      ...{ mss, cwndBytes: cwnd, ssthreshBytes: ssthresh, bytesInFlight: flight },
      ...{ sndUna: 1, pushEnd: 1 + flight },
      rtt: { srttNs: srttMs * MILLISECOND, rttvarNs: rttvarMs * MILLISECOND },
    };
    const sendRoomBytes = (): number => (state === 'active' ? Math.max(0, cwnd - flight) : 0);
    return { id: index + 1, state, isBackup, isStale, tcp, sendRoomBytes } as unknown as Subflow;
  });
}

function asked(context: Partial<ScheduleContext> = {}): ScheduleContext {
  return {
    ...{ now: 0, purpose: 'new', dataOffset: 1, pendingBytes: 1_000_000, windowBytes: 1_000_000 },
    ...{ peerWindowBytes: 1_000_000, windowBlocks: 0, failed: [] },
    ...context,
  };
}

/** Index of the subflow that `scheduler` chooses; -1 for none. */
function choose(
  scheduler: Scheduler,
  kinds: readonly Kind[],
  context: Partial<ScheduleContext> = {},
): number {
  const candidates = subflows(kinds);
  const chosen = scheduler.select(candidates, asked(context));
  return chosen === undefined ? -1 : candidates.indexOf(chosen);
}

const full = { flight: 10 * mss };

describe('every scheduler', () => {
  const kind = fc.record({
    srttMs: fc.integer({ min: 0, max: 500 }),
    rttvarMs: fc.integer({ min: 0, max: 100 }),
    cwnd: fc.integer({ min: 1, max: 100 }).map((segments) => segments * mss),
    ssthresh: fc.constantFrom(2 * mss, 50 * mss, Number.POSITIVE_INFINITY),
    flight: fc.integer({ min: 0, max: 120 }).map((segments) => segments * mss),
    isBackup: fc.boolean(),
    isStale: fc.boolean(),
    state: fc.constantFrom('opening', 'joining', 'active', 'active', 'active', 'closing', 'closed'),
  });
  const context = fc.record({
    pendingBytes: fc.integer({ min: 1, max: 10_000_000 }),
    windowBytes: fc.integer({ min: 1, max: 1_000_000 }),
    peerWindowBytes: fc.integer({ min: 1, max: 2_000_000 }),
    windowBlocks: fc.integer({ min: 0, max: 10 }),
    purpose: fc.constantFrom('new', 'reinjection'),
    now: fc.integer({ min: 0, max: 10 * SECOND }),
  });
  const usable = ({ state, isStale }: Kind): boolean => state === 'active' && isStale !== true;

  for (const [name, make] of Object.entries(schedulers)) {
    it(`${name} takes active subflows with room, backups only while no regular one works (RFC 8684 §3.3.8), and starves nobody`, () => {
      fc.assert(
        fc.property(
          fc.array(kind, { maxLength: 5 }),
          fc.array(context, { maxLength: 5 }),
          (kinds, contexts) => {
            const scheduler = make();
            for (const given of contexts) {
              const index = choose(scheduler, kinds, given as Partial<ScheduleContext>);
              const chosen = kinds[index];
              const hasRegular = kinds.some((other) => usable(other) && !other.isBackup);
              if (chosen !== undefined) {
                expect(chosen.state).toBe('active');
                expect(chosen.cwnd).toBeGreaterThan(chosen.flight);
                if (chosen.isBackup) expect(hasRegular).toBe(false);
                continue;
              }
              // Who waits does so for data under way: nothing else would wake it.
              const working = kinds.filter((other) => usable(other) && (!hasRegular || !other.isBackup));
              if (working.length > 0) expect(working.some(({ cwnd, flight }) => flight >= cwnd)).toBe(true);
            }
          },
        ),
      );
    });
  }
});

describe('round robin', () => {
  it('takes the subflows in turn, passing over what is full', () => {
    const scheduler = roundRobin();
    const turns = (kinds: Kind[], count: number): number[] =>
      Array.from({ length: count }, () => choose(scheduler, kinds));
    expect(turns([{ srttMs: 1 }, { srttMs: 99 }, {}], 4)).toEqual([0, 1, 2, 0]);
    expect(turns([{}, full, {}], 3)).toEqual([2, 0, 2]);
  });
});

describe('redundant', () => {
  it('copies to regular subflows that work, and to no others', () => {
    const kinds: Kind[] = [{}, { isBackup: true }, { isStale: true }, { state: 'joining' }];
    expect(subflows(kinds).map((subflow) => redundant().mayCopy!(subflow))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('ECF (Lim et al., CoNEXT 2017, algorithm 1)', () => {
  const fast = { srttMs: 10, ...full };
  const slow = { srttMs: 100 };

  it('takes the fastest while it has room', () => {
    expect(choose(ecf(), [slow, { srttMs: 10 }])).toBe(1);
  });

  it('waits for the fastest with little left to send, and uses the slower one with much', () => {
    // 5 KB end in 15 ms on the fastest, 500 KB in half a second.
    expect(choose(ecf(), [slow, fast], { pendingBytes: 5 * mss })).toBe(-1);
    expect(choose(ecf(), [slow, fast], { pendingBytes: 500 * mss })).toBe(0);
  });

  it('does not wait where the slower one ends as soon', () => {
    expect(choose(ecf(), [{ srttMs: 15 }, fast], { pendingBytes: 2 * mss })).toBe(0);
  });

  it('goes on waiting a little longer than it would have begun to (β)', () => {
    // 95 KB take 105 ms on the fastest: more than the slower one's 100, less than a quarter more.
    const scheduler = ecf();
    expect(choose(scheduler, [slow, fast], { pendingBytes: 95 * mss })).toBe(0);
    expect(choose(scheduler, [slow, fast], { pendingBytes: 50 * mss })).toBe(-1);
    expect(choose(scheduler, [slow, fast], { pendingBytes: 95 * mss })).toBe(-1);
  });
});

describe('BLEST (Ferlin et al., Networking 2016)', () => {
  const fast = { srttMs: 10, ...full };
  const slow = { srttMs: 100 };

  it('uses the slower one only where the window has room for what the fastest sends meanwhile', () => {
    // In 100 ms the fastest sends 10 windows of 10 to 19 segments: 145 KB, times λ of 1.19 after a round trip.
    expect(choose(blest(), [slow, fast], { peerWindowBytes: 180 * mss, now: SECOND })).toBe(0);
    expect(choose(blest(), [slow, fast], { peerWindowBytes: 170 * mss, now: SECOND })).toBe(-1);
    expect(choose(blest(), [slow, { srttMs: 10 }], { peerWindowBytes: 20 * mss })).toBe(1);
  });

  it('counts what the slower one has in flight already', () => {
    const busy = { srttMs: 100, cwnd: 20 * mss, flight: 15 * mss };
    expect(choose(blest(), [busy, fast], { peerWindowBytes: 180 * mss, now: SECOND })).toBe(-1);
  });

  it('becomes more careful while the window blocks, and less so afterwards', () => {
    const scheduler = blest();
    const ask = (now: number, windowBlocks: number): number =>
      choose(scheduler, [slow, fast], { now, windowBlocks, peerWindowBytes: 182 * mss });
    expect(ask(SECOND, 0)).toBe(0);
    for (let step = 1; step <= 3; step++) ask(SECOND + step * 100 * MILLISECOND, step);
    expect(ask(SECOND + 350 * MILLISECOND, 3)).toBe(-1);
    for (let step = 5; step <= 20; step++) ask(SECOND + step * 100 * MILLISECOND, 3);
    expect(ask(4 * SECOND, 3)).toBe(0);
  });
});

describe("Linux's default", () => {
  it('takes the subflow whose queue drains first, not the one with the lowest round-trip time', () => {
    const empty = { srttMs: 100, flight: 0 };
    const busy = { srttMs: 10, cwnd: 20 * mss, flight: 15 * mss };
    expect(choose(linuxDefault(), [busy, empty])).toBe(1);
    expect(choose(linuxDefault(), [busy, { srttMs: 100, flight: 9 * mss }])).toBe(0);
  });

  it('lets wait what Linux would queue on a full subflow that drains sooner, and gives the rest to the next', () => {
    // 9 KB at 120 KB/s take 75 ms, in which the full one sends 90 KB at 1.2 MB/s: it would be given 80 more.
    const kinds = [
      { srttMs: 10, ...full },
      { srttMs: 100, flight: 9 * mss },
    ];
    expect(choose(linuxDefault(), kinds, { pendingBytes: 70 * mss })).toBe(-1);
    expect(choose(linuxDefault(), kinds, { pendingBytes: 90 * mss })).toBe(1);
    expect(choose(linuxDefault(), kinds, { pendingBytes: 90 * mss, windowBytes: 70 * mss })).toBe(-1);
  });
});

describe('target-based', () => {
  const wifi = { srttMs: 20, ...full };
  const cellular = { srttMs: 10 };

  it('takes the first subflow while it has room, though another were quicker', () => {
    expect(choose(targetBased(), [{ srttMs: 20 }, cellular])).toBe(0);
  });

  it('uses others for what would miss the deadline only (MP-DASH, CoNEXT 2016)', () => {
    // 500 KB/s: 200 KB arrive within 450 ms, 300 KB do not.
    expect(choose(targetBased(), [wifi, cellular], { pendingBytes: 200 * mss })).toBe(-1);
    expect(choose(targetBased(), [wifi, cellular], { pendingBytes: 300 * mss })).toBe(1);
  });

  it('counts the time that bytes have waited', () => {
    const scheduler = targetBased();
    const kinds = [wifi, cellular];
    expect(choose(scheduler, kinds, { pendingBytes: 150 * mss })).toBe(-1);
    expect(choose(scheduler, kinds, { pendingBytes: 150 * mss, now: 250 * MILLISECOND })).toBe(1);
    // What was written later has its own time.
    const later = { dataOffset: 1 + 150 * mss, pendingBytes: 150 * mss, now: 250 * MILLISECOND };
    expect(choose(scheduler, kinds, later)).toBe(-1);
  });

  it('uses others while the preferred one is slower than a rate asked for', () => {
    expect(choose(targetBasedFor({ rateBps: 3e6 })(), [wifi, cellular])).toBe(-1);
    expect(choose(targetBasedFor({ rateBps: 5e6 })(), [wifi, cellular])).toBe(1);
  });

  it('refuses a target that is none', () => {
    for (const target of [{ deadlineNs: 0 }, { rateBps: -1 }, { margin: 2 }, { deadlineNs: Number.NaN }])
      expect(() => targetBasedFor(target)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }),
      );
  });
});
