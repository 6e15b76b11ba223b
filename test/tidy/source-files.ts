import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The root of the checkout. */
export const root = join(import.meta.dirname, '..', '..');

/** A source file of the project: its path from the root, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** All files below `folder` whose name passes `wanted`. */
export function sourceFiles(folder: string, wanted: (path: string) => boolean): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter(wanted)
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** The modules that a TypeScript file imports or re-exports, as written. */
export function importsOf(file: SourceFile): string[] {
  const found = file.text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g,
  );
  return [...found].map((match) => (match[1] ?? match[2])!);
}
