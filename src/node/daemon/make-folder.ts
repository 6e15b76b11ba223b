/** Folders that a command makes for what it keeps. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../net-error.js';

/**
 * Makes a folder and those that it lies in, where they are not there; only new ones get `mode`. Rejects as the system does: `ENOTDIR` where
 * something else has the name. (Node's own does not end where a file system says of a folder in which nothing can be made that
 * it is not there, as `/proc` does.)
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  if ((await attempt(path, mode)) === 'done') return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, mode);
  if ((await attempt(path, mode)) === 'done') return;
  throw Object.assign(new Error(`ENOENT: nothing can be made in ${parent}`), { code: 'ENOENT' });
}

/** `no-parent` where the folder that it would lie in is not there. */
async function attempt(path: string, mode: number): Promise<'done' | 'no-parent'> {
  try {
    await mkdir(path, { mode });
    return 'done';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'no-parent';
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  if ((await stat(path)).isDirectory()) return 'done';
  throw Object.assign(new Error(`ENOTDIR: not a directory, ${path}`), { code: 'ENOTDIR' });
}
