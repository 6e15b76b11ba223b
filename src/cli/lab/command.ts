/** `subflow lab`: the lab in a browser; `subflow lab run SCENARIO`: what its playground simulates, without one. */
import type { Command } from 'commander';
import { ExitStatus } from '../errors.js';

interface LabFlags {
  readonly listen: string;
  /** False with `--no-open`. */
  readonly open: boolean;
}

interface RunFlags {
  readonly json?: true;
  readonly write?: string;
}

/** Declares `subflow lab`. */
export function declareLab(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Serves the lab to the browser of this machine: Multipath TCP simulated and captures analysed, by the same engine.\n' +
        'Nothing leaves the browser.',
    )
    .option('--listen <address:port>', 'where to listen; port 0 picks a free one', '127.0.0.1:8484')
    .option('--no-open', 'do not open the page, only say where it is')
    .action(async (flags: LabFlags) => {
      const { serve } = await import('./serve.js');
      await serve(flags.listen, flags.open);
      setStatus(ExitStatus.done);
    });
  command
    .command('run')
    .description('Simulates a scenario of the playground to its end, and prints its numbers.')
    .argument(
      '<scenario>',
      "as the playground gives it, such as 'seed=7&traffic=bulk,5M'; '' is the default one",
    )
    .option('--json', 'print one object for scripts')
    .option('--write <file>', 'write the packets at the client to a pcapng file')
    .action(async (scenario: string, flags: RunFlags) => {
      const { run } = await import('./run.js');
      run(scenario, flags);
      setStatus(ExitStatus.done);
    });
}
