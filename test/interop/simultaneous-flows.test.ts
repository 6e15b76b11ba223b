/**
 * Two rate-limited paths are used together. The bound is the kernel's own (simult_flows.sh of its MPTCP self-tests):
 * 16 MiB may take the time that nine tenths of both rates together need, and 450 ms. It is a bound on the use of an emulated
 * network whose capacity is known, not on this machine's speed; but half of each run is a real kernel in real time, and
 * a processor that was busy elsewhere costs a run its bound: the best of a few runs counts. The same bounds hold in every
 * run, to the byte, where time is virtual (test/simulation/simult-flows.test.ts). All configurations run at the same time,
 * on links of their own. The default scheduler and the kernel's have all 16 MiB; the others half of that: what they add here
 * is a kernel at the other end, and they reach the same rates within the first seconds, with the same 450 ms to spare.
 */
import { constants, getPriority, setPriority } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { defaultMptcpSettings, schedulerNamed, schedulers } from '../../src/mptcp/index.js';
import type { LinkSetup } from '../../src/network/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters } from './support/exchange.js';
import { Payload } from './support/transfer.js';
import { TwoPaths } from './support/two-paths.js';

const LARGE_BYTES = 16_777_216;
const SMALL_BYTES = 1024;
const DEFAULT_SCHEDULER = 'lowest-rtt';

function bytesWith(scheduler: string): number {
  return scheduler === DEFAULT_SCHEDULER ? LARGE_BYTES : LARGE_BYTES / 2;
}

/** Mbit/s and ms of the two paths. */
const configurations = [
  [10, 10, 0, 0],
  [10, 10, 1, 25],
  [10, 3, 0, 0],
  [10, 3, 1, 25],
  [10, 3, 25, 1],
] as const;
type Configuration = (typeof configurations)[number];

/** The redundant scheduler sends everything over both paths: the better one has to do (ReMP TCP, ICC 2016). */
function boundMs([rate1, rate2]: Configuration, scheduler: string): number {
  const rate = scheduler === 'redundant' ? Math.max(rate1, rate2) : rate1 + rate2;
  return (1000 * bytesWith(scheduler) * 8 * 10) / (rate * 1e6 * 9) + 450;
}

/** As the kernel's test has it: a queue of 1000 packets, and the delay in both directions. */
function link(rateMbps: number, delayMs: number): LinkSetup {
  return { both: { rateBps: rateMbps * 1e6, delayNs: delayMs * 1e6, queue: { bytes: 1_500_000 } } };
}

/** Whose bytes cross the network: ours to the kernel, or the kernel's to us. */
type Sender = 'us' | 'kernel';

const ATTEMPTS = 5;

/** Runs the transfer over `paths`, which are ready for it; ms from the first SYN to the end on both sides. */
async function run(paths: TwoPaths, sender: Sender, large: Payload, small: Payload): Promise<number> {
  const startedAt = paths.world.now();
  const exchange = await Exchange.begin(paths, {
    role: 'client',
    bytes: sender === 'us' ? [large, small] : [small, large],
    closesLast: sender === 'us' ? 'kernel' : 'us',
  });
  await exchange.expectWhole();
  const tookMs = (paths.world.now() - startedAt) / 1e6;
  expectCounters(paths.kernel.counters(), { MPTcpExtMPJoinAckRx: 1 });
  return tookMs;
}

/** Runs all of `wanted` at the same time. Everything is made ready first: a running network cannot wait for that. */
async function runAll(
  wanted: readonly Configuration[],
  sender: Sender,
  scheduler: string,
): Promise<number[]> {
  const [large, small] = [new Payload(bytesWith(scheduler)), new Payload(SMALL_BYTES)];
  const made: TwoPaths[] = [];
  try {
    for (const [rate1, rate2, delay1, delay2] of wanted) {
      const settings = { mptcp: { ...defaultMptcpSettings, scheduler: schedulerNamed(scheduler) } };
      made.push(new TwoPaths({ family: 4, links: [link(rate1, delay1), link(rate2, delay2)], settings }));
    }
    return await Promise.all(made.map((paths) => run(paths, sender, large, small)));
  } finally {
    for (const paths of made) paths.close();
  }
}

/** How long each configuration took; those that were too slow run again. */
async function measureMs(sender: Sender, scheduler: string): Promise<Map<Configuration, number>> {
  const took = new Map<Configuration, number>();
  let wanted: readonly Configuration[] = configurations;
  for (let attempt = 1; attempt <= ATTEMPTS && wanted.length > 0; attempt++) {
    const tookMs = await runAll(wanted, sender, scheduler);
    wanted.forEach((configuration, i) => took.set(configuration, tookMs[i]!));
    wanted = wanted.filter((configuration) => took.get(configuration)! > boundMs(configuration, scheduler));
  }
  return took;
}

describeWith('simultaneous flows', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()], () => {
  // What the kernel sends it schedules itself, whatever our scheduler is.
  const senders: readonly (readonly [Sender, string])[] = [
    ...Object.keys(schedulers).map((scheduler) => ['us', scheduler] as const),
    ['kernel', DEFAULT_SCHEDULER],
  ];
  // The emulated network lives in this thread: it must not wait for other tests' work.
  const priority = getPriority();
  beforeAll(() => setPriority(constants.priority.PRIORITY_HIGHEST));
  afterAll(() => setPriority(priority));

  it.each(senders)(
    'from %s, with our scheduler %s, fill both paths',
    { timeout: 180_000 },
    async (sender, scheduler) => {
      const took = await measureMs(sender, scheduler);
      for (const [configuration, tookMs] of took) {
        expect(tookMs, configuration.join(', ')).toBeLessThan(boundMs(configuration, scheduler));
      }
      expect(took.size).toBe(configurations.length);
    },
  );
});
