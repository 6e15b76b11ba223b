/**
 * The log of a command that goes on: one line an event, as JSON for programs or as text for a person. Events have stable names, which each
 * command lists; no secrets, even where a message quotes one; and lines that repeat themselves are rationed, with the number of those
 * left out in the next one that is not. Owns no timer and no file: lines go to the `sink` that it was given (log-sink.ts has one).
 */
import { redacted } from './redaction.js';

/** How much a line matters, rising. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A value of a line, or of something in a list of one. */
type LogScalar = string | number | boolean;
/** Something that a line lists, by name as the line itself. */
export type LogItem = Readonly<Record<string, LogScalar | readonly string[] | undefined>>;
/** A value of a line. */
export type LogValue = LogScalar | readonly string[] | readonly LogItem[];

/** What a line says beside its sentence, by name in camelCase with the unit last. Undefined ones are left out. */
export type LogFields = Readonly<Record<string, LogValue | undefined>>;

/** How to make a {@link Log}. */
export interface LogOptions<Event extends string = string> {
  /** Takes each line, with its newline; false: it could not, and the next one that it takes says how many were lost. */
  readonly sink: (line: string) => unknown;
  readonly format: 'json' | 'text';
  /** Lines that matter less are left out. Default `info`. */
  readonly level?: LogLevel;
  /** The time, in ms since 1970. Default `Date.now`. */
  readonly nowMs?: () => number;
  /** What each object of JSON begins with, as in `{ schema: 'subflow/converter/1' }`. */
  readonly first?: Readonly<Record<string, string>>;
  /** Events that are told each time, without rations: those that somebody counts. */
  readonly unrationed?: readonly Event[];
}

/** Fields that say whom a line is about: lines of one event about two of them are of two kinds. None of them is a client's choice. */
const subjects = ['server', 'balancer', 'upstream', 'interface'] as const;
/** Lines of one kind within {@link rationMs}; further ones are counted. */
const rationLines = 5;
/** How long a ration has to do, in ms. */
const rationMs = 10_000;
/** Rations that are kept; beyond it the one used longest ago is forgotten. */
const maxRations = 1024;
/** Most characters of one value. */
const maxValueLength = 1000;

/** Lines of one kind. */
interface Ration {
  /** When it began, in ms since 1970. */
  sinceMs: number;
  written: number;
  left: number;
}

/** See the module. `Event` are the names that it knows. */
export class Log<Event extends string = string> {
  private readonly options: LogOptions<Event>;
  private threshold: number;
  private readonly nowMs: () => number;
  private readonly rations = new Map<string, Ration>();
  /** Lines in a row that the sink could not take. */
  private lostLines = 0;

  constructor(options: LogOptions<Event>) {
    this.options = options;
    this.threshold = logLevels.indexOf(options.level ?? 'info');
    this.nowMs = options.nowMs ?? Date.now;
  }

  /** Lines that matter less are left out from now on. */
  setLevel(level: LogLevel): void {
    this.threshold = logLevels.indexOf(level);
  }

  debug(event: Event, message: string, fields: LogFields = {}): void {
    this.write('debug', event, message, fields);
  }

  info(event: Event, message: string, fields: LogFields = {}): void {
    this.write('info', event, message, fields);
  }

  warn(event: Event, message: string, fields: LogFields = {}): void {
    this.write('warn', event, message, fields);
  }

  error(event: Event, message: string, fields: LogFields = {}): void {
    this.write('error', event, message, fields);
  }

  /** Writes a line, unless its level is too low or its ration is used up. */
  write(level: LogLevel, event: Event, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(level) < this.threshold) return;
    const nowMs = this.nowMs();
    const omitted = this.options.unrationed?.includes(event) === true ? 0 : this.ration(nowMs, event, fields);
    if (omitted < 0) return;
    const all: [string, LogFields[string]][] = Object.entries(fields);
    if (omitted > 0) all.push(['omittedLines', omitted]);
    if (this.lostLines > 0) all.push(['lostLines', this.lostLines]);
    const said = all.filter((entry): entry is Said => entry[1] !== undefined);
    const time = new Date(nowMs).toISOString();
    const line =
      this.options.format === 'json'
        ? JSON.stringify({
            ...this.options.first,
            time,
            level,
            event,
            ...(message !== '' && { message: clean(message) }),
            ...Object.fromEntries(said.map(cleaned)),
          })
        : textLine({ time, level, event, message }, said);
    this.lostLines = this.options.sink(`${line}\n`) === false ? this.lostLines + 1 : 0;
  }

  /** Lines of this kind that were left out before this one; -1 when this one is to be left out too. */
  private ration(nowMs: number, event: Event, fields: LogFields): number {
    const key = `${event} ${subjects.map((name) => subjectText(fields[name])).join(' ')}`;
    let ration = this.rations.get(key);
    this.rations.delete(key);
    // A clock that was set back begins anew as well.
    if (ration === undefined || nowMs - ration.sinceMs >= rationMs || nowMs < ration.sinceMs)
      ration = { sinceMs: nowMs, written: 0, left: ration?.left ?? 0 };
    this.rations.set(key, ration);
    if (this.rations.size > maxRations) this.rations.delete(this.rations.keys().next().value!);
    if (ration.written >= rationLines) {
      ration.left++;
      return -1;
    }
    ration.written++;
    const { left } = ration;
    ration.left = 0;
    return left;
  }
}

function subjectText(value: LogFields[string]): string {
  return typeof value === 'object' ? '' : String(value ?? '');
}

/** A field that says something. */
type Said = [string, LogValue];

function cleaned([name, value]: Said): Said {
  return [name, cleanValue(value)];
}

function cleanValue(value: LogValue): LogValue {
  if (typeof value === 'string') return clean(value);
  return typeof value === 'object' ? (value.map(cleanItem) as LogValue) : value;
}

function cleanItem(item: string | LogItem): string | LogItem {
  if (typeof item === 'string') return clean(item);
  const said = Object.entries(item).map(([name, value]) => [
    name,
    value === undefined ? value : cleanValue(value),
  ]);
  return Object.fromEntries(said) as LogItem;
}

/** No secrets, and no more than there is room for: in this order, as what is cut may no longer look like a secret. */
function clean(text: string): string {
  return redacted(text).slice(0, maxValueLength);
}

function textLine(
  { time, level, event, message }: { time: string; level: LogLevel; event: string; message: string },
  fields: readonly Said[],
): string {
  const rest = fields.map((entry) => {
    const [name, value] = cleaned(entry);
    const text = typeof value === 'object' ? value.map(itemText).join('; ') : String(value);
    return ` ${name}=${/^[\w.:/+-]+$/.test(text) ? text : printable(JSON.stringify(text))}`;
  });
  const said = message === '' ? '' : `: ${printable(clean(message))}`;
  return `${time} ${level.padEnd(5)} ${event}${said}${rest.join('')}`;
}

function itemText(item: string | LogItem): string {
  return typeof item === 'string' ? item : JSON.stringify(item);
}

/** A terminal shows what it is given: nothing that moves its cursor, or makes two lines of one. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** A log on `stream`: text where it is a terminal, JSON elsewhere. */
export function streamLog(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  level: LogLevel = 'info',
): Log {
  return new Log({
    sink: (line) => {
      stream.write(line);
    },
    format: stream.isTTY === true ? 'text' : 'json',
    level,
  });
}
