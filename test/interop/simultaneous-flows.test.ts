/**
 * Two rate-limited paths are used together. The bound is the kernel's own (simult_flows.sh of its MPTCP self-tests):
 * 16 MiB may take the time that nine tenths of both rates together need, and 450 ms. It is a bound on the use of an emulated
 * network whose capacity is known, not on this machine's speed. All
 * configurations run at the same time, on links of their own.
 */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import type { LinkSetup } from '../../src/network/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters } from './support/exchange.js';
import { TwoPaths } from './support/two-paths.js';

const BYTES = 16_777_216;
const SMALL_BYTES = 1024;

/** Mbit/s and ms of the two paths. */
const configurations = [
  [10, 10, 0, 0],
  [10, 10, 1, 25],
  [10, 3, 0, 0],
  [10, 3, 1, 25],
  [10, 3, 25, 1],
] as const;
type Configuration = (typeof configurations)[number];

function boundMs([rate1, rate2]: Configuration): number {
  return (1000 * BYTES * 8 * 10) / ((rate1 + rate2) * 1e6 * 9) + 450;
}

/** As the kernel's test has it: a queue of 1000 packets, and the delay in both directions. */
function link(rateMbps: number, delayMs: number): LinkSetup {
  return { both: { rateBps: rateMbps * 1e6, delayNs: delayMs * 1e6, queue: { bytes: 1_500_000 } } };
}

/** Whose 16 MiB cross the network: ours to the kernel, or the kernel's to us. */
type Sender = 'us' | 'kernel';

/** A run in which a packet had to wait this long for a processor says nothing about the protocol. */
const FAIR_LAG_MS = 40;
const ATTEMPTS = 3;

/** Runs the transfer until a run was fair, or attempts are up, and returns how long it took, in ms. */
async function measureMs(configuration: Configuration, sender: Sender): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const { tookMs, lagMs } = await run(configuration, sender);
    if (tookMs < boundMs(configuration) || lagMs < FAIR_LAG_MS || attempt === ATTEMPTS) return tookMs;
  }
}

async function run(configuration: Configuration, sender: Sender): Promise<{ tookMs: number; lagMs: number }> {
  const [rate1, rate2, delay1, delay2] = configuration;
  const paths = new TwoPaths({ family: 4, links: [link(rate1, delay1), link(rate2, delay2)] });
  try {
    const startedAt = paths.world.now();
    const exchange = await Exchange.begin(paths, {
      role: 'client',
      bytes: sender === 'us' ? BYTES : SMALL_BYTES,
      closesLast: sender === 'us' ? 'kernel' : 'us',
      kernelBytes: sender === 'us' ? SMALL_BYTES : BYTES,
    });
    await exchange.expectWhole();
    const tookMs = (paths.world.now() - startedAt) / 1e6;
    expectCounters(paths.kernel.counters(), { MPTcpExtMPJoinAckRx: 1 });
    return { tookMs, lagMs: paths.world.worstLagMs };
  } finally {
    paths.close();
  }
}

describeWith('simultaneous flows', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()], () => {
  const senders: Sender[] = ['us', 'kernel'];
  it.each(senders)('from %s fill both paths', { timeout: 180_000 }, async (sender) => {
    const took = await Promise.all(configurations.map((configuration) => measureMs(configuration, sender)));
    configurations.forEach((configuration, i) => {
      expect(took[i], `${configuration.join(', ')}`).toBeLessThan(boundMs(configuration));
    });
  });
});
