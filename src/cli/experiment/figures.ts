/** Where the figures of an experiment go. */

import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FailureError } from '../errors.js';

/** Makes `folder` unless it is there. Throws a {@link FailureError} when files cannot be made in it. */
export function openFolder(folder: string): void {
  try {
    makeFolder(resolve(folder));
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new FailureError(`cannot write to ${folder}: ${(error as Error).message}`, {
      hint: 'choose another place with --output, or none with --no-figures',
      cause: error,
    });
  }
}

/** With those above it. Node's own way of that never comes back where nothing can be made, as in /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

/** Writes each figure to `FOLDER/EXPERIMENT-FIGURE.svg`; returns the paths. Throws a {@link FailureError}. */
export function writeFigures(
  folder: string,
  experiment: string,
  figures: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(figures).map(([name, text]) => {
    const path = join(folder, `${experiment}-${name}.svg`);
    try {
      writeFileSync(path, text);
    } catch (error) {
      throw new FailureError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
    return path;
  });
}
