/** Inputs that are kept in git: past findings, and some that took ways the seeds do not take. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const folder = join(import.meta.dirname, 'corpus');

/** One kept input. */
export interface KeptInput {
  /** Path from the root of the checkout. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The inputs kept for a target, in the order of their names. */
export function keptInputs(target: string): KeptInput[] {
  const home = join(folder, target);
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .filter((name) => name.endsWith('.bin'))
    .sort()
    .map((name) => readInput(join(home, name)));
}

/** Reads an input from any file. */
export function readInput(path: string): KeptInput {
  return { path: relative(root, path), bytes: new Uint8Array(readFileSync(path)) };
}

/** Keeps an input under a name made of `kind` and its content; gives the path from the root of the checkout. */
export function keepInput(target: string, kind: 'failure' | 'outcome', bytes: Uint8Array): string {
  const home = join(folder, target);
  mkdirSync(home, { recursive: true });
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const path = join(home, `${kind}-${digest}.bin`);
  writeFileSync(path, bytes);
  return relative(root, path);
}
