/** What the commands that relay connections have in common: flags, and what they mean. */

import type { Command } from 'commander';
import { type AccessRules, parseNetwork, readRules, type RelayLimits } from '../node/index.js';
import type { FlagChecks } from './daemon/config-flags.js';
import { UsageError } from './errors.js';
import { parseInteger, parseTimer } from './units.js';

/** Flags with rules. */
export interface RuleFlags {
  readonly allowClient?: readonly string[];
  readonly deny?: readonly string[];
  readonly allowPrivate?: boolean;
  readonly allowLoopback?: boolean;
  readonly rules?: string;
}

/** Flags with limits and times. */
export interface LimitFlags {
  readonly maxConnections: string;
  readonly maxPerClient: string;
  readonly idle: string;
  readonly connectTimeout: string;
  readonly drain: string;
}

/** Declares {@link RuleFlags}. */
export function addRuleFlags(command: Command): Command {
  return command
    .option(
      '--allow-client <network...>',
      'who may use it, as in 192.168.0.0/16 (default: only this machine)',
    )
    .option('--deny <network...>', 'destinations that are refused')
    .option('--allow-private', 'private and link-local addresses may be destinations')
    .option('--allow-loopback', 'this machine may be a destination')
    .option('--rules <file>', 'the same in JSON: clients, deny, allowPrivate, allowLoopback');
}

/** Declares {@link LimitFlags}. */
export function addLimitFlags(command: Command): Command {
  return command
    .option('--max-connections <count>', 'connections at a time', '10000')
    .option('--max-per-client <count>', 'connections of one address at a time', '1000')
    .option('--idle <duration>', 'end connections in which nothing comes for so long', '300s')
    .option('--connect-timeout <duration>', 'time for a server to answer', '10s')
    .option('--drain <duration>', 'at the end, time for connections to finish', '30s');
}

const parseLimit = (text: string): number => parseInteger(text, 1, 1_000_000);

/** What each of the flags above is looked at by, in a file. */
export const relayChecks: FlagChecks = {
  ...{ allowClient: parseNetwork, deny: parseNetwork },
  ...{ maxConnections: parseLimit, maxPerClient: parseLimit },
  ...{ idle: parseMs, connectTimeout: parseMs, drain: parseDrain },
};

/** Rules of the flags, and of the file where there is one: what either allows is allowed, what either denies is denied. */
export async function rulesOf(flags: RuleFlags): Promise<AccessRules> {
  const file = flags.rules === undefined ? undefined : await readRules(flags.rules);
  return {
    clients: [...(file?.clients ?? []), ...(flags.allowClient ?? []).map(parseNetwork)],
    deny: [...(file?.deny ?? []), ...(flags.deny ?? []).map(parseNetwork)],
    allowPrivate: flags.allowPrivate === true || file?.allowPrivate === true,
    allowLoopback: flags.allowLoopback === true || file?.allowLoopback === true,
  };
}

/** What `read` gives; what it throws is told as a mistake on the command line. */
export async function explained<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new UsageError((error as Error).message, (error as { hint?: string }).hint ?? '');
  }
}

/** The limits that the flags ask for. */
export function limitsOf(flags: LimitFlags): Partial<RelayLimits> {
  return {
    maxConnections: parseLimit(flags.maxConnections),
    maxPerClient: parseLimit(flags.maxPerClient),
    idleMs: parseMs(flags.idle),
  };
}

/** A time to wait in ms, more than none. Throws a {@link UsageError}. */
export function parseMs(text: string): number {
  return parseTimer(text);
}

/** How long connections may take to finish at the end, in ms; may be none. Throws a {@link UsageError}. */
export function parseDrain(text: string): number {
  return parseTimer(text, 0);
}
