/** The flags that choose what carries connections. */

import type { Command } from 'commander';
import { UsageError } from './errors.js';

export interface TransportFlags {
  readonly transport?: string;
}

/** Adds `--transport`. */
export function addTransportFlags(command: Command): Command {
  return command.option(
    '--transport <name>',
    "'kernel' (Linux's own MPTCP, the default where there is one) or 'userspace' (our engine, as root)",
  );
}

/** The transport asked for; undefined leaves the choice to the socket. Throws a {@link UsageError}. */
export function readTransport(flags: TransportFlags): 'kernel' | 'userspace' | undefined {
  const { transport } = flags;
  if (transport === undefined || transport === 'kernel' || transport === 'userspace') return transport;
  throw new UsageError(`--transport is 'kernel' or 'userspace', not '${transport}'`);
}
