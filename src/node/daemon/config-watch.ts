/**
 * Watches the configuration file of a command that goes on. Looks at it some times a second: that finds every way of writing a file (in place,
 * by renaming, by links that change), on every file system. A file is read once it has not changed from one look to the next, so that
 * one that is being written is left alone.
 */
import { stat } from 'node:fs/promises';
import { SubflowError } from '../../base/index.js';

const lookEveryMs = 250;

/** What became of a file. */
export type ConfigEvent<T> =
  | { readonly ok: true; readonly config: T }
  /** Something is wrong with it, in words: a line for each mistake. */
  | { readonly ok: false; readonly problem: string };

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
export class ConfigWatch<T> {
  private readonly path: string;
  private readonly readFile: (path: string) => Promise<T>;
  private readonly onChange: (event: ConfigEvent<T>) => void;
  private readonly timer: NodeJS.Timeout;
  /** What the file looked like when it was last read, and at the last look. */
  private read: ConfigMark;
  private seen: ConfigMark;
  private isLooking = false;
  private closed = false;

  /**
   * Calls `onChange` with what a file holds whenever it is another one than `since`; soon, where it is another one already. `readFile`
   * reads it, and throws a SubflowError for one that is wrong.
   */
  constructor(
    path: string,
    since: ConfigMark,
    readFile: (path: string) => Promise<T>,
    onChange: (event: ConfigEvent<T>) => void,
  ) {
    this.path = path;
    this.readFile = readFile;
    this.read = since;
    this.seen = since;
    this.onChange = onChange;
    this.timer = setInterval(() => void this.look(), lookEveryMs).unref();
  }

  /** Reads the file now, whether it changed or not. */
  async reload(): Promise<void> {
    this.read = this.seen = await configMark(this.path);
    let event: ConfigEvent<T>;
    try {
      event = { ok: true, config: await this.readFile(this.path) };
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
