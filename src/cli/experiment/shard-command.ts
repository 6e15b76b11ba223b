/** `subflow experiment run NAME --shard I/N` and `subflow experiment merge FILE...`. */

import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Experiment, ExperimentReport, RunOptions, Shard } from '../../experiments/index.js';
import { ExitStatus } from '../errors.js';
import { openFolder } from '../output-file.js';
import { openLinuxLab } from './linux.js';
import { mergeFiles, writeShard, type WrittenShard } from './shard-files.js';
import { StepLine } from './step-line.js';
import { runInThreads } from './trial-threads.js';

/** Flags about what comes out of a run or a merge. */
export interface ResultFlags {
  readonly json?: true;
  readonly output: string;
  /** Where all of it is also written as a page; undefined: nowhere. */
  readonly report?: string;
  /** False with `--no-figures`. */
  readonly figures: boolean;
  /** False with `--no-linux`. */
  readonly linux: boolean;
}

/** What an experiment has besides seed and parameters. */
function optionsFor({ linux }: ResultFlags, line: StepLine): Omit<RunOptions, 'seed' | 'parameters'> {
  return {
    linux: linux ? openLinuxLab() : 'The kernel was left out, as asked (--no-linux).',
    step: (done, total, what) => line.step(done, total, what),
    trials: runInThreads,
  };
}

/** Runs a shard, and says where its trials are. Returns the exit status. */
export async function runShardCommand(
  experiment: Experiment,
  given: Pick<RunOptions, 'seed' | 'parameters'>,
  shard: Shard,
  flags: ResultFlags,
): Promise<number> {
  const line = new StepLine(process.stderr, flags.json !== true);
  let written: WrittenShard;
  try {
    // A shard runs nothing but trials: the kernel has no part in it.
    const options = { ...optionsFor({ ...flags, linux: false }, line), ...given };
    written = await writeShard(experiment, options, shard, flags.output);
  } finally {
    line.end();
  }
  const text = flags.json ? JSON.stringify(shardReport(written)) : shardText(written);
  process.stdout.write(`${text}\n`);
  return ExitStatus.done;
}

/** Declares `subflow experiment merge`; `publish` tells the result and returns the exit status. */
export function declareMerge(
  command: Command,
  publish: (experiment: Experiment, report: ExperimentReport, flags: ResultFlags) => number,
  setStatus: (status: number) => void,
): void {
  const merge = command
    .command('merge')
    .summary('put the shards of one together')
    .description(
      'Puts together what the shards of an experiment have written (subflow experiment run NAME --shard I/N). The result is ' +
        'that of one run without shards.',
    )
    .argument('<files...>', 'the files of all shards of one run');
  addResultFlags(merge).action(async (files: readonly string[], flags: ResultFlags) => {
    if (flags.figures) openFolder(flags.output, 'choose another place with --output');
    if (flags.report !== undefined) openFolder(dirname(flags.report), 'choose another place with --report');
    const line = new StepLine(process.stderr, flags.json !== true);
    let report: ExperimentReport;
    try {
      report = await mergeFiles(files, optionsFor(flags, line));
    } finally {
      line.end();
    }
    setStatus(publish(report.experiment, report, flags));
  });
}

/** Declares the flags about what comes out. */
export function addResultFlags(command: Command): Command {
  return command
    .option('--output <folder>', 'where figures go; made if it is not there', 'results')
    .option('--no-figures', 'write no figures')
    .option('--report <file>', 'also write all of it as one HTML page')
    .option('--no-linux', "leave the machine's own kernel out even where it could take part")
    .option('--json', 'print one object for scripts');
}

/** The shard for a person. */
function shardText({ header, trials, path }: WrittenShard): string {
  const { name, seed, shard, totalTrials } = header;
  return [
    `Shard ${shard.index} of ${shard.count} of ${name} (seed ${seed}): ${trials} of ${totalTrials} trials, in ${path}`,
    'When the files of all shards are there: subflow experiment merge FILE...',
  ].join('\n');
}

/** The shard for scripts. */
function shardReport({ header, trials, path }: WrittenShard): Record<string, unknown> {
  const { name, seed, shard, totalTrials } = header;
  return {
    ...{ schema: 'subflow/experiment-shard/1', name, seed, shard: shard.index, shards: shard.count },
    ...{ trials, totalTrials, file: path },
  };
}
