/** Options of `subflow converter`, and what they mean. */

import { DEFAULT_CONVERT_PORT } from '../../convert/index.js';
import {
  type AccessRules,
  type ConverterEvent,
  type ConverterOptions,
  parseNetwork,
} from '../../node/index.js';
import type { FlagChecks } from '../daemon/config-flags.js';
import type { DaemonFlags } from '../daemon/run-daemon.js';
import {
  type LimitFlags,
  limitsOf,
  parseDrain,
  parseListen,
  parseMs,
  type RuleFlags,
} from '../relay-flags.js';
import { parseInteger } from '../units.js';

/** The options, as text. */
export interface ConverterFlags extends DaemonFlags, RuleFlags, LimitFlags {
  readonly listen: string;
  readonly requireCookie?: true;
  readonly fastOpenWithoutCookie?: true;
  readonly plainTcp?: true;
}

/** Options that a running converter takes over. */
export const reloadableFlags = [
  ...(['allowClient', 'deny', 'allowPrivate', 'allowLoopback', 'rules'] as const),
  ...(['maxConnections', 'maxPerClient', 'idle', 'connectTimeout', 'drain'] as const),
] satisfies readonly (keyof ConverterFlags)[];

const parseLimit = (text: string): number => parseInteger(text, 1, 1_000_000);

/** What each of them is looked at by, in a file. */
export const converterChecks: FlagChecks = {
  listen: (text) => parseListen(text, DEFAULT_CONVERT_PORT),
  ...{ allowClient: parseNetwork, deny: parseNetwork },
  ...{ maxConnections: parseLimit, maxPerClient: parseLimit },
  ...{ idle: parseMs, connectTimeout: parseMs, drain: parseDrain },
};

/** All of it for a start. */
export function optionsOf(
  flags: ConverterFlags,
  rules: AccessRules,
  log: (event: ConverterEvent, fields: Record<string, unknown>) => void,
): ConverterOptions {
  return {
    ...parseListen(flags.listen, DEFAULT_CONVERT_PORT),
    ...{ rules, log, requireCookie: flags.requireCookie === true, isPlain: flags.plainTcp === true },
    fastOpen: { requireCookie: flags.fastOpenWithoutCookie !== true },
    ...{ connectMs: parseMs(flags.connectTimeout), limits: limitsOf(flags) },
  };
}
