/**
 * `npm run build:bpf`: compiles every program of this folder with clang, and leaves the objects beside the sources. Each object holds
 * a hash of all that it was made from, by which test/bpf/ knows without a compiler whether it belongs to its source.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where the sources and the objects are. */
export const folder = import.meta.dirname;

/** The version of clang that the committed objects were made with: Debian 12's. Another gives other code. */
export const clangVersion = '14.0.6';

/** The version of the clang that is installed; empty without. */
export function installedClang(): string {
  try {
    const said = execFileSync('clang', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /version (\d+\.\d+\.\d+)/.exec(said)?.[1] ?? 'unknown';
  } catch {
    return '';
  }
}

/** Names of the programs, without their endings. */
export function programNames(): string[] {
  return filesEndingIn('.c').map((file) => file.slice(0, -'.c'.length));
}

/** SHA-256, in hexadecimal, of the flags, the source of `name` and all that it includes. */
export function sourceHash(name: string): string {
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of withIncludes(`${name}.c`))
    hash.update(`\n${file}\n`).update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}

/** `file` and what it includes, each once. */
function withIncludes(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(folder, file), 'utf8');
  for (const [, included] of text.matchAll(/^#include "([^"]+)"$/gm)) withIncludes(included!, found);
  return found;
}

/** Compiles `name` to the file `output`. Throws when clang is missing or complains. */
export function compile(name: string, output: string): void {
  const identity = `-DSOURCE_HASH="${sourceHash(name)}"`;
  execFileSync('clang', [...flags, identity, '-c', `${name}.c`, '-o', output], {
    cwd: folder,
    stdio: 'inherit',
  });
}

/**
 * Instructions of version 3 (Linux 5.1): arithmetic of 32 bits and all comparisons. Without the compiler's name and without
 * debugging information the same compiler gives the same bytes everywhere.
 */
const flags = [
  ...['-target', 'bpf', '-mcpu=v3', '-O2', '-std=gnu11', '-fno-ident', '-g0', '-ffreestanding'],
  ...['-Wall', '-Wextra', '-Werror', '-Wno-unused-variable', '-Wno-address-of-packed-member'],
];

function filesEndingIn(ending: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .sort();
}

if (process.argv[1] === import.meta.filename) {
  for (const name of programNames()) compile(name, join(folder, `${name}.o`));
}
