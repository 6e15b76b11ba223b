/**
 * The command line: parses, runs one command, and turns whatever comes back into one clear line and an exit status.
 * One file per command; see `errors.ts` for the statuses that scripts may rely on.
 */

import { Command, CommanderError, Help } from 'commander';
import { commandOf, type CommandEntry, commands, type Declare } from './commands.js';
import { ExitStatus, explain, isExpected } from './errors.js';
import { readVersion } from './version.js';

/** Builds the program with one command as `chosen` declares it; the others have their line in the list of commands. */
function buildProgram(
  chosen: CommandEntry | undefined,
  declare: Declare,
  setStatus: (status: number) => void,
): Command {
  const program = new Command('subflow')
    .description('Multipath TCP, whole, in TypeScript')
    .version(readVersion(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'subflow: ')) });
  const usages = new Map<string, string>();
  for (const entry of commands) {
    const command = program.command(entry.name).summary(entry.summary);
    usages.set(entry.name, `${entry.name} ${entry.usage}`.trimEnd());
    if (entry === chosen) declare(command, setStatus);
  }
  // After the commands, for their own lists of commands are as commander makes them.
  return program.configureHelp({
    subcommandTerm: (command) => usages.get(command.name()) ?? new Help().subcommandTerm(command),
  });
}

/** A reader that left is no fault, as in `subflow ... | head`; an output that cannot be written is one. */
function watchOutput(): void {
  let isLost = false;
  const handle = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE' || isLost) return;
    isLost = true;
    process.stderr.write(`subflow: cannot write the output: ${error.message}\n`);
    process.once('exit', () => (process.exitCode = ExitStatus.no));
  };
  process.stdout.on('error', handle);
  process.stderr.on('error', handle);
}

/** Runs the command that `args` asks for (without the program's own name); gives the exit status, and never throws. */
export function main(args: readonly string[]): Promise<number> {
  watchOutput();
  return runCommand(args);
}

/** {@link main} for a process that goes on: leaves its standard output and error as they are. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let status: number = ExitStatus.done;
  try {
    const chosen = commandOf(args);
    const declare = (await chosen?.load()) ?? (() => undefined);
    const program = buildProgram(chosen, declare, (value) => (status = value));
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return ExitStatus.usage;
    }
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.done : ExitStatus.usage;
    const { line, status: failed } = explain(error);
    process.stderr.write(`subflow: ${line}\n`);
    if (!isExpected(error) && error instanceof Error) {
      process.stderr.write(
        `This is a bug of subflow's; please report it with this trace:\n${error.stack ?? ''}\n`,
      );
    }
    return failed;
  }
}
