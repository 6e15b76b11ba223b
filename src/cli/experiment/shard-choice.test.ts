import { describe, expect, it } from 'vitest';
import { chosenShard } from './shard-choice.js';

const byOne = { SLURM_ARRAY_TASK_ID: '10', SLURM_ARRAY_TASK_COUNT: '7', SLURM_ARRAY_TASK_MIN: '4' };
const slurm = { ...byOne, SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_STEP: '2' };
const kubernetes = { JOB_COMPLETION_INDEX: '0', SUBFLOW_SHARDS: '16' };

describe('the shard to run', () => {
  it('is what the flag says, whatever the environment', () => {
    expect(chosenShard('2/8', { ...kubernetes, ...slurm })).toEqual({ index: 2, count: 8 });
    expect(chosenShard(false, kubernetes)).toBeUndefined();
    expect(chosenShard(undefined, { SUBFLOW_SHARDS: '16' })).toBeUndefined();
  });

  it('is the part of an indexed job of Kubernetes, which counts from 0', () => {
    expect(chosenShard(undefined, kubernetes)).toEqual({ index: 1, count: 16 });
    expect(chosenShard(undefined, { ...kubernetes, JOB_COMPLETION_INDEX: '15' })?.index).toBe(16);
  });

  it('is the task of a Slurm array, which counts from its least number in its steps', () => {
    expect(chosenShard(undefined, slurm)).toEqual({ index: 4, count: 4 });
    expect(chosenShard(undefined, byOne)).toEqual({ index: 7, count: 7 });
  });

  it.each<[string | undefined, Record<string, string>, RegExp]>([
    ['2', {}, /--shard is I\/N/],
    ['0/4', {}, /shard 0 of 4/],
    ['5/4', {}, /shard 5 of 4/],
    ['1/10001', {}, /shard 1 of 10001/],
    [undefined, { JOB_COMPLETION_INDEX: '3' }, /SUBFLOW_SHARDS is not/],
    [undefined, { ...kubernetes, JOB_COMPLETION_INDEX: '16' }, /shard 17 of 16/],
    [undefined, { ...kubernetes, SUBFLOW_SHARDS: 'all' }, /SUBFLOW_SHARDS is 'all'/],
    [undefined, { ...slurm, SLURM_ARRAY_TASK_ID: '9' }, /shard 3.5 of 4/],
    [undefined, { SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_TASK_MIN: '1' }, /SLURM_ARRAY_TASK_COUNT is not set/],
  ])('by --shard %s and %j is refused', (flag, environment, says) => {
    expect(() => chosenShard(flag, environment)).toThrow(says);
  });
});
