/**
 * `subflow balance`: what subcommands there are. A subcommand's module is loaded only when it is called, or asked for help: that of one
 * must not cost the others the time to load the kernel's interfaces.
 */

import type { Command } from 'commander';
import type { Declare } from '../commands.js';

/** One subcommand, as the list of subcommands shows it. */
interface Subcommand {
  readonly name: string;
  /** A few words for the list. */
  readonly summary: string;
  /** Gives what adds description, options and the action to the empty subcommand. */
  readonly load: () => Promise<Declare>;
}

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
  for (const { name, summary } of subcommands) command.command(name).summary(summary);
  const load = async (subcommand: Command): Promise<void> => {
    const chosen = subcommands.find(({ name }) => name === subcommand.name());
    if (chosen !== undefined) (await chosen.load())(subcommand, setStatus);
  };
  command.hook('preSubcommand', (_balance, subcommand) => load(subcommand));
  // Commander's own would show the help of a subcommand that is still empty.
  command
    .helpCommand(false)
    .command('help [command]')
    .summary('display help for command')
    .action(async (name: string | undefined) => {
      const subcommand = command.commands.find((each) => each.name() === name);
      if (subcommand !== undefined) await load(subcommand);
      (subcommand ?? command).help();
    });
}
