/**
 * `npm run fuzz -- [--target NAME] [--runs N] [--seed S] [--replay FILE] [--keep] [--list]`
 *
 * Feeds every target with mutated inputs until all is fed or one fails. Exit status 0: nothing found; 1: a finding, its
 * input saved in test/fuzz/corpus/ and the command that replays it printed; 2: usage.
 */
import { parseArgs } from 'node:util';
import { keepInput, keptInputs, readInput } from './corpus.js';
import type { RunResult } from './run-loop.js';
import { type Failure, supervise } from './supervisor.js';
import type { FuzzTarget } from './target.js';
import { targets } from './targets.js';

const DEFAULT_RUNS = 5_000_000;
/** Inputs kept by one run with `--keep`. */
const MAX_KEPT = 8;
const usage = `usage: npm run fuzz -- [--target NAME] [--runs N] [--seed S] [--replay FILE] [--keep] [--list]
  --target NAME  only targets of that name or with it in their name (wire.tcp, tcp, capture ...)
  --runs N       packets to feed to each target (${DEFAULT_RUNS})
  --seed S       draws other mutations (1)
  --replay FILE  feeds this one input to the target, as it is
  --keep         keeps up to ${MAX_KEPT} inputs of each target that had outcomes no kept one had
  --list         names the targets`;

class UsageError extends Error {}

interface Options {
  readonly chosen: readonly FuzzTarget[];
  readonly runs: number;
  readonly seed: number;
  readonly replay: string | undefined;
  readonly keep: boolean;
  readonly list: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      runs: { type: 'string' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      keep: { type: 'boolean' },
      list: { type: 'boolean' },
    },
  });
  const chosen = chooseTargets(values.target);
  if (chosen.length === 0) throw new UsageError(`no target is named ${values.target}`);
  if (values.replay !== undefined && chosen.length !== 1) {
    throw new UsageError('--replay needs the --target that the input is for');
  }
  return {
    chosen,
    runs: wholeNumber('--runs', values.runs, DEFAULT_RUNS),
    seed: wholeNumber('--seed', values.seed, 1),
    replay: values.replay,
    keep: values.keep ?? false,
    list: values.list ?? false,
  };
}

/** The target of exactly that name, or all that have it among the parts of theirs. */
function chooseTargets(name: string | undefined): readonly FuzzTarget[] {
  if (name === undefined) return targets;
  const exact = targets.filter((target) => target.name === name);
  return exact.length > 0 ? exact : targets.filter((target) => `.${target.name}.`.includes(`.${name}.`));
}

function wholeNumber(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`${option} takes a whole number, not "${text}"`);
  }
  return value;
}

const module = new URL('./targets.ts', import.meta.url).href;

/** Feeds one target; whether it held. */
async function fuzz(target: FuzzTarget, options: Options): Promise<boolean> {
  const kept = keptInputs(target.name).map(({ bytes }) => bytes);
  const inputs = Math.ceil(options.runs / target.packetsPerInput);
  const job = { target: target.name, options: { seed: options.seed, inputs, kept } };
  const begun = process.hrtime.bigint();
  const failure = await supervise(module, [job], (_name, result) => {
    reportResult(target, options, result, Number(process.hrtime.bigint() - begun) / 1e9);
  });
  if (failure !== undefined) reportFailure(options, failure);
  return failure === undefined;
}

function reportResult(target: FuzzTarget, options: Options, result: RunResult, seconds: number): void {
  const packets = result.inputs * target.packetsPerInput;
  const rate = Math.round(packets / seconds).toLocaleString('en');
  console.log(
    `${target.name.padEnd(20)} ${packets.toLocaleString('en').padStart(12)} in ${seconds.toFixed(1).padStart(6)} s` +
      ` ${rate.padStart(10)}/s  ${result.outcomes} outcomes`,
  );
  if (!options.keep) return;
  for (const bytes of result.found.slice(0, MAX_KEPT)) {
    console.log(`kept ${keepInput(target.name, 'outcome', bytes)}`);
  }
}

function reportFailure(options: Options, { target, kind, message, input }: Failure): void {
  const path = keepInput(target, 'failure', input);
  console.error(`${target}: ${kind} on an input of ${input.length} bytes`);
  console.error(message);
  console.error(`saved as ${path}; this one input again:`);
  console.error(`  npm run fuzz -- --target ${target} --replay ${path}`);
  console.error('the whole run again:');
  console.error(`  npm run fuzz -- --target ${target} --runs ${options.runs} --seed ${options.seed}`);
}

/** Feeds one input from a file; whether the target held. */
async function replay(target: FuzzTarget, path: string): Promise<boolean> {
  const { bytes } = readInput(path);
  const job = { target: target.name, options: { seed: 1, inputs: 0, kept: [bytes] } };
  const failure = await supervise(module, [job], () => console.log(`${target.name}: ${path} does no harm`));
  if (failure !== undefined) console.error(`${target.name}: ${failure.kind} on ${path}\n${failure.message}`);
  return failure === undefined;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.list) {
    for (const { name } of options.chosen) console.log(name);
    return 0;
  }
  if (options.replay !== undefined) return (await replay(options.chosen[0]!, options.replay)) ? 0 : 1;
  for (const target of options.chosen) {
    if (!(await fuzz(target, options))) return 1;
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error((error as Error).message);
  console.error(usage);
  process.exitCode = 2;
}
