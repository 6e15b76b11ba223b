/**
 * Files that a command writes beside what it prints. Whatever goes wrong (no such folder, no right, no space) ends the
 * command with one line that names the file.
 */

import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FailureError, UsageError } from './errors.js';

/** Characters or bytes that wait before they are written. */
const PENDING = 1 << 20;

function cannotWrite(path: string, error: unknown, hint = ''): FailureError {
  return new FailureError(`cannot write ${path}: ${(error as Error).message}`, { hint, cause: error });
}

/** Makes `folder` unless it is there. Throws a {@link FailureError} when files cannot be made in it. */
export function openFolder(folder: string, hint: string): void {
  try {
    makeFolder(resolve(folder));
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new FailureError(`cannot write to ${folder}: ${(error as Error).message}`, { hint, cause: error });
  }
}

/** With those above it. Node's own way of that never comes back where nothing can be made, as in /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

/** A file that is written from its beginning to its end. Every method throws a {@link FailureError}. */
export class OutputFile {
  readonly path: string;
  private readonly descriptor: number;
  private text = '';

  /** Makes the file, or empties it; `inputs` are paths of files that must not be lost that way. */
  constructor(path: string, inputs: readonly string[] = []) {
    this.path = path;
    try {
      // It is emptied only when it is known to be no input.
      this.descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o666);
    } catch (error) {
      throw cannotWrite(path, error);
    }
    if (inputs.some((input) => this.isSameAs(input))) {
      closeSync(this.descriptor);
      throw new UsageError(`${path} is one of the files that are read`, 'choose another name to write to');
    }
    const { descriptor } = this;
    // What is no plain file, such as a pipe or /dev/full, has nothing to lose.
    if (fstatSync(descriptor).isFile()) ftruncateSync(descriptor);
  }

  /** Adds text; it is written when there is enough of it. */
  write(text: string): void {
    this.text += text;
    if (this.text.length >= PENDING) this.flush();
  }

  /** Adds bytes. */
  writeBytes(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.descriptor, bytes, at);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.flush();
    try {
      closeSync(this.descriptor);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  private flush(): void {
    const bytes = Buffer.from(this.text);
    this.text = '';
    this.writeBytes(bytes);
  }

  private isSameAs(input: string): boolean {
    const other = statSync(input, { throwIfNoEntry: false });
    const own = fstatSync(this.descriptor);
    return other !== undefined && other.dev === own.dev && other.ino === own.ino;
  }
}

/** Writes a whole file. Throws a {@link FailureError}. */
export function writeOutput(path: string, text: string): void {
  const file = new OutputFile(path);
  file.write(text);
  file.close();
}
