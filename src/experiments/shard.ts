/**
 * An experiment in parts, on machines that know nothing of each other: each runs every so many-th trial and keeps what
 * came out, and whoever has all parts gets the result of one run without any, to the byte. That works for every
 * experiment with trials: shared out are those of its first call of `runTrials`; what it does besides is done where the
 * parts come together.
 */

import { assert, SubflowError } from '../base/index.js';
import { digestOf } from './digest.js';
import type { Experiment } from './experiment.js';
import { completeParameters } from './parameter.js';
import { type ExperimentReport, runExperiment, runInTurn, type RunOptions, type TrialRunner } from './run.js';
import { MAX_SHARDS, type Shard, type ShardFile, type ShardHeader, trialsOfShard } from './shard-file.js';

/** A file of a shard that was read. */
export interface NamedShard extends ShardFile {
  /** What the file is called, for errors. */
  readonly file: string;
}

/** Most missing shards that an error names. */
const MAX_NAMED = 20;

/** Ends the run of a shard where its trials are through: all that follows needs those of the others. */
class ShardEnd extends Error {
  readonly result: Pick<ShardFile, 'trials'> & Pick<ShardHeader, 'totalTrials' | 'inputs'>;

  constructor(result: ShardEnd['result']) {
    super('the trials of a shard are through');
    this.result = result;
  }
}

function fail(reason: 'NONE' | 'FOREIGN' | 'TWICE' | 'MISSING', message: string, hint: string): never {
  throw new SubflowError(`ERR_SUBFLOW_SHARD_${reason}`, message, { hint });
}

function digestOfInputs(inputs: readonly unknown[]): string {
  return digestOf(JSON.stringify(inputs));
}

/** Throws ERR_SUBFLOW_SHARD_NONE for an experiment that has no trials to share out. */
export function requireTrials({ name, trial }: Experiment): void {
  if (trial === undefined)
    fail('NONE', `${name} has no trials to share out`, 'run it whole, with --no-shard');
}

/**
 * Runs the trials of `shard` only. Throws ERR_SUBFLOW_SHARD_NONE for an experiment that has none, and
 * ERR_SUBFLOW_PARAMETER as {@link runExperiment} does.
 */
export async function runShard(
  experiment: Experiment,
  options: RunOptions,
  shard: Shard,
): Promise<ShardFile> {
  const { index, count } = shard;
  assert(count >= 1 && count <= MAX_SHARDS && index >= 1 && index <= count, `shard ${index} of ${count}`);
  const { trials: inner = runInTurn, seed = 1, parameters = {} } = options;
  const trials: TrialRunner = async (_experiment, inputs, begin, end) => {
    const mine = trialsOfShard(shard, inputs.length);
    const own = mine.map((place) => inputs[place]);
    const outputs = await inner(
      experiment,
      own,
      (at) => begin(mine[at]!),
      (at, output) => end(mine[at]!, output),
    );
    throw new ShardEnd({
      totalTrials: inputs.length,
      inputs: digestOfInputs(inputs),
      trials: mine.map((trial, at) => ({ trial, output: outputs[at] })),
    });
  };
  requireTrials(experiment);
  const { name } = experiment;
  try {
    await runExperiment(experiment, { ...options, trials });
  } catch (error) {
    if (!(error instanceof ShardEnd)) throw error;
    const { totalTrials, inputs, trials: done } = error.result;
    const complete = completeParameters(experiment.parameters, parameters);
    return { header: { name, seed, parameters: complete, shard, totalTrials, inputs }, trials: done };
  }
  return fail('NONE', `${name} ran no trials that could be shared out`, 'run it whole, with --no-shard');
}

/**
 * The result of the experiment whose shards these are, at least one: that of a run without shards. `options` says how
 * what is no trial is run; seed and parameters are those of the shards. Throws ERR_SUBFLOW_SHARD_FOREIGN where they do
 * not belong together or to this experiment as this program runs it, ERR_SUBFLOW_SHARD_TWICE, and
 * ERR_SUBFLOW_SHARD_MISSING.
 */
export async function mergeShards(
  experiment: Experiment,
  shards: readonly NamedShard[],
  options: Omit<RunOptions, 'seed' | 'parameters'> = {},
): Promise<ExperimentReport> {
  const { header } = shards[0]!;
  requireComplete(shards);
  const outputs = new Map<number, unknown>();
  for (const { trials } of shards) for (const { trial, output } of trials) outputs.set(trial, output);
  const { trials: inner = runInTurn, ...others } = options;
  let isFirst = true;
  const trials: TrialRunner = (_experiment, inputs, begin, end) => {
    if (!isFirst) return inner(experiment, inputs, begin, end);
    isFirst = false;
    if (digestOfInputs(inputs) !== header.inputs || outputs.size !== inputs.length) {
      const { file } = shards[0]!;
      fail('FOREIGN', `${file} is of another version of ${header.name}`, 'run all shards with this version');
    }
    return Promise.resolve(inputs.map((_input, place) => outputs.get(place)));
  };
  const { seed, parameters } = header;
  return runExperiment(experiment, { ...others, seed, parameters, trials });
}

/** Throws unless each shard of one run is there once. */
function requireComplete(shards: readonly NamedShard[]): void {
  const { header, file: first } = shards[0]!;
  const files = new Map<number, string>();
  for (const { header: other, file } of shards) {
    const { index } = other.shard;
    if (partOf(other) !== partOf(header)) {
      const of = ({ name, seed, shard }: ShardHeader): string =>
        `${shard.count} shards of ${name} (seed ${seed})`;
      const what = of(other) === of(header) ? 'with other parameters' : `of ${of(other)}, not ${of(header)}`;
      fail('FOREIGN', `${file} is ${what} as ${first} is`, 'name the files of one run only');
    }
    const twice = files.get(index);
    if (twice !== undefined)
      fail('TWICE', `${twice} and ${file} are both shard ${index}`, 'name each shard once');
    files.set(index, file);
  }
  const { count } = header.shard;
  const missing: number[] = [];
  for (let index = 1; index <= count; index++) if (!files.has(index)) missing.push(index);
  if (missing.length === 0) return;
  const named = missing.slice(0, MAX_NAMED).join(', ');
  const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : '';
  fail('MISSING', `of ${count} shards these are missing: ${named}${more}`, 'run them, and name all files');
}

/** What shards of one run have in common. */
function partOf({ shard, ...common }: ShardHeader): string {
  return JSON.stringify({ ...common, count: shard.count });
}
