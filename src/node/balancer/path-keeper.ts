/**
 * Keeps a data path at work by the state of now: opens it, gives it the generations that follow in order, each until it is taken, and opens
 * another in its place when the state was begun anew. One path at a time is open, and none when {@link PathKeeper.close} has resolved,
 * whatever was under way. Knows nothing of where generations come from.
 */
import type { Generation } from '../../balancer/index.js';
import { errorOf, messageOf } from '../net-error.js';
import type { DataPath } from './data-path.js';
import type { Log } from '../daemon/log.js';
import type { LogEvent } from './log-events.js';

/** Before a generation that the data path did not take is given to it again, in ms. */
const applyRetryMs = 1000;

/** How to make one. */
export interface PathKeeperOptions {
  /** Opens a data path that begins with the state of now. */
  readonly open: () => Promise<DataPath>;
  /** What the path is attached to, in words. */
  readonly where: string;
  readonly log: Log<LogEvent>;
}

/** See the module. */
export class PathKeeper {
  /** Resolves when there is no data path and none can be had, with why. Never rejects. */
  readonly failed: Promise<Error>;
  private readonly options: PathKeeperOptions;
  private readonly log: Log<LogEvent>;
  private fail: (error: Error) => void = () => undefined;
  /** The path at work; undefined before the first one and between two. */
  private current: DataPath | undefined;
  /** Times that the state was begun anew, and as many of them as the path was opened by. */
  private states = 0;
  private openedStates = 0;
  /** What opens a path now, or opened the last one. */
  private opening: Promise<void> | undefined;
  /** Generations that the path is to take, in order; the first may be on its way. */
  private readonly waiting: Generation[] = [];
  private isApplying = false;
  private isClosed = false;

  constructor(options: PathKeeperOptions) {
    this.options = options;
    this.log = options.log;
    this.failed = new Promise((resolve) => (this.fail = resolve));
  }

  /** The data path at work; undefined while there is none. */
  get path(): DataPath | undefined {
    return this.current;
  }

  /** Opens the first path. Rejects as `open` does; resolves without a path when it is closed meanwhile. */
  start(): Promise<void> {
    this.states = 1;
    this.opening = this.renew();
    return this.opening;
  }

  /** Takes a generation that counts from now on. */
  take(generation: Generation): void {
    this.waiting.push(generation);
    if (this.current !== undefined) void this.applyWaiting();
  }

  /** The state was begun anew: what the data path knows leads nowhere, and what waits as well. Of no meaning before the start. */
  restart(): void {
    if (this.opening === undefined || this.isClosed) return;
    this.states++;
    // Whoever opens a path now looks again when it is open.
    if (this.current === undefined) return;
    this.opening = this.renew().catch((error: unknown) => this.fail(errorOf(error)));
  }

  /** Closes the path; one that is being opened is waited for. Rejects as its `close` does. Twice does no harm. */
  async close(): Promise<void> {
    this.isClosed = true;
    // Who opens it was told, or tells, of what went wrong.
    await this.opening?.catch(() => undefined);
    await this.current?.close();
  }

  /** Opens paths until one goes by the state of now. */
  private async renew(): Promise<void> {
    while (this.openedStates !== this.states && !this.isClosed) {
      const before = this.current;
      this.current = undefined;
      await before?.close();
      this.openedStates = this.states;
      this.waiting.length = 0;
      const path = await this.options.open();
      if (this.openedStates === this.states && !this.isClosed) this.adopt(path);
      else await path.close();
    }
  }

  private adopt(path: DataPath): void {
    this.current = path;
    this.log.info('path-attached', `packets of ${this.options.where} are steered`, { path: path.kind });
    void path.failed.then((error) => {
      if (this.current !== path) return;
      this.log.error('path-failed', error.message);
      this.fail(error);
    });
    void this.applyWaiting();
  }

  /** Gives the data path the generations that wait, one after the other. */
  private async applyWaiting(): Promise<void> {
    if (this.isApplying) return;
    this.isApplying = true;
    while (this.waiting.length > 0 && this.current !== undefined && !this.isClosed)
      await this.apply(this.current, this.waiting[0]!);
    this.isApplying = false;
  }

  private async apply(path: DataPath, generation: Generation): Promise<void> {
    const { number, reason, servers } = generation;
    try {
      await path.apply(generation);
      this.log.info('generation', reason, { generation: number, servers: servers.length });
      if (this.waiting[0] === generation) this.waiting.shift();
    } catch (error) {
      // What a path that was closed meanwhile refuses is the next one's.
      if (this.isClosed || this.current !== path) return;
      this.log.error('generation-refused', messageOf(error), { generation: number });
      await new Promise<void>((resolve) => setTimeout(resolve, applyRetryMs).unref());
    }
  }
}
