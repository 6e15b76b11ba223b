/** What is recorded of each document: its binding words, by section. `npm run conformance -- statements` makes the files. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Statement } from './extract.js';

/** The words of a section in order, by name, as in `1` → `MUST NOT`. */
export type SectionRecord = ReadonlyMap<string, string>;

/** The sections of a document that has any, in order. */
export type StatementRecord = ReadonlyMap<string, SectionRecord>;

/** Sections whose words only speak about words: a summary of all of them. */
export const skippedSections: Readonly<Record<string, readonly string[]>> = { '9293': ['B'] };

function pathOf(number: string): string {
  return join(import.meta.dirname, `rfc${number}.json`);
}

/** Reads the record of the document with this number; empty when there is none. */
export function readStatements(number: string): StatementRecord {
  if (!existsSync(pathOf(number))) return new Map();
  const file = JSON.parse(readFileSync(pathOf(number), 'utf8')) as Record<string, string>;
  return new Map(Object.entries(file).map(([section, line]) => [section.slice(1), parseLine(line)]));
}

/** A line is words separated by blanks: `MUST`, `MUST_NOT`, or `MUST-36=MUST` with a label of the document. */
function parseLine(line: string): SectionRecord {
  return new Map(
    line.split(' ').map((entry, index) => {
      const [word, name] = entry.split('=').reverse();
      return [name ?? String(index + 1), word!.replace('_', ' ')];
    }),
  );
}

/** Writes the record of a document anew. */
export function recordStatements(number: string, statements: readonly Statement[]): void {
  const sections: Record<string, string> = {};
  for (const { section, name, word } of statements) {
    const entry = `${/^\d+$/.test(name) ? '' : `${name}=`}${word.replace(' ', '_')}`;
    const key = `§${section}`;
    sections[key] = key in sections ? `${sections[key]!} ${entry}` : entry;
  }
  writeFileSync(pathOf(number), `${JSON.stringify(sections, undefined, 2)}\n`);
}
