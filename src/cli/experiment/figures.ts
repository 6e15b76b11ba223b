/** Where the figures of an experiment go. */

import { join } from 'node:path';
import { writeOutput } from '../output-file.js';

/** Writes each figure to `FOLDER/EXPERIMENT-FIGURE.svg`; returns the paths. Throws a `FailureError`. */
export function writeFigures(
  folder: string,
  experiment: string,
  figures: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(figures).map(([name, text]) => {
    const path = join(folder, `${experiment}-${name}.svg`);
    writeOutput(path, text);
    return path;
  });
}
