/** Options of `subflow converter`, and what they mean. */

import { DEFAULT_CONVERT_PORT } from '../../convert/index.js';
import type { AccessRules, ConverterEvent, ConverterOptions } from '../../node/index.js';
import type { FlagChecks } from '../daemon/config-flags.js';
import type { DaemonFlags } from '../daemon/run-daemon.js';
import { parseListen } from '../listen-address.js';
import { type LimitFlags, limitsOf, parseMs, relayChecks, type RuleFlags } from '../relay-flags.js';

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

/** What each of them is looked at by, in a file. */
export const converterChecks: FlagChecks = {
  ...relayChecks,
  listen: (text) => parseListen(text, DEFAULT_CONVERT_PORT),
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
