/**
 * Every scheduler in whole connections over paths that are drawn: the stream arrives, each byte once; nothing is sent beyond
 * a window; a backup carries nothing while a regular subflow works; and no subflow that works is left without data while there is more
 * than the others can take, but by those that leave slow ones out on purpose.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MILLISECOND } from '../../src/base/index.js';
import { TransferWorld, type TransferPath } from '../../src/experiments/index.js';
import { defaultMptcpSettings, schedulerNamed, schedulers } from '../../src/mptcp/index.js';
import {
  type PacketObserver,
  randomLoss,
  type Side,
  TapDevice,
  type Violation,
  WireChecker,
} from '../../src/network/index.js';
import { CongestionChecker } from './congestion-checker.js';
import { SchedulerChecker } from './scheduler-checker.js';

const BYTES = 1_000_000;

/** What a path is drawn from. */
interface Draw {
  readonly rateBps: number;
  readonly delayMs: number;
  readonly loss: number;
  readonly backup: boolean;
}

const path = fc.record({
  rateBps: fc.integer({ min: 1, max: 20 }).map((rate) => rate * 1e6),
  delayMs: fc.integer({ min: 0, max: 60 }),
  loss: fc.constantFrom(0, 0, 0.01, 0.03),
  backup: fc.boolean(),
});
/** The first path is regular: the connection begins there. */
const world = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  first: path.map((each) => ({ ...each, backup: false })),
  others: fc.array(path, { minLength: 1, maxLength: 3 }),
  bufferBytes: fc.constantFrom(30_000, 200_000, 4_000_000),
});

/** What was seen of a transfer. */
interface Seen {
  readonly isComplete: boolean;
  readonly bytesDelivered: number;
  readonly violations: readonly Violation[];
  /** Choices of the scheduler that were judged. */
  readonly choices: number;
  /** Payload that each path delivered, about. */
  readonly pathBytes: readonly number[];
}

function run(scheduler: string, draws: readonly Draw[], seed: number, bufferBytes: number): Seen {
  const schedule = new SchedulerChecker('server');
  const wire = new WireChecker({ host: 'server' });
  let congestion: CongestionChecker | undefined = undefined as CongestionChecker | undefined;
  const observers: PacketObserver[] = [
    wire,
    { observe: (now, packet, direction) => congestion?.observe(now, packet, direction) },
  ];
  const paths = draws.map(({ rateBps, delayMs, loss, backup }, index): TransferPath => ({
    name: `path ${index}`,
    backup,
    both: {
      rateBps,
      delayNs: delayMs * MILLISECOND,
      loss: randomLoss(loss),
      queue: { ns: 60 * MILLISECOND },
    },
    wrap: (device, side: Side) => (side === 'server' ? new TapDevice(device, observers) : device),
  }));
  const mptcp = { ...defaultMptcpSettings, receiveBufferBytes: bufferBytes };
  const transfer = new TransferWorld({
    ...{ seed, paths, downloadBytes: BYTES },
    client: { mptcp },
    server: { mptcp: { ...mptcp, scheduler: schedule.watch(schedulerNamed(scheduler)) } },
  });
  congestion = new CongestionChecker('server', transfer.hosts.server.stack);
  const { client, pathBytes } = transfer.run();
  return {
    ...{ isComplete: client.isComplete && client.isIntact, bytesDelivered: client.bytesDelivered, pathBytes },
    violations: [...schedule.violations, ...wire.violations, ...congestion.violations],
    choices: schedule.choices,
  };
}

/** Alike enough that nobody has a reason to leave one of them out. */
const alike = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  draws: fc.array(
    fc.record({
      rateBps: fc.integer({ min: 4, max: 6 }).map((rate) => rate * 1e6),
      delayMs: fc.integer({ min: 10, max: 20 }),
      loss: fc.constant(0),
      backup: fc.constant(false),
    }),
    { minLength: 2, maxLength: 3 },
  ),
});

describe.each(Object.keys(schedulers))('with the scheduler %s', (name) => {
  it('every byte arrives once, none leaves beyond a window, and backups wait while a regular subflow works (RFC 8684 §3.3.4, §3.3.8)', () => {
    fc.assert(
      fc.property(world, ({ seed, first, others, bufferBytes }) => {
        const seen = run(name, [first, ...others], seed, bufferBytes);
        expect(seen.violations).toEqual([]);
        expect(seen.isComplete).toBe(true);
        expect(seen.bytesDelivered).toBe(BYTES);
        expect(seen.choices).toBeGreaterThan(0);
      }),
      { numRuns: 8 },
    );
  });

  it('each of several paths that are alike carries a part of what one cannot', () => {
    fc.assert(
      fc.property(alike, ({ seed, draws }) => {
        const { pathBytes, isComplete } = run(name, draws, seed, 4_000_000);
        expect(isComplete).toBe(true);
        expect(Math.min(...pathBytes)).toBeGreaterThan(BYTES / 50);
      }),
      { numRuns: 4 },
    );
  });
});

describe('the redundant scheduler', () => {
  it('sends everything over every path, and delivers it once', () => {
    const draws = [10, 30].map((delayMs) => ({ rateBps: 5e6, delayMs, loss: 0.01, backup: false }));
    const seen = run('redundant', draws, 5, 4_000_000);
    expect(Math.min(...seen.pathBytes)).toBeGreaterThan(BYTES / 2);
    expect(seen).toMatchObject({ isComplete: true, bytesDelivered: BYTES, violations: [] });
  });
});
