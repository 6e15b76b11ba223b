/**
 * Watches over a run in a worker: ends it when one input takes too much processor time or the process too much memory,
 * and tells which input it was.
 */
import { Worker } from 'node:worker_threads';
import { type RunResult, createTraceMemory, traceOf } from './run-loop.js';
import type { Job, WorkerInput } from './worker.js';

/** What one input, and the run as a whole, may take. */
export interface Bounds {
  /**
   * Processor time of this process during one input, in ms. Not time on the clock: a machine busy with other things
   * must not look like a hang.
   */
  readonly inputCpuMs: number;
  /** Growth of the process, in bytes. */
  readonly growthBytes: number;
  /** JavaScript heap of the worker, in MiB. */
  readonly heapMiB: number;
}

export const defaultBounds: Bounds = { inputCpuMs: 5000, growthBytes: 1024 * 1024 * 1024, heapMiB: 768 };

/** Why a run failed, and on what. */
export interface Failure {
  readonly target: string;
  readonly kind: 'throw' | 'hang' | 'memory';
  readonly message: string;
  readonly input: Uint8Array;
}

const POLL_MS = 100;

/**
 * Does the jobs one after another in one worker; `module` (a file URL) exports the targets. Calls `done` with the result
 * of each that held. Gives the first failure, with which it stops; undefined when all held.
 */
export async function supervise(
  module: string,
  jobs: readonly Job[],
  done: (target: string, result: RunResult) => void,
  bounds: Bounds = defaultBounds,
): Promise<Failure | undefined> {
  const memory = createTraceMemory();
  const data: WorkerInput = { module, memory, jobs };
  const worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
    workerData: data,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: bounds.heapMiB },
  });
  const trace = traceOf(memory);
  let job = 0;
  let stopWatching = (): void => undefined;
  try {
    return await new Promise<Failure | undefined>((resolve, reject) => {
      const fail = (kind: Failure['kind'], message: string): void => {
        const input = trace.input.slice(0, trace.length[0]);
        resolve({ target: jobs[job]!.target, kind, message, input });
      };
      stopWatching = watchBounds(trace.progress, bounds, fail);
      worker.on('message', (result: RunResult) => {
        if (result.error !== undefined) fail('throw', result.error);
        else {
          done(jobs[job]!.target, result);
          job++;
          if (job === jobs.length) resolve(undefined);
        }
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') fail('memory', error.message);
        else reject(error);
      });
      worker.on('exit', (code) => reject(new Error(`the worker ended by itself, with status ${code}`)));
    });
  } finally {
    stopWatching();
    await worker.terminate();
  }
}

/** Calls `fail` when an input takes too long or memory grows too far, until what it returns is called. */
function watchBounds(
  progress: Int32Array,
  bounds: Bounds,
  fail: (kind: Failure['kind'], message: string) => void,
): () => void {
  const startBytes = process.memoryUsage.rss();
  let lastProgress = 0;
  let cpuAtProgress = process.cpuUsage();
  const timer = setInterval(() => {
    const now = Atomics.load(progress, 0);
    // Nothing counts before the first input: the worker is loading.
    if (now !== lastProgress || now === 0) {
      lastProgress = now;
      cpuAtProgress = process.cpuUsage();
    }
    const spent = process.cpuUsage(cpuAtProgress);
    const spentMs = (spent.user + spent.system) / 1000;
    const grown = process.memoryUsage.rss() - startBytes;
    if (spentMs > bounds.inputCpuMs) fail('hang', `one input took more than ${bounds.inputCpuMs} ms`);
    else if (grown > bounds.growthBytes) fail('memory', `the process grew by ${grown} bytes`);
  }, POLL_MS);
  return () => clearInterval(timer);
}
