/** What `subflow demo` is asked to do, from its flags. */

import type { Command } from 'commander';
import { congestionNames, requireCongestion, requireScheduler, schedulerNames } from '../algorithms.js';
import { UsageError } from '../errors.js';
import { parseDuration, parseInteger, parseProbability, parseRate, parseSize } from '../units.js';

/** One emulated path. */
export interface PathParameters {
  readonly name: 'wifi' | 'lte';
  /** Capacity in each direction, bit/s. */
  readonly rateBps: number;
  /** One-way propagation delay, ns. */
  readonly delayNs: number;
  /** Probability that a packet is lost, 0 to 1. */
  readonly loss: number;
}

/** When the Wi-Fi path dies: after a share of the bytes has arrived, after a time, or not at all. */
export type FailAt =
  | { readonly kind: 'share'; readonly share: number }
  | { readonly kind: 'time'; readonly atNs: number }
  | { readonly kind: 'never' };

export interface DemoParameters {
  readonly wifi: PathParameters;
  readonly lte: PathParameters;
  /** Bytes to download. */
  readonly sizeBytes: number;
  readonly failAt: FailAt;
  readonly seed: number;
  /** Stay in virtual time even where the kernel could be the peer. */
  readonly simulate: boolean;
  readonly pcap: string | undefined;
  readonly json: boolean;
  /** Names of what the sender goes by; undefined for the defaults. Both ends are ours then. */
  readonly scheduler: string | undefined;
  readonly congestion: string | undefined;
}

const defaultPaths = {
  wifi: { name: 'wifi', rateBps: 50e6, delayNs: 10e6, loss: 0 },
  lte: { name: 'lte', rateBps: 20e6, delayNs: 35e6, loss: 0 },
} as const satisfies Record<string, PathParameters>;

/** Reads `RATE[,DELAY[,LOSS]]`; a part that is left out or empty keeps its default. */
function parsePath(text: string, base: PathParameters): PathParameters {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > 3) throw new UsageError(`'${text}' has more than rate, delay and loss`);
  const [rate = '', delay = '', loss = ''] = parts;
  const path = {
    name: base.name,
    rateBps: rate === '' ? base.rateBps : parseRate(rate),
    delayNs: delay === '' ? base.delayNs : parseDuration(delay),
    loss: loss === '' ? base.loss : parseProbability(loss),
  };
  if (path.rateBps < 10e3 || path.rateBps > 10e9)
    throw new UsageError(`a path's rate is from 10k to 10G bit/s, not '${rate}'`);
  if (path.delayNs > 10e9) throw new UsageError(`a path's delay is at most 10s, not '${delay}'`);
  if (path.loss > 0.5) throw new UsageError(`a path's loss is at most 50%, not '${loss}'`);
  return path;
}

/** Reads a share (`50%`), a time (`2s`, `800ms`, `800`) or `never`. */
function parseFailAt(text: string): FailAt {
  if (text === 'never') return { kind: 'never' };
  if (text.endsWith('%')) return { kind: 'share', share: parseProbability(text) };
  return { kind: 'time', atNs: parseDuration(text) };
}

interface DemoFlags {
  readonly wifi?: string;
  readonly lte?: string;
  readonly size: string;
  readonly failAt: string;
  readonly seed: string;
  readonly simulate?: true;
  readonly pcap?: string;
  readonly json?: true;
  readonly scheduler?: string;
  readonly congestion?: string;
}

/** Declares the flags of `subflow demo`. */
export function declareDemoFlags(command: Command): Command {
  return command
    .option('--wifi <rate,delay,loss>', 'the Wi-Fi path, default 50M,10ms,0%')
    .option('--lte <rate,delay,loss>', 'the LTE path, default 20M,35ms,0%')
    .option('--size <bytes>', 'how much to download', '24M')
    .option(
      '--fail-at <when>',
      'when the Wi-Fi dies: a share of the bytes (50%), a time (2s), or never',
      '50%',
    )
    .option('--seed <number>', 'seed of every random choice', '1')
    .option('--simulate', 'run in virtual time, without the kernel')
    .option('--scheduler <name>', `simulated: which path carries the next bytes: ${schedulerNames}`)
    .option('--congestion <name>', `simulated: congestion control of each path: ${congestionNames}`)
    .option('--pcap <file>', 'write what the client sends and receives as pcapng')
    .option('--json', 'print one JSON object at the end');
}

/** Checks and converts the flags. Throws a {@link UsageError}. */
export function readDemoFlags(flags: DemoFlags): DemoParameters {
  const sizeBytes = parseSize(flags.size);
  if (sizeBytes < 1 || sizeBytes > 4e9)
    throw new UsageError(`--size is from 1 byte to 4G, not '${flags.size}'`);
  if (flags.scheduler !== undefined) requireScheduler(flags.scheduler);
  if (flags.congestion !== undefined) requireCongestion(flags.congestion);
  return {
    wifi: parsePath(flags.wifi ?? '', defaultPaths.wifi),
    lte: parsePath(flags.lte ?? '', defaultPaths.lte),
    sizeBytes,
    failAt: parseFailAt(flags.failAt),
    seed: parseInteger(flags.seed, 0, Number.MAX_SAFE_INTEGER),
    simulate: flags.simulate === true,
    pcap: flags.pcap,
    json: flags.json === true,
    ...{ scheduler: flags.scheduler, congestion: flags.congestion },
  };
}
