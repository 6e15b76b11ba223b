/** Files of targets: one a line, with comments; everything wrong in a file is told at once, by the number of the line. */

import { readFileSync } from 'node:fs';
import { UsageError } from '../errors.js';
import { parseTarget, type WrittenTarget } from '../target.js';

/** Most targets that a file may have. */
export const MAX_TARGETS = 100_000;
/** Most lines that an error names. */
const MAX_NAMED_LINES = 10;

/** What a file has. */
export interface TargetList {
  /** Each once, in the order of the file. */
  readonly targets: readonly WrittenTarget[];
  /** Lines left out because the same target stands above. */
  readonly duplicates: number;
}

/** Reads a file of targets; `-` is the standard input. Throws {@link UsageError}. */
export function readTargets(path: string): TargetList {
  try {
    return parseTargets(readFileSync(path === '-' ? 0 : path, 'utf8'), path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the targets in ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Reads lines of targets; empty ones, and what stands behind a #, are left out. Throws {@link UsageError}. */
export function parseTargets(text: string, path: string): TargetList {
  const targets = new Map<string, WrittenTarget>();
  const complaints: string[] = [];
  let written = 0;
  // Editors of some systems put a byte order mark in front.
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const entry = line.replace(/#.*$/s, '').trim();
    if (entry === '') continue;
    written++;
    try {
      const target = parseTarget(entry);
      const key = `${target.host.toLowerCase()} ${target.port}`;
      if (!targets.has(key)) targets.set(key, target);
    } catch (error) {
      complaints.push(`${path}:${index + 1}: ${(error as Error).message}`);
    }
  }
  if (complaints.length > 0) throw badLines(complaints);
  if (written === 0) throw new UsageError(`there are no targets in ${path}`);
  if (targets.size > MAX_TARGETS)
    throw new UsageError(`${targets.size} targets are more than one sweep takes (${MAX_TARGETS})`);
  return { targets: [...targets.values()], duplicates: written - targets.size };
}

function badLines(complaints: readonly string[]): UsageError {
  const more = complaints.length - MAX_NAMED_LINES;
  const named = complaints.slice(0, MAX_NAMED_LINES).join('; ');
  const rest = more > 0 ? `; and ${more} more lines` : '';
  return new UsageError(`${named}${rest}`, 'a line is HOST, HOST:PORT, an address or [IPV6-ADDRESS]:PORT');
}
