/**
 * Commands that have commands of their own. A subcommand's module is loaded only when it is called, or asked for help: that of one must not
 * cost the others the time to load the kernel's interfaces.
 */

import type { Command } from 'commander';
import type { Declare } from './commands.js';

/** One subcommand, as the list of subcommands shows it. */
export interface Subcommand {
  readonly name: string;
  /** A few words for the list. */
  readonly summary: string;
  /** Gives what adds description, options and the action to the empty subcommand. */
  readonly load: () => Promise<Declare>;
}

/** Declares them, in the order of the list, and `help`. */
export function declareSubcommands(
  command: Command,
  subcommands: readonly Subcommand[],
  setStatus: (status: number) => void,
): void {
  for (const { name, summary } of subcommands) command.command(name).summary(summary);
  const load = async (subcommand: Command): Promise<void> => {
    const chosen = subcommands.find(({ name }) => name === subcommand.name());
    if (chosen !== undefined) (await chosen.load())(subcommand, setStatus);
  };
  command.hook('preSubcommand', (_command, subcommand) => load(subcommand));
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
