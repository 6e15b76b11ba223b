/**
 * The command line: parses, runs one command, and turns whatever comes back into one clear line and an exit status.
 * One file per command; see `errors.ts` for the statuses that scripts may rely on.
 */

import { Command, CommanderError } from 'commander';
import { addCheckCommand } from './check/command.js';
import { addDemoCommand } from './demo/command.js';
import { addExperimentCommand } from './experiment/command.js';
import { ExitStatus, explain, isExpected } from './errors.js';
import { addGetCommand } from './get.js';
import { addPlotCommand } from './plot/command.js';
import { addProbeCommand } from './probe/command.js';
import { addServeCommand } from './serve.js';
import { addTraceCommand } from './trace/command.js';
import { readVersion } from './version.js';

/** Builds the program; `setStatus` receives the exit status of the command that ran. */
function buildProgram(setStatus: (status: number) => void): Command {
  const program = new Command('subflow')
    .description('Multipath TCP, whole, in TypeScript')
    .version(readVersion(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'subflow: ')) });
  addCheckCommand(program, setStatus);
  addDemoCommand(program, setStatus);
  addExperimentCommand(program, setStatus);
  addGetCommand(program, setStatus);
  addPlotCommand(program, setStatus);
  addProbeCommand(program, setStatus);
  addServeCommand(program, setStatus);
  addTraceCommand(program, setStatus);
  inheritSettings(program);
  return program;
}

/** Commands of commands too throw instead of ending the process, and complain in the same form. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.exitOverride().copyInheritedSettings(parent);
    inheritSettings(command);
  }
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
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  let status: number = ExitStatus.done;
  const program = buildProgram((value) => {
    status = value;
  });
  try {
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
