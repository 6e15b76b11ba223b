/**
 * A configuration as a text of JSON, read by a schema: every mistake is told at once, each with its line and its path, and no field that
 * nobody knows is let by. Knows no command's fields, and reads no file: config-file.ts does.
 */
import type { z } from 'zod';
import { messageOf } from '../net-error.js';
import { jsonLines, lineAt } from './json-lines.js';

/** Most characters of a configuration. */
export const maxConfigLength = 1 << 20;
/** Most mistakes that are told of one file. */
const maxProblems = 20;

/** Something that is wrong in a file. */
export interface ConfigProblem {
  readonly line: number;
  /** As in `servers[2].address`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Something that is wrong with a field. */
export interface FieldProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What a configuration holds, or all that is wrong with it. */
export type ParsedConfig<T> =
  | { readonly ok: true; readonly config: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Makes what a command wants of what the schema let by, and says what in it does not go together. */
export type FinishConfig<P, T> = (parsed: P) => {
  readonly value: T;
  readonly problems: readonly FieldProblem[];
};

/**
 * Reads a text, with a mark of its encoding in front (RFC 8259 §8.1) or without. `schema` is strict, so that it lets no unknown field by;
 * `finish` is called when it has nothing to say against the text. Never throws.
 */
export function parseConfigText<S extends z.ZodType, T>(
  marked: string,
  schema: S,
  finish: FinishConfig<z.output<S>, T>,
): ParsedConfig<T> {
  const text = marked.replace(/^\ufeff/, '');
  if (text.length > maxConfigLength)
    return wrong(1, '', `the file is longer than ${maxConfigLength} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return syntaxProblem(text, error);
  }
  const lines = jsonLines(text);
  const twice = lines.repeated.map(({ path, line }) => ({
    line,
    path: pathText(path),
    message: 'is there twice',
  }));
  const result = schema.safeParse(json, { reportInput: true });
  const found = result.success
    ? []
    : result.error.issues.map((issue) => problemOf(issue, lines.lineOf(issue.path)));
  const problems = [...twice, ...found];
  if (!result.success || problems.length > 0) return { ok: false, problems: problems.slice(0, maxProblems) };
  const finished = finish(result.data);
  const further = finished.problems.map(({ path, message }) => ({
    ...{ line: lines.lineOf(path), path: pathText(path), message },
  }));
  return further.length === 0
    ? { ok: true, config: finished.value }
    : { ok: false, problems: further.slice(0, maxProblems) };
}

/** The problems of a file as one text: a line each. */
export function problemText(name: string, problems: readonly ConfigProblem[]): string {
  return problems
    .map(({ line, path, message }) => `${name}:${line}: ${path === '' ? '' : `${path}: `}${message}`)
    .join('\n');
}

function problemOf(issue: z.core.$ZodIssue, line: number): ConfigProblem {
  const path = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((name) => `"${name}"`).join(', ');
    return { line, path, message: `has no ${issue.keys.length === 1 ? 'field' : 'fields'} ${names}` };
  }
  if (issue.input === undefined && path !== '') return { line, path, message: 'is missing' };
  return { line, path, message: issue.message };
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) =>
      /^\d+$/.test(String(part)) ? `[${String(part)}]` : `${i === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** Where the text stops being JSON: engines say it by position, or by line. */
function syntaxProblem(text: string, error: unknown): { readonly ok: false; problems: ConfigProblem[] } {
  const said = messageOf(error);
  const position = /at position (\d+)/.exec(said)?.[1];
  const isAtEnd = /end of JSON input/i.test(said);
  const line =
    position === undefined ? (isAtEnd ? lineAt(text, text.length) : 1) : lineAt(text, Number(position));
  return wrong(line, '', `this is no JSON: ${said.replace(/ (in JSON )?at position.*$/, '')}`);
}

function wrong(
  line: number,
  path: string,
  message: string,
): { readonly ok: false; problems: ConfigProblem[] } {
  return { ok: false, problems: [{ line, path, message }] };
}
