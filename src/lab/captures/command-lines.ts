/** What a terminal would be told to get what the page shows. */
import type { ConnectionReport, Sender } from '../../trace/index.js';
import { type TimeSpan, writeTime } from './capture-address.js';
import { visibleText } from './visible-text.js';

export interface LookedAt {
  readonly file: string;
  readonly connection: ConnectionReport;
  readonly sender: Sender;
  readonly span: TimeSpan;
  readonly includesPlain: boolean;
}

/** `subflow trace` of the connection: the numbers and sentences that the page shows. */
export function traceCommand({ file, connection, span, includesPlain }: LookedAt): string {
  return [
    `subflow trace ${quote(file)}`,
    ...(includesPlain ? ['--all'] : []),
    `--connection ${connection.id}`,
    ...spanOptions(span),
    '--options',
  ].join(' ');
}

/** `subflow plot` of the connection: the figures. */
export function plotCommand({ file, connection, sender, span }: Omit<LookedAt, 'includesPlain'>): string {
  return [
    `subflow plot ${quote(file)}`,
    `--connection ${connection.id}`,
    `--by ${sender}`,
    ...spanOptions(span),
  ].join(' ');
}

function spanOptions({ fromNs, toNs }: TimeSpan): string[] {
  return [
    ...(fromNs === null ? [] : [`--from ${writeTime(fromNs)}`]),
    ...(toNs === null ? [] : [`--to ${writeTime(toNs)}`]),
  ];
}

/** A name as a word of a POSIX shell; one with characters that cannot be seen, in the form of `$'...'`. */
function quote(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(name)) return name;
  const safe = name.startsWith('-') ? `./${name}` : name;
  const seen = visibleText(safe, Number.POSITIVE_INFINITY);
  if (seen === safe) return `'${safe.replaceAll("'", `'\\''`)}'`;
  const escaped = Array.from(safe, (letter) => {
    if (letter === "'" || letter === '\\') return `\\${letter}`;
    const code = letter.codePointAt(0)!;
    return visibleText(letter) === letter ? letter : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `$'${escaped.join('')}'`;
}
