/** Runs the command line as a user does, and gives what came of it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** The launcher. */
export const launcher = join(import.meta.dirname, '..', '..', 'bin', 'subflow.js');

/** A run that is over. */
export interface Finished {
  /** Exit status; -1 when a signal ended it. */
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `subflow` in `folder` to its end, a minute and a half at most. */
export function runSubflow(folder: string, args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, ...args], { cwd: folder, timeout: 90_000 }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });
}
