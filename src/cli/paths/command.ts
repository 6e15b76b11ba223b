/** `subflow paths`: what subcommands there are. */

import type { Command } from 'commander';
import { declareSubcommands, type Subcommand } from '../subcommands.js';

/** Every subcommand, in the order of the list. */
const subcommands: readonly Subcommand[] = [
  {
    name: 'list',
    summary: 'endpoints, limits and uplinks of this machine, and what a second path lacks',
    load: async () => (await import('./list.js')).declareList,
  },
  {
    name: 'auto',
    summary: 'look after all uplinks, until it is ended',
    load: async () => (await import('./auto.js')).declareAuto,
  },
  {
    name: 'add',
    summary: 'make an endpoint',
    load: async () => (await import('./change.js')).declareAdd,
  },
  {
    name: 'change',
    summary: 'set flags of an endpoint',
    load: async () => (await import('./change.js')).declareChange,
  },
  {
    name: 'remove',
    summary: 'remove an endpoint; its subflows end',
    load: async () => (await import('./change.js')).declareRemove,
  },
  {
    name: 'flush',
    summary: 'remove all endpoints',
    load: async () => (await import('./change.js')).declareFlush,
  },
  {
    name: 'limits',
    summary: 'show or set limits of connections',
    load: async () => (await import('./change.js')).declareLimits,
  },
  {
    name: 'watch',
    summary: 'what the kernel tells of connections, subflows and addresses',
    load: async () => (await import('./watch.js')).declareWatch,
  },
];

/** Declares `subflow paths`. */
export function declarePaths(command: Command, setStatus: (status: number) => void): void {
  command.description(
    "The paths of the kernel's own Multipath TCP, in this network namespace, as `ip mptcp` names things: docs/kernel.md.",
  );
  declareSubcommands(command, subcommands, setStatus);
}
