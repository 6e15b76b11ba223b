/** Options of `subflow paths auto`, and what they mean. */

import type { PathKeeperOptions } from '../../node/index.js';
import { IpAddress } from '../../wire/index.js';
import type { FlagChecks } from '../daemon/config-flags.js';
import type { DaemonFlags } from '../daemon/run-daemon.js';
import { UsageError } from '../errors.js';
import { parseSize } from '../units.js';

/** As in node/paths, whose module is loaded when the command runs. */
export const serviceTypes = ['handover', 'interactive', 'aggregate'] as const;

/** The options, as text. */
export interface AutoFlags extends DaemonFlags {
  readonly serviceType: (typeof serviceTypes)[number];
  readonly interface?: readonly string[];
  readonly except?: readonly string[];
  readonly gateway?: readonly string[];
  readonly metered?: readonly string[];
  readonly free?: readonly string[];
  readonly forbidMetered?: true;
  readonly capMetered?: string;
  readonly state?: string;
  readonly dryRun?: true;
  readonly undo?: true;
  readonly force?: true;
}

/** Options that a running keeper takes over. */
export const reloadableFlags = [
  ...(['serviceType', 'interface', 'except', 'gateway'] as const),
  ...(['metered', 'free', 'forbidMetered', 'capMetered'] as const),
] satisfies readonly (keyof AutoFlags)[];

/** What each of them is looked at by, in a file. */
export const autoChecks: FlagChecks = {
  serviceType: (text) => {
    if (!serviceTypes.some((type) => type === text))
      throw new UsageError(`there are ${serviceTypes.join(', ')}`);
  },
  gateway: parseGateway,
  capMetered: parseSize,
};

/** Reads `NAME=ADDRESS`: the last equals sign parts the two, since names of interfaces may have one. */
function parseGateway(text: string): { readonly name: string; readonly gateway: IpAddress } {
  const at = text.lastIndexOf('=');
  const gateway = IpAddress.parse(text.slice(at + 1));
  if (at > 0 && gateway !== undefined) return { name: text.slice(0, at), gateway };
  throw new UsageError(`'${text}' is not an interface and its router; write it like wlan0=192.168.1.1`);
}

/** All of it for a keeper. Throws a {@link UsageError}. */
export function optionsOf(flags: AutoFlags): PathKeeperOptions {
  const { metered = [], free = [], forbidMetered, capMetered } = flags;
  if (forbidMetered && capMetered !== undefined)
    throw new UsageError('--forbid-metered and --cap-metered exclude each other');
  return {
    serviceType: flags.serviceType,
    gateways: (flags.gateway ?? []).map(parseGateway),
    ...(flags.interface !== undefined && { only: flags.interface }),
    ...(flags.except !== undefined && { except: flags.except }),
    isMetered: ({ name, kind }) => metered.includes(name) || (kind === 'cellular' && !free.includes(name)),
    ...(forbidMetered && { metered: 'forbid' as const }),
    ...(capMetered !== undefined && { metered: { capBytes: parseSize(capMetered) } }),
    ...(flags.state !== undefined && { stateFolder: flags.state }),
  };
}
