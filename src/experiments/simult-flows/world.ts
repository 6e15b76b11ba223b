/**
 * The aggregation test of the kernel's own Multipath TCP (tools/testing/selftests/net/mptcp/simult_flows.sh): 16 MiB one way
 * and 80 KiB the other over two paths whose rates are limited, within the time that both rates together need.
 */

import { MILLISECOND } from '../../base/index.js';
import { defaultMptcpSettings, schedulerNamed } from '../../mptcp/index.js';
import { congestionNamed } from '../../tcp/index.js';
import { runTransfer } from '../transfer.js';

/** What is sent one way, and what the other. */
export const LARGE_BYTES = 2 * 2048 * 4096;
const SMALL_BYTES = 20 * 4096;
/** What the kernel's test adds for its own sleeps and some slack. */
const SLACK_MS = 450;
/** The kernel's test shapes with netem, whose queue holds 1000 packets and adds its delay in both directions. */
const QUEUE_BYTES = 1_500_000;

/** Two paths. */
export interface PathPair {
  /** Rates in Mbit/s. */
  readonly rates: readonly [number, number];
  /** One-way delays, ms. */
  readonly delaysMs: readonly [number, number];
}

/** Those of the kernel's test. */
export const pathPairs: readonly PathPair[] = [
  { rates: [10, 10], delaysMs: [0, 0] },
  { rates: [10, 10], delaysMs: [1, 25] },
  { rates: [10, 3], delaysMs: [0, 0] },
  { rates: [10, 3], delaysMs: [1, 25] },
  { rates: [10, 3], delaysMs: [25, 1] },
];

/** The kernel's formula, in integers as its shell does it: the rates in Mbit/s less a tenth for headers, and slack. */
export function boundMs([first, second]: PathPair['rates']): number {
  return Math.floor((1000 * LARGE_BYTES * 8 * 10) / ((first + second) * 1000 * 1000 * 9)) + SLACK_MS;
}

/** One transfer. */
export interface FlowsTrial extends PathPair {
  readonly scheduler: string;
  readonly congestion: string;
  /** Which way the 16 MiB go: `upload` is from the client, which opens the connection. */
  readonly direction: 'upload' | 'download';
  readonly seed: number;
}

/** Sends everything over both paths, so that the better one alone sets the time (Frömmgen et al., ICC 2016). */
export const REDUNDANT = 'redundant';

/** The bound that a trial is held to. */
export function boundOf({ scheduler, rates }: Pick<FlowsTrial, 'scheduler' | 'rates'>): number {
  return boundMs(scheduler === REDUNDANT ? [Math.max(...rates), 0] : rates);
}

/** How it went. */
export interface FlowsOutcome {
  /** Until both sides had everything, ms. */
  readonly tookMs: number;
  /** Whether everything arrived, intact, and nobody saw an error. */
  readonly isWhole: boolean;
  /** Bytes of packets that each path delivered. */
  readonly pathBytes: readonly number[];
}

/** Runs one transfer in virtual time. */
export function runFlows(trial: FlowsTrial): FlowsOutcome {
  const { rates, delaysMs, direction, seed } = trial;
  const settings = {
    mptcp: { ...defaultMptcpSettings, scheduler: schedulerNamed(trial.scheduler) },
    congestion: congestionNamed(trial.congestion),
  };
  const isUpload = direction === 'upload';
  const { client, server, pathBytes } = runTransfer({
    seed,
    paths: rates.map((rate, index) => ({
      name: `path ${index + 1}`,
      both: {
        ...{ rateBps: rate * 1e6, delayNs: delaysMs[index]! * MILLISECOND, queue: { bytes: QUEUE_BYTES } },
      },
    })),
    ...{ client: settings, server: settings },
    uploadBytes: isUpload ? LARGE_BYTES : SMALL_BYTES,
    downloadBytes: isUpload ? SMALL_BYTES : LARGE_BYTES,
  });
  const sides = [client, server];
  return {
    tookMs: Math.max(...sides.map(({ completedAtNs }) => completedAtNs ?? Number.NaN)) / MILLISECOND,
    isWhole: sides.every(({ isComplete, isIntact, errorCode }) => isComplete && isIntact && errorCode === ''),
    pathBytes,
  };
}
