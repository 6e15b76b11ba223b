/** One thread of the data path in user space as its owner sees it: orders in, reports out, and an end that is waited for. */
import { Worker } from 'node:worker_threads';
import { SubflowError } from '../../base/index.js';
import { errorOf } from '../net-error.js';
import type { WorkerOrder, WorkerReport, WorkerSetup } from './user-path-messages.js';

/** What a thread begins with. */
export interface ThreadStart {
  readonly setup: Omit<WorkerSetup, 'wakeFd' | 'mail'>;
  /** A descriptor that ends the thread's wait when it is readable. */
  readonly wakeFd: number;
  readonly wake: () => void;
  /** Called once the thread has ended. */
  readonly release: () => void;
}

/** A thread that was told to end and does not is ended after this. */
const patienceMs = 2000;

/** Someone who waits for an answer. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** See the module. */
export class UserPathThread {
  /** The thread moves packets; rejects when it ends before that. */
  readonly ready: Promise<void>;
  private readonly worker: Worker;
  private readonly start: ThreadStart;
  private readonly mail = new SharedArrayBuffer(4);
  private readonly onEnd: (error: Error) => void;
  private readonly ended: Promise<void>;
  private becomeReady: Waiter | undefined;
  /** Orders that were not answered yet, in order. */
  private readonly waiting: Waiter[] = [];
  private isEnded = false;
  private isClosing = false;
  private why: Error | undefined;

  /** `onEnd` is told when the thread ends, or cannot go on, without having been told to. */
  constructor(start: ThreadStart, onEnd: (error: Error) => void) {
    this.start = start;
    this.onEnd = onEnd;
    const { setup, wakeFd } = start;
    const workerData: WorkerSetup = { ...setup, wakeFd, mail: this.mail };
    // What the process was started with is not for threads: some options would keep them from beginning.
    this.worker = new Worker(workerFile(), { workerData, execArgv: [] });
    this.ready = new Promise((resolve, reject) => (this.becomeReady = { resolve, reject }));
    // Whoever closes before that asks no more.
    this.ready.catch(() => undefined);
    this.worker.on('message', (report: WorkerReport) => this.take(report));
    this.worker.on('error', (error) => (this.why = errorOf(error)));
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', (status) => {
        this.end(this.why ?? new Error(`a thread of the data path ended by itself (${status})`));
        resolve();
      });
    });
  }

  /** Sends an order that is not answered. */
  order(order: WorkerOrder): void {
    if (this.isEnded) return;
    this.worker.postMessage(order);
    Atomics.add(new Int32Array(this.mail), 0, 1);
    this.start.wake();
  }

  /** Has the thread take a generation, as JSON. Rejects with the reason why it does not. */
  apply(generation: object): Promise<void> {
    if (this.isEnded) return Promise.reject(new SubflowError('ERR_SUBFLOW_CLOSED', 'the thread has ended'));
    const answered = new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
    this.order({ type: 'apply', generation });
    return answered;
  }

  /** Ends the thread; resolves when it uses nothing any more. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.order({ type: 'close' });
    const timer = setTimeout(() => void this.worker.terminate(), patienceMs);
    await this.ended;
    clearTimeout(timer);
    this.start.release();
  }

  private take(report: WorkerReport): void {
    if (report.type === 'ready') this.becomeReady?.resolve();
    else if (report.type === 'failed') this.why = new SubflowError('ERR_SUBFLOW_PATH_FAILED', report.why);
    else if (report.error === undefined) this.waiting.shift()?.resolve();
    else {
      const { code, message } = report.error;
      this.waiting.shift()?.reject(new SubflowError(code, message));
    }
  }

  private end(error: Error): void {
    this.isEnded = true;
    this.becomeReady?.reject(error);
    for (const waiter of this.waiting.splice(0)) waiter.reject(error);
    if (!this.isClosing) this.onEnd(error);
  }
}

/** A thread runs the compiled program, also when this file is run from its source, as tests and benchmarks do. */
function workerFile(): URL {
  const beside = new URL('./user-path-worker.js', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return beside;
  return new URL(beside.href.replace(/\/src\/(?!.*\/src\/)/, '/dist/'));
}
