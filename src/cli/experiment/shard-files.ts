/** The files of shards: what `--shard` writes, and what `subflow experiment merge` reads. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SubflowError } from '../../base/index.js';
import {
  type Experiment,
  type ExperimentReport,
  findExperiment,
  mergeShards,
  type NamedShard,
  readShardFile,
  requireTrials,
  runShard,
  type RunOptions,
  type Shard,
  type ShardFile,
  writeShardFile,
} from '../../experiments/index.js';
import { FailureError, UsageError } from '../errors.js';
import { openFolder, writeOutput } from '../output-file.js';

/** A shard that was run, and where its trials are. */
export interface WrittenShard {
  readonly header: ShardFile['header'];
  /** How many of the trials are in the file. */
  readonly trials: number;
  readonly path: string;
}

/** Runs a shard and writes its trials into `folder`. Throws a {@link UsageError} where there are none to share out. */
export async function writeShard(
  experiment: Experiment,
  options: RunOptions,
  shard: Shard,
  folder: string,
): Promise<WrittenShard> {
  await explained(() => requireTrials(experiment));
  // A folder that cannot be written to is told before anything runs.
  openFolder(folder, 'choose another place with --output');
  const file = await explained(() => runShard(experiment, options, shard));
  const number = String(shard.index).padStart(String(shard.count).length, '0');
  const path = join(folder, `${experiment.name}-shard-${number}-of-${shard.count}.jsonl`);
  writeOutput(path, writeShardFile(file));
  return { header: file.header, trials: file.trials.length, path };
}

/**
 * Reads the files of shards and puts them together. Throws a {@link UsageError} for files that do not belong together, and
 * a {@link FailureError} where one is missing or not whole.
 */
export async function mergeFiles(
  paths: readonly string[],
  options: Omit<RunOptions, 'seed' | 'parameters'>,
): Promise<ExperimentReport> {
  return explained(async () => {
    const shards: NamedShard[] = paths.map((path) => ({ ...readShardFile(textOf(path), path), file: path }));
    const experiment = findExperiment(shards[0]!.header.name);
    return mergeShards(experiment, shards, options);
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Codes of errors that mean: these are the wrong files. */
const usageCodes: readonly string[] = [
  'ERR_SUBFLOW_SHARD_FOREIGN',
  'ERR_SUBFLOW_SHARD_TWICE',
  'ERR_SUBFLOW_SHARD_NONE',
  'ERR_SUBFLOW_UNKNOWN_EXPERIMENT',
];
/** Codes that mean: a right one is not there, or not whole. */
const failureCodes: readonly string[] = ['ERR_SUBFLOW_SHARD_TORN', 'ERR_SUBFLOW_SHARD_MISSING'];

/** Does `action`; what is wrong with shards becomes an error with the exit status that it should have. */
async function explained<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof SubflowError)) throw error;
    const { code, message, hint } = error;
    if (usageCodes.includes(code)) throw new UsageError(message, hint);
    if (failureCodes.includes(code)) throw new FailureError(message, { hint, cause: error });
    throw error;
  }
}
