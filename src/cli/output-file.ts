/**
 * Files that a command writes beside what it prints. Whatever goes wrong (no such folder, no right, no space) ends the
 * command with one line that names the file, and a file has its name only when it is whole: until then it is NAME.part,
 * which goes away with a command that fails or is interrupted.
 */

import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
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

/** Files that are not whole yet. */
const parts = new Set<string>();

function removeParts(): void {
  for (const part of parts) rmSync(part, { force: true });
  parts.clear();
}

/** A signal ends the program as ever, but leaves no half of a file. */
function stop(signal: NodeJS.Signals): void {
  removeParts();
  process.kill(process.pid, signal);
}

function beginPart(part: string): void {
  if (parts.size === 0) process.once('exit', removeParts).once('SIGINT', stop).once('SIGTERM', stop);
  parts.add(part);
}

function endPart(part: string): void {
  parts.delete(part);
  if (parts.size === 0) process.off('exit', removeParts).off('SIGINT', stop).off('SIGTERM', stop);
}

/** A file that is written from its beginning to its end. Every method throws a {@link FailureError}. */
export class OutputFile {
  readonly path: string;
  private readonly descriptor: number;
  /** What it is called until it is whole, and then; undefined for what is no plain file, such as a pipe or /dev/full. */
  private readonly part: string | undefined;
  private readonly whole: string;
  private text = '';

  /** Makes the file; `inputs` are paths of files that must not be lost that way. */
  constructor(path: string, inputs: readonly string[] = []) {
    this.path = path;
    try {
      const old = statSync(path, { throwIfNoEntry: false });
      // What a link leads to is written anew, not the link.
      this.whole = old === undefined ? path : realpathSync(path);
      this.part = old === undefined || old.isFile() ? `${this.whole}.part` : undefined;
      if (inputs.some((input) => isSameFile(input, path) || isSameFile(input, this.part ?? path))) {
        throw new UsageError(`${path} is one of the files that are read`, 'choose another name to write to');
      }
      // A file that may not be written is not replaced either.
      if (old !== undefined) accessSync(path, constants.W_OK);
      this.descriptor = openSync(this.part ?? path, this.part === undefined ? constants.O_WRONLY : 'w');
    } catch (error) {
      throw error instanceof UsageError ? error : cannotWrite(path, error);
    }
    if (this.part !== undefined) beginPart(this.part);
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

  /** Writes what waits, closes the file, and gives it its name. */
  close(): void {
    this.flush();
    try {
      closeSync(this.descriptor);
      if (this.part === undefined) return;
      renameSync(this.part, this.whole);
      endPart(this.part);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  private flush(): void {
    const bytes = Buffer.from(this.text);
    this.text = '';
    this.writeBytes(bytes);
  }
}

function isSameFile(input: string, path: string): boolean {
  const one = statSync(input, { throwIfNoEntry: false });
  const other = statSync(path, { throwIfNoEntry: false });
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** Writes a whole file. Throws a {@link FailureError}. */
export function writeOutput(path: string, text: string): void {
  const file = new OutputFile(path);
  file.write(text);
  file.close();
}
