/**
 * The store of one balancer alone: a folder. `generations.log` has a generation a line, each with a checksum; `snapshot` has the
 * latest snapshot, as one such line. What was promised is on disk: files are synced before a promise resolves, a snapshot takes the place
 * of the former one in one step (a file beside it is renamed), and the log is cut only after that. So a process or a machine may stop at
 * any instruction. One process at a time has the folder, by a lock that the kernel lets go of when the process ends.
 *
 * Owns the files; the meaning of generations is the control plane's.
 */
import { constants, type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Generation,
  type GenerationSnapshot,
  generationToJson,
  parseGeneration,
  parseSnapshot,
  snapshotToJson,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { tryLock } from '../../linux/index.js';
import { messageOf } from '../net-error.js';
import { checkedLine, readCheckedLines } from './checked-lines.js';
import { makeFolder } from '../daemon/make-folder.js';
import { isUnavailable, type StateStore, type StoredState, type StoreEvent } from './state-store.js';

/** Most bytes of a file that is read: some thousand generations of the largest kind. */
export const maxStoreFileBytes = 256 << 20;
const logName = 'generations.log';
const snapshotName = 'snapshot';
const lockName = 'lock';

/** Writes `bytes` to a file from `position` on, wholly: a place for tests to have the disk be full. */
export type WriteAll = (file: FileHandle, bytes: Buffer, position: number) => Promise<void>;

/** How to open an embedded store. */
export interface EmbeddedStoreOptions {
  /** Made where it is not there, for its owner alone. */
  readonly folder: string;
  /** Default: writes until all is written. */
  readonly write?: WriteAll;
}

/**
 * Opens a folder.
 * @throws SubflowError `ERR_SUBFLOW_BUSY` when another process has it; `ERR_SUBFLOW_STORE_UNAVAILABLE` when it cannot be made or opened.
 */
export async function embeddedStore(options: EmbeddedStoreOptions): Promise<StateStore> {
  const { folder } = options;
  const lock = await attempt(folder, async () => {
    await makeFolder(folder, 0o700);
    return open(join(folder, lockName), constants.O_RDWR | constants.O_CREAT, 0o600);
  });
  if (!tryLock(lock.fd)) {
    const owner = (await lock.readFile('utf8')).trim();
    await lock.close();
    throw new SubflowError('ERR_SUBFLOW_BUSY', `another process has ${folder}: ${owner}`, {
      hint: 'Stop the balancer that runs already, or give this one a folder of its own.',
    });
  }
  try {
    // For people: the lock is the kernel's.
    await lock.truncate(0);
    await lock.write(`process ${process.pid}\n`, 0);
  } catch {
    // A disk that is full is no reason not to begin.
  }
  return new EmbeddedStore(options, lock);
}

class EmbeddedStore implements StateStore {
  private readonly folder: string;
  private readonly write: WriteAll;
  private readonly lock: FileHandle;
  /** What is done is done one after the other. */
  private last: Promise<unknown> = Promise.resolve();
  private log: FileHandle | undefined;
  /** Bytes of the log that count. */
  private goodBytes = 0;
  /** Generations in the log. */
  private generations: Generation[] = [];
  /** Number of the latest generation; 0 for none. */
  private latest = 0;
  private closed = false;
  private why = '';
  /** Whether {@link watch} has yet to tell whether the store is in reach. */
  private hasNews = true;
  private wake: (() => void) | undefined;

  constructor({ folder, write = writeAll }: EmbeddedStoreOptions, lock: FileHandle) {
    this.folder = folder;
    this.write = write;
    this.lock = lock;
  }

  load(): Promise<StoredState | undefined> {
    return this.inTurn(async () => {
      const snapshot = await this.readSnapshot();
      const generations = await this.openLog();
      const from = snapshot?.generation.number ?? 0;
      // Those up to the snapshot are left over from a compaction that was stopped.
      this.generations = generations.filter(({ number }) => number > from);
      this.generations.forEach(({ number }, i) => {
        if (number !== from + 1 + i)
          throw this.badState(logName, `generation ${from + 1 + i} is missing before ${number}`);
      });
      this.latest = from + this.generations.length;
      if (this.latest === 0) return undefined;
      return { snapshot, generations: [...this.generations] };
    });
  }

  append(generation: Generation): Promise<boolean> {
    return this.inTurn(async () => {
      if (generation.number !== this.latest + 1) return false;
      const log = this.log ?? (await this.makeLog());
      const line = checkedLine(generationToJson(generation));
      // A line that did not fit before may lie behind those that count.
      await log.truncate(this.goodBytes);
      await this.write(log, line, this.goodBytes);
      await log.datasync();
      this.goodBytes += line.length;
      this.generations.push(generation);
      this.latest = generation.number;
      return true;
    });
  }

  compact(snapshot: GenerationSnapshot): Promise<void> {
    return this.inTurn(async () => {
      await this.replace(snapshotName, checkedLine(snapshotToJson(snapshot)));
      const { number } = snapshot.generation;
      const later = this.generations.filter((generation) => generation.number > number);
      const lines = Buffer.concat(later.map((generation) => checkedLine(generationToJson(generation))));
      await this.replace(logName, lines);
      await this.log?.close();
      this.log = await open(this.path(logName), 'r+');
      this.goodBytes = lines.length;
      this.generations = later;
      this.latest = Math.max(this.latest, number);
    });
  }

  async publish(): Promise<void> {
    // There is nobody else.
  }

  async shareTokens(): Promise<void> {
    // There is nobody else.
  }

  async *watch(): AsyncGenerator<StoreEvent, void, undefined> {
    for (;;) {
      if (this.closed) return;
      if (this.hasNews) {
        this.hasNews = false;
        yield { type: 'reach', isReachable: this.why === '', why: this.why };
      } else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.wake?.();
    await this.last.catch(() => undefined);
    await this.log?.close();
    await this.lock.close();
  }

  /** Runs `action` after those before it; what the system refuses is told as the interface says. */
  private inTurn<T>(action: () => Promise<T>): Promise<T> {
    const run = this.last.then(async () => {
      if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `the store ${this.folder} is closed`);
      try {
        const result = await attempt(this.folder, action);
        this.tell('');
        return result;
      } catch (error) {
        if (isUnavailable(error)) this.tell(error.message);
        throw error;
      }
    });
    this.last = run.catch(() => undefined);
    return run;
  }

  private tell(why: string): void {
    if (why === this.why) return;
    this.why = why;
    this.hasNews = true;
    this.wake?.();
  }

  private async readSnapshot(): Promise<GenerationSnapshot | undefined> {
    const bytes = await this.readIfThere(snapshotName);
    if (bytes === undefined) return undefined;
    const { values, rest } = readCheckedLines(bytes);
    const parsed = parseSnapshot(values[0]);
    if (values.length !== 1 || rest !== 'none') throw this.badState(snapshotName, 'its checksum is wrong');
    if (!parsed.ok) throw this.badState(snapshotName, parsed.message);
    return parsed.value;
  }

  /** Reads the log, cuts a torn line off its end, and keeps it open. */
  private async openLog(): Promise<Generation[]> {
    const bytes = await this.readIfThere(logName);
    if (bytes === undefined) return [];
    const { values, goodBytes, rest } = readCheckedLines(bytes);
    if (rest === 'damaged') throw this.badState(logName, `line ${values.length + 1} is damaged`);
    const generations = values.map((value, i) => {
      const parsed = parseGeneration(value);
      if (!parsed.ok) throw this.badState(logName, `line ${i + 1}: ${parsed.message}`);
      return parsed.value;
    });
    await this.log?.close();
    this.log = await open(this.path(logName), 'r+');
    this.goodBytes = goodBytes;
    return generations;
  }

  private async makeLog(): Promise<FileHandle> {
    this.log = await open(this.path(logName), constants.O_RDWR | constants.O_CREAT, 0o600);
    this.goodBytes = 0;
    await this.syncFolder();
    return this.log;
  }

  /** Puts `bytes` in the place of a file in one step. */
  private async replace(name: string, bytes: Buffer): Promise<void> {
    const beside = this.path(`${name}.new`);
    const file = await open(beside, 'w', 0o600);
    try {
      await this.write(file, bytes, 0);
      await file.sync();
    } catch (error) {
      await file.close();
      await rm(beside, { force: true });
      throw error;
    }
    await file.close();
    await rename(beside, this.path(name));
    await this.syncFolder();
  }

  /** A name is on disk when the folder is. */
  private async syncFolder(): Promise<void> {
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  private async readIfThere(name: string): Promise<Buffer | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.path(name), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { size } = await file.stat();
      if (size > maxStoreFileBytes) throw this.badState(name, `${size} bytes are too many`);
      return await readFile(file);
    } finally {
      await file.close();
    }
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  private badState(name: string, message: string): SubflowError {
    return new SubflowError('ERR_SUBFLOW_BAD_STATE', `${this.path(name)}: ${message}`, {
      hint: `Move ${this.folder} away to begin anew, which may break connections.`,
    });
  }
}

/** Runs `action`; what the system refuses becomes `ERR_SUBFLOW_STORE_UNAVAILABLE`. */
async function attempt<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof SubflowError) throw cause;
    throw new SubflowError('ERR_SUBFLOW_STORE_UNAVAILABLE', `${folder}: ${messageOf(cause)}`, {
      cause,
      hint: 'Is there room on the disk, and may this user write there?',
    });
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
