/**
 * The file that a shard of an experiment writes: a line on what was run, a line for each trial, and a line that shows
 * that the file is whole. Turns them into text and back, and knows nothing of how trials are run or of where files are.
 */

import { assert, SubflowError } from '../base/index.js';
import { digestOf } from './digest.js';
import type { ParameterValue } from './parameter.js';

/** Names the form of the file. */
const SCHEMA = 'subflow/experiment-trials/1';
/** What every file begins with. */
const BEGINNING = `{"schema":"${SCHEMA}"`;

/** One of the equal parts that the trials of an experiment are shared out into. */
export interface Shard {
  /** 1 to `count`. */
  readonly index: number;
  /** How many there are, 1 to {@link MAX_SHARDS}. */
  readonly count: number;
}

/** More shards than any cluster has machines for. */
export const MAX_SHARDS = 10_000;

/** What a shard is a part of, and which part. */
export interface ShardHeader {
  readonly name: string;
  readonly seed: number;
  /** All parameters, in the units that their names end in. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly shard: Shard;
  /** Trials of the whole experiment. */
  readonly totalTrials: number;
  /** Digest of what goes into all of them: programs that would run other trials have another. */
  readonly inputs: string;
}

/** A trial that was run. */
export interface ShardTrial {
  /** Its place among all trials of the experiment, from 0. */
  readonly trial: number;
  readonly output: unknown;
}

/** What a file of a shard says. */
export interface ShardFile {
  readonly header: ShardHeader;
  readonly trials: readonly ShardTrial[];
}

/** The places of the trials of `shard`, of `total`: every so many-th, so that each shard has some of all kinds. */
export function trialsOfShard({ index, count }: Shard, total: number): number[] {
  const places: number[] = [];
  for (let place = index - 1; place < total; place += count) places.push(place);
  return places;
}

/** The text of a file. Outputs must be what JSON can carry. */
export function writeShardFile({ header, trials }: ShardFile): string {
  for (const { trial, output } of trials) {
    assert(isPlainData(output), `trial ${trial} of ${header.name} gave what a file cannot hold`);
  }
  const lines = [{ schema: SCHEMA, header }, ...trials].map((value) => JSON.stringify(value));
  const body = `${lines.join('\n')}\n`;
  return `${body}${closingLine(trials.length, body)}\n`;
}

/**
 * What a file says; `file` is its name, for errors. Throws ERR_SUBFLOW_SHARD_TORN where it is cut short or was changed,
 * and ERR_SUBFLOW_SHARD_FOREIGN where it is something else altogether.
 */
export function readShardFile(text: string, file: string): ShardFile {
  if (!text.startsWith(BEGINNING) && !BEGINNING.startsWith(text)) {
    throw new SubflowError('ERR_SUBFLOW_SHARD_FOREIGN', `${file} is no file of a shard`, {
      hint: 'name files that subflow experiment run NAME --shard I/N has written',
    });
  }
  const lines = text.split('\n');
  // Behind the last line is nothing but the end of the file.
  const last = lines.at(-2) ?? '';
  const body = text.slice(0, Math.max(0, text.length - last.length - 1));
  const isWhole = lines.at(-1) === '' && last === closingLine(lines.length - 3, body);
  if (!isWhole) {
    throw new SubflowError('ERR_SUBFLOW_SHARD_TORN', `${file} is not whole: it was cut short or changed`, {
      hint: 'run that shard again, or copy its file again',
    });
  }
  const { header } = JSON.parse(lines[0]!) as Pick<ShardFile, 'header'>;
  const trials = lines.slice(1, -2).map((line) => JSON.parse(line) as ShardTrial);
  // The digest shows that this is what was written.
  return { header, trials };
}

/** What stands behind `body`, the lines of so many trials and the one before them. */
function closingLine(trials: number, body: string): string {
  return JSON.stringify({ trials, digest: digestOf(body) });
}

/** Whether `value` is the same after JSON. A field without a value counts as one that is not there. */
function isPlainData(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.every(isPlainData);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  return isPlain && Object.values(value).every((field) => field === undefined || isPlainData(field));
}
