/** `subflow balance`: what subcommands there are. */

import type { Command } from 'commander';
import { declareSubcommands, type Subcommand } from '../subcommands.js';

/** Every subcommand, in the order of the list. */
const subcommands: readonly Subcommand[] = [
  {
    name: 'run',
    summary: 'steer packets to servers',
    load: async () => (await import('./run.js')).declareRun,
  },
  {
    name: 'status',
    summary: 'how the running balancer and its servers are',
    load: async () => (await import('./status.js')).declareStatus,
  },
  {
    name: 'agent',
    summary: 'have this Linux server stand behind balancers',
    load: async () => (await import('./agent.js')).declareAgent,
  },
  {
    name: 'simulate',
    summary: 'compare the designs',
    load: async () => (await import('./simulate.js')).declareSimulate,
  },
];

/** Declares `subflow balance`. */
export function declareBalance(command: Command, setStatus: (status: number) => void): void {
  command.description('Balancers that bring every subflow of a connection to its server: docs/balancing.md.');
  declareSubcommands(command, subcommands, setStatus);
}
