/** Finds the conformance scripts and reads them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseScript } from './parser.js';
import type { Script } from './script.js';

/** test/conformance. */
export const conformanceFolder = join(import.meta.dirname, '..');

/** Reads one script; `file` counts from test/conformance. */
export function loadScript(file: string): Script {
  return parseScript(file, readFileSync(join(conformanceFolder, file), 'utf8'), include);
}

/** What `use NAME` means. */
export function include(name: string): { file: string; text: string } | undefined {
  const file = `include/${name}.script`;
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(join(conformanceFolder, file))) return undefined;
  return { file, text: readFileSync(join(conformanceFolder, file), 'utf8') };
}

/** All scripts, in the order of their names. */
export function scriptFiles(): string[] {
  return readdirSync(conformanceFolder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && entry.name.endsWith('.script') && !entry.parentPath.endsWith('include'),
    )
    .map((entry) => relative(conformanceFolder, join(entry.parentPath, entry.name)))
    .sort();
}
