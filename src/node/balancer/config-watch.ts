/**
 * Watches the configuration file of a running balancer. Looks at it some times a second: that finds every way of writing a file (in place,
 * by renaming, by links that change), on every file system. A file is read once it has not changed from one look to the next, so that
 * one that is being written is left alone.
 */
import { readFile, stat } from 'node:fs/promises';
import { SubflowError } from '../../base/index.js';
import type { BalanceConfig } from '../../balancer/index.js';
import { messageOf } from '../net-error.js';
import { maxConfigLength, parseConfig, problemText } from './config-file.js';

const lookEveryMs = 250;

/** What became of a file. */
export type ConfigEvent =
  | { readonly ok: true; readonly config: BalanceConfig }
  /** Something is wrong with it, in words: a line for each mistake. */
  | { readonly ok: false; readonly problem: string };

/**
 * Reads a configuration.
 * @throws SubflowError `ERR_SUBFLOW_BAD_CONFIG` with all that is wrong with it, or with why it cannot be read.
 */
export async function readConfig(path: string): Promise<BalanceConfig> {
  let text: string;
  try {
    const found = await stat(path);
    // A pipe may never end, and is another one when it is read again.
    if (!found.isFile()) throw new Error('it is no file');
    if (found.size > 4 * maxConfigLength) throw new Error('it is too long');
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_BAD_CONFIG', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
  const result = parseConfig(text);
  if (result.ok) return result.config;
  throw new SubflowError('ERR_SUBFLOW_BAD_CONFIG', problemText(path, result.problems), {
    hint: 'docs/balancing.md has every field.',
  });
}

/** Tells one state of a file from another. */
export type ConfigMark = string;

/** How a file is now: to be asked before it is read, so that a change between that and {@link ConfigWatch.start} is seen. */
export async function configMark(path: string): Promise<ConfigMark> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return 'none';
  }
}

/** See the module. */
export class ConfigWatch {
  private readonly path: string;
  private readonly onChange: (event: ConfigEvent) => void;
  private readonly timer: NodeJS.Timeout;
  /** What the file looked like when it was last read, and at the last look. */
  private read: ConfigMark;
  private seen: ConfigMark;
  private isLooking = false;
  private closed = false;

  private constructor(path: string, mark: ConfigMark, onChange: (event: ConfigEvent) => void) {
    this.path = path;
    this.read = mark;
    this.seen = mark;
    this.onChange = onChange;
    this.timer = setInterval(() => void this.look(), lookEveryMs).unref();
  }

  /** Calls `onChange` with what a file holds whenever it is another one than `since`; soon, where it is another one already. */
  static start(path: string, since: ConfigMark, onChange: (event: ConfigEvent) => void): ConfigWatch {
    return new ConfigWatch(path, since, onChange);
  }

  /** Reads the file now, whether it changed or not. */
  async reload(): Promise<void> {
    this.read = this.seen = await configMark(this.path);
    let event: ConfigEvent;
    try {
      event = { ok: true, config: await readConfig(this.path) };
    } catch (error) {
      if (!(error instanceof SubflowError)) throw error;
      event = { ok: false, problem: error.message };
    }
    if (!this.closed) this.onChange(event);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const mark = await configMark(this.path);
      const isSettled = mark === this.seen;
      this.seen = mark;
      if (isSettled && mark !== this.read) await this.reload();
    } finally {
      this.isLooking = false;
    }
  }
}
