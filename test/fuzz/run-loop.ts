/**
 * Feeds one target: first the kept inputs as they are, then mutated ones. Runs inside a worker and leaves traces of
 * where it is in shared memory, so that whoever watches can tell what input it hangs on or died of.
 */
import { SeededRandom } from '../../src/base/index.js';
import { Mutator } from './mutator.js';
import type { FuzzTarget } from './target.js';

/** Longest input of any target, in bytes. */
export const MAX_INPUT_BYTES = 16_384;
/** Inputs with new outcomes that are kept for further mutation in one run. */
const MAX_POOL = 1024;
/** The longest input worth keeping for its outcome, in bytes. */
const MAX_POOLED_BYTES = 4096;

/** What the worker shares with its watcher. */
export interface Trace {
  /** Counts inputs begun, modulo 2^32: while it moves nothing hangs. */
  readonly progress: Int32Array;
  /** Length of the input being fed, in bytes. */
  readonly length: Int32Array;
  /** The input being fed. */
  readonly input: Uint8Array;
}

/** Shared memory for a trace. */
export function createTraceMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 + MAX_INPUT_BYTES);
}

export function traceOf(memory: SharedArrayBuffer): Trace {
  return {
    progress: new Int32Array(memory, 0, 1),
    length: new Int32Array(memory, 4, 1),
    input: new Uint8Array(memory, 8),
  };
}

/** What to feed. */
export interface RunOptions {
  readonly seed: number;
  /** Mutated inputs. */
  readonly inputs: number;
  /** Inputs to feed as they are before, and to mutate along with the seeds. */
  readonly kept: readonly Uint8Array[];
}

/** How a run ended. */
export interface RunResult {
  /** Inputs fed, kept ones included. */
  readonly inputs: number;
  /** Distinct outcomes seen. */
  readonly outcomes: number;
  /** What was thrown, with its stack; undefined when all went well. The input is in the trace. */
  readonly error: string | undefined;
  /** Inputs that had outcomes which neither a seed nor a kept input had. */
  readonly found: readonly Uint8Array[];
}

/** Runs `target`. An input's bytes depend only on the seed, the kept inputs and the ones before it. */
export function runTarget(target: FuzzTarget, options: RunOptions, trace: Trace): RunResult {
  const mutator = new Mutator(trace.input, new SeededRandom(options.seed));
  const pool = [...target.seeds, ...options.kept];
  const known = pool.length;
  const outcomes = new Set<string>();
  let inputs = 0;
  try {
    for (const bytes of pool.slice()) {
      trace.input.set(bytes);
      feed(target, trace, bytes.length, outcomes);
      inputs++;
    }
    for (let i = 0; i < options.inputs; i++) {
      mutator.make(pool, target.maxBytes);
      const { length } = mutator;
      const isNew = feed(target, trace, length, outcomes);
      inputs++;
      if (isNew && pool.length - known < MAX_POOL && length <= MAX_POOLED_BYTES) {
        pool.push(trace.input.slice(0, length));
      }
    }
  } catch (error) {
    return { inputs, outcomes: outcomes.size, error: describeError(error), found: [] };
  }
  return { inputs, outcomes: outcomes.size, error: undefined, found: pool.slice(known) };
}

/** Feeds the input that stands in the trace; whether its outcome is new. */
function feed(target: FuzzTarget, trace: Trace, length: number, outcomes: Set<string>): boolean {
  trace.length[0] = length;
  trace.progress[0]!++;
  // A view that ends with the input: who reads beyond it gets nothing, and not what an earlier input left there.
  const outcome = target.run(trace.input.subarray(0, length));
  if (outcome === undefined || outcomes.has(outcome)) return false;
  outcomes.add(outcome);
  return true;
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
