/**
 * Which shard of an experiment is asked for: by the flag, or by the variables that Kubernetes and Slurm set for the parts
 * of a job.
 */

import { MAX_SHARDS, type Shard } from '../../experiments/index.js';
import { UsageError } from '../errors.js';

/** Variables of the environment that say which shard this is. */
type Environment = Readonly<Record<string, string | undefined>>;

/** How many shards a Kubernetes job has: it tells its parts their number, not how many they are. */
const COUNT = 'SUBFLOW_SHARDS';

/**
 * The shard to run; undefined to run everything. `flag`: text of `--shard`, or false with `--no-shard`. Throws a
 * {@link UsageError}.
 */
export function chosenShard(flag: string | false | undefined, environment: Environment): Shard | undefined {
  if (flag === false) return undefined;
  if (flag !== undefined) return fromFlag(flag);
  if (environment['JOB_COMPLETION_INDEX'] !== undefined) return fromKubernetes(environment);
  if (environment['SLURM_ARRAY_TASK_ID'] !== undefined) return fromSlurm(environment);
  return undefined;
}

function fromFlag(flag: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(flag.trim());
  if (match === null) throw new UsageError(`--shard is I/N, as in 2/8, not '${flag}'`);
  return checked({ index: Number(match[1]), count: Number(match[2]) }, `--shard ${flag}`);
}

/** An indexed job counts its parts from 0. */
function fromKubernetes(environment: Environment): Shard {
  const where = 'JOB_COMPLETION_INDEX';
  if (environment[COUNT] === undefined) {
    throw new UsageError(
      `${where} is set, and ${COUNT} is not`,
      `set ${COUNT} to the completions of the job, or run everything here with --no-shard`,
    );
  }
  const index = numberIn(environment, where) + 1;
  return checked({ index, count: numberIn(environment, COUNT) }, where);
}

/** An array counts from its least number, in steps. */
function fromSlurm(environment: Environment): Shard {
  const where = 'SLURM_ARRAY_TASK_ID';
  const first = numberIn(environment, 'SLURM_ARRAY_TASK_MIN');
  const step =
    environment['SLURM_ARRAY_TASK_STEP'] === undefined ? 1 : numberIn(environment, 'SLURM_ARRAY_TASK_STEP');
  const index = (numberIn(environment, where) - first) / Math.max(1, step) + 1;
  return checked({ index, count: numberIn(environment, 'SLURM_ARRAY_TASK_COUNT') }, where);
}

function numberIn(environment: Environment, name: string): number {
  const text = environment[name];
  if (text !== undefined && /^\d{1,9}$/.test(text.trim())) return Number(text);
  const what = text === undefined ? 'is not set' : `is '${text}', no whole number`;
  throw new UsageError(
    `${name} ${what}`,
    'name the shard with --shard I/N, or run everything with --no-shard',
  );
}

function checked({ index, count }: Shard, where: string): Shard {
  if (count >= 1 && count <= MAX_SHARDS && index >= 1 && index <= count && Number.isInteger(index)) {
    return { index, count };
  }
  throw new UsageError(
    `${where} asks for shard ${index} of ${count}`,
    `shards are numbered from 1 on, and there are at most ${MAX_SHARDS}`,
  );
}
