/**
 * Where the bytes of a capture come from: a file or standard input, read into memory of the caller's. A stream would make new
 * memory for every piece, and what a process needs would depend on when that is collected.
 */
import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

const readDescriptor = promisify(read);

const STANDARD_INPUT_DESCRIPTOR = 0;
/** Time until it is asked again of an input that does not wait and has nothing. */
const PAUSE_MS = 5;

export interface ByteSource {
  /** Whether a piece may be asked for before it is wanted. A read that nobody awaits keeps the program from its end. */
  readonly mayReadAhead: boolean;
  /** Puts the next bytes at the start of `buffer`; gives how many, 0 at the end. */
  read(buffer: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

export class FileSource implements ByteSource {
  readonly mayReadAhead = true;
  private readonly handle: FileHandle;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async read(buffer: Uint8Array): Promise<number> {
    return (await this.handle.read(buffer, 0, buffer.length, null)).bytesRead;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** The standard input of this process, which nothing else may read. */
export const standardInput: ByteSource = {
  mayReadAhead: false,
  async read(buffer) {
    for (;;) {
      try {
        return (await readDescriptor(STANDARD_INPUT_DESCRIPTOR, buffer, 0, buffer.length, null)).bytesRead;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // So some systems call the end of a pipe.
        if (code === 'EOF') return 0;
        // Whoever gave it to us lets it not wait for data.
        if (code !== 'EAGAIN') throw error;
        await setTimeout(PAUSE_MS);
      }
    }
  },
  close: () => Promise.resolve(),
};
