/** `subflow experiment` with `list`, `run NAME`, `merge FILE...` and `report FILE...`. */

import { dirname } from 'node:path';
import type { Command } from 'commander';
import {
  type Experiment,
  type ExperimentReport,
  experiments,
  reportedResult,
  resultReport,
  runExperiment,
} from '../../experiments/index.js';
import { ExitStatus, UsageError } from '../errors.js';
import { openFolder } from '../output-file.js';
import { declareParameters, readParameters } from './flags.js';
import { writeFigures } from './figures.js';
import { openLinuxLab } from './linux.js';
import { openProgress } from './progress.js';
import { chosenShard } from './shard-choice.js';
import { addResultFlags, declareMerge, type ResultFlags, runShardCommand } from './shard-command.js';
import { runInThreads } from './trial-threads.js';
import { readResult, writeReport } from './report.js';
import { listReport, listText, resultText } from './text.js';

/** Flags that every experiment has. */
interface RunFlags extends ResultFlags {
  readonly seed: string;
  /** False with `--no-shard`. */
  readonly shard?: string | false;
  readonly [parameter: string]: unknown;
}

/** Declares `subflow experiment`. */
export function declareExperiment(command: Command, setStatus: (status: number) => void): void {
  command.description(
    'Reproduces published results about Multipath TCP: a table, figures and checks, by seed.',
  );
  command
    .command('list')
    .summary('what there is')
    .description('Lists the experiments with their sources.')
    .option('--json', 'print one object for scripts')
    .action((flags: { readonly json?: true }) => {
      const text = flags.json ? JSON.stringify(listReport(experiments)) : listText(experiments);
      process.stdout.write(`${text}\n`);
    });
  command
    .command('report')
    .summary('results as one HTML page')
    .description(
      'Makes one page of results that `subflow experiment run NAME --json` printed, in the order given.',
    )
    .argument('<file...>', 'results; their figures are read from where they were written to')
    .option('--output <file>', 'the page', 'report.html')
    .action((files: readonly string[], { output }: { readonly output: string }) => {
      writeReport(output, files.map(readResult));
      process.stdout.write(`Report: ${output}\n`);
    });
  const run = command
    .command('run')
    .summary('run one')
    .description('Runs one experiment; each has flags of its own: subflow experiment run NAME --help.')
    .argument('<name>', 'name of the experiment')
    .allowExcessArguments()
    .action((name: string) => {
      const names = experiments.map((experiment) => experiment.name).join(', ');
      throw new UsageError(`there is no experiment '${name}'`, `there are: ${names}`);
    });
  for (const experiment of experiments) addRun(run, experiment, setStatus);
  declareMerge(command, publish, setStatus);
}

function addRun(parent: Command, experiment: Experiment, setStatus: (status: number) => void): void {
  const command = parent
    .command(experiment.name)
    .summary(experiment.title)
    .description(`${experiment.title}.\n\n${experiment.summary}\n\nAfter: ${experiment.source}.`)
    // Not as the parent, which does so to say itself that there is no such experiment.
    .allowExcessArguments(false);
  declareParameters(command, experiment.parameters)
    .option('--seed <number>', 'seed of every random choice', '1')
    .option('--shard <I/N>', 'run part I of N only, 1 to N, and write what comes out for merge')
    .option('--no-shard', 'run everything, whatever part of a job the environment says that this is');
  addResultFlags(command).action(async (flags: RunFlags) => {
    setStatus(await run(experiment, flags));
  });
}

async function run(experiment: Experiment, flags: RunFlags): Promise<number> {
  const { seed, parameters } = readParameters(experiment.parameters, flags);
  const shard = chosenShard(flags.shard, process.env);
  if (shard !== undefined) return runShardCommand(experiment, { seed, parameters }, shard, flags);
  // A folder that cannot be written to is told before anything runs.
  if (flags.figures)
    openFolder(flags.output, 'choose another place with --output, or none with --no-figures');
  if (flags.report !== undefined) openFolder(dirname(flags.report), 'choose another place with --report');
  const lab = flags.linux ? openLinuxLab() : 'The kernel was left out, as asked (--no-linux).';
  const progress = openProgress(experiment, process.stderr, flags.json !== true);
  let report: ExperimentReport;
  try {
    report = await runExperiment(experiment, {
      ...{ seed, parameters, linux: lab },
      ...{ step: progress.step, watch: progress.watch },
      trials: runInThreads,
    });
  } finally {
    progress.end();
  }
  return publish(experiment, report, flags);
}

/** Tells the result; returns the exit status. */
function publish(experiment: Experiment, report: ExperimentReport, flags: ResultFlags): number {
  if (flags.report !== undefined) {
    const figures = Object.entries(report.figures).map(([name, svg]) => ({ name, svg }));
    writeReport(flags.report, [reportedResult(experiment, report, figures)]);
  }
  const paths = flags.figures ? writeFigures(flags.output, experiment.name, report.figures) : [];
  const written = { figures: paths, page: flags.report };
  const text = flags.json
    ? JSON.stringify(resultReport(experiment, report, written))
    : resultText(report, written);
  process.stdout.write(`${text}\n`);
  return report.pass ? ExitStatus.done : ExitStatus.no;
}
