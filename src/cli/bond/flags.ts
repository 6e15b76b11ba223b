/** Options of `subflow bond`, and what they mean. */

import { interfaceBytes } from '../../linux/index.js';
import {
  type BondOptions,
  bondPlan,
  captureRules,
  parseHops,
  parseNetwork,
  type RelayLimits,
  type UplinkChoice,
} from '../../node/index.js';
import type { FlagChecks } from '../daemon/config-flags.js';
import type { DaemonFlags } from '../daemon/run-daemon.js';
import { UsageError } from '../errors.js';
import { parseInteger, parseSize, parseTimer } from '../units.js';

/** The options, as text. */
export interface BondFlags extends DaemonFlags {
  readonly via?: string;
  readonly lan?: readonly string[];
  readonly metered?: readonly string[];
  readonly except?: readonly string[];
  readonly port: string;
  readonly every: string;
  readonly drain: string;
  readonly maxConnections: string;
  readonly dryRun?: true;
}

/** Options that a running bond takes over. */
export const reloadableFlags = ['metered', 'maxConnections', 'drain'] satisfies readonly (keyof BondFlags)[];

/** What each of them is looked at by, in a file. */
export const bondChecks: FlagChecks = {
  via: parseHops,
  metered: parseCap,
  except: parseNetwork,
  port: parsePort,
  every: everyMs,
  drain: patienceMs,
  maxConnections: parseCount,
};

/** What is made of them, but for what only a bond at work has. */
export type BondSettings = Omit<BondOptions, 'keeper' | 'log'> & {
  readonly caps: ReadonlyMap<string, number>;
  readonly limits: Partial<RelayLimits>;
};

function parsePort(text: string): number {
  return parseInteger(text, 1, 65_535);
}

function parseCount(text: string): number {
  return parseInteger(text, 1, 1_000_000);
}

/** `NAME` or `NAME=BYTES`: an uplink that is metered, and what it may carry. */
function parseCap(text: string): readonly [string, number] {
  const [name = '', cap, more] = text.split('=');
  if (name === '' || more !== undefined)
    throw new UsageError(`'${text}' is not an uplink with a cap; write it like wwan0=2G or wwan0`);
  return [name, cap === undefined ? Number.POSITIVE_INFINITY : parseSize(cap)];
}

/** Time between two looks, in ms. */
export function everyMs(text: string): number {
  return Math.max(100, parseTimer(text));
}

/** Time for connections to finish at the end, in ms. */
export function patienceMs(text: string): number {
  return parseTimer(text, 0);
}

/** What each metered uplink may carry, in bytes, by name. */
export function capsOf({ metered = [] }: Pick<BondFlags, 'metered'>): ReadonlyMap<string, number> {
  return new Map(metered.map(parseCap));
}

/** Limits of connections. */
export function limitsOf({ maxConnections }: Pick<BondFlags, 'maxConnections'>): Partial<RelayLimits> {
  return { maxConnections: parseCount(maxConnections) };
}

/** Everything that the flags say, checked before anything is done. */
export function settingsOf(flags: BondFlags): BondSettings {
  // Told now, and not when it ends.
  everyMs(flags.every);
  patienceMs(flags.drain);
  if (flags.via === undefined)
    throw new UsageError('there is no converter; name one with --via ADDRESS:PORT', '');
  if (flags.lan === undefined)
    throw new UsageError(
      'there is no LAN; name its interfaces with --lan NAME. `ip -br address` lists those of this machine',
    );
  try {
    const settings = {
      ...{ via: flags.via, lan: flags.lan, port: parsePort(flags.port) },
      ...{ caps: capsOf(flags), except: (flags.except ?? []).map(parseNetwork), limits: limitsOf(flags) },
    };
    parseHops(flags.via);
    captureRules(bondPlan(settings));
    checkLan(flags.lan);
    return settings;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message, (error as { hint?: string }).hint ?? '');
  }
}

/** A LAN whose name is mistyped would be taken for an uplink. */
function checkLan(names: readonly string[]): void {
  const known = interfaceBytes();
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0)
    throw new UsageError(
      `there is no interface ${missing.map((name) => `'${name}'`).join(', ')}`,
      '`ip -br address` lists those of this machine',
    );
}

/** Which interfaces are uplinks, and which of those cost money. */
export function choiceOf({ lan, caps }: Pick<BondSettings, 'lan' | 'caps'>): UplinkChoice {
  return { except: lan, metered: [...caps.keys()] };
}
