/** `subflow lab`: the lab in a browser; `subflow lab run SCENARIO`: what its playground simulates, without one. */
import type { Command } from 'commander';
import { ExitStatus } from '../errors.js';
import type { ServeFlags } from './serve.js';

interface RunFlags {
  readonly json?: true;
  readonly write?: string;
}

/** Declares `subflow lab`. */
export function declareLab(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Serves the lab to the browser of this machine: Multipath TCP simulated and captures analysed, by the same engine;\n' +
        "on Linux this machine's own connections, endpoints and services too. Nothing leaves this machine.",
    )
    .option('--listen <address:port>', 'where to listen; port 0 picks a free one', '127.0.0.1:8484')
    .option('--no-open', 'do not open the page, only say where it is')
    .option('--allow-control', 'the page may add, change and remove endpoints, and set limits')
    .option(
      '--namespace <name>',
      'show connections and paths of this network namespace: a path, or a name for ip-netns(8)',
    )
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('./serve.js');
      await serve(flags);
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
