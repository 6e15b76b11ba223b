/**
 * A balancer's log: one line an event, as JSON for programs or as text for a person. Stable names of events (log-events.ts); no secrets,
 * even where a message quotes one; and lines that repeat themselves are rationed, with the number of those left out in
 * the next one that is not. Owns no timer and no file: lines go to the `sink` that it was given.
 */
import type { LogEvent } from './log-events.js';
import { redacted } from './redaction.js';

/** How much a line matters, rising. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a line says beside its sentence, by name in camelCase with the unit last. Undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** How to make a {@link Log}. */
export interface LogOptions {
  /** Takes each line, with its newline. */
  readonly sink: (line: string) => void;
  readonly format: 'json' | 'text';
  /** Lines that matter less are left out. Default `info`. */
  readonly level?: LogLevel;
  /** The time, in ms since 1970. Default `Date.now`. */
  readonly nowMs?: () => number;
}

/** Lines of one event about one server or balancer within {@link rationMs}; further ones are counted. */
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

export class Log {
  private readonly options: LogOptions;
  private readonly threshold: number;
  private readonly nowMs: () => number;
  private readonly rations = new Map<string, Ration>();

  constructor(options: LogOptions) {
    this.options = options;
    this.threshold = logLevels.indexOf(options.level ?? 'info');
    this.nowMs = options.nowMs ?? Date.now;
  }

  debug(event: LogEvent, message: string, fields: LogFields = {}): void {
    this.write('debug', event, message, fields);
  }

  info(event: LogEvent, message: string, fields: LogFields = {}): void {
    this.write('info', event, message, fields);
  }

  warn(event: LogEvent, message: string, fields: LogFields = {}): void {
    this.write('warn', event, message, fields);
  }

  error(event: LogEvent, message: string, fields: LogFields = {}): void {
    this.write('error', event, message, fields);
  }

  /** Writes a line, unless its level is too low or its ration is used up. */
  write(level: LogLevel, event: LogEvent, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(level) < this.threshold) return;
    const nowMs = this.nowMs();
    const omitted = this.ration(nowMs, event, fields);
    if (omitted < 0) return;
    const all: [string, LogFields[string]][] = Object.entries(fields);
    if (omitted > 0) all.push(['omittedLines', omitted]);
    const said = all.filter((entry): entry is Said => entry[1] !== undefined);
    const time = new Date(nowMs).toISOString();
    const line =
      this.options.format === 'json'
        ? JSON.stringify({
            time,
            level,
            event,
            message: clean(message),
            ...Object.fromEntries(said.map(cleaned)),
          })
        : textLine({ time, level, event, message }, said);
    this.options.sink(`${line}\n`);
  }

  /** Lines of this kind that were left out before this one; -1 when this one is to be left out too. */
  private ration(nowMs: number, event: LogEvent, { server, balancer }: LogFields): number {
    const key = `${event} ${server ?? ''} ${balancer ?? ''}`;
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

/** A field that says something. */
type Said = [string, string | number | boolean];

function cleaned([name, value]: Said): Said {
  return [name, typeof value === 'string' ? clean(value) : value];
}

/** No secrets, and no more than there is room for: in this order, as what is cut may no longer look like a secret. */
function clean(text: string): string {
  return redacted(text).slice(0, maxValueLength);
}

function textLine(
  { time, level, event, message }: { time: string; level: LogLevel; event: LogEvent; message: string },
  fields: readonly Said[],
): string {
  const rest = fields.map((entry) => {
    const [name, value] = cleaned(entry);
    return ` ${name}=${typeof value === 'string' && !/^[\w.:/+-]+$/.test(value) ? JSON.stringify(value) : String(value)}`;
  });
  return `${time} ${level.padEnd(5)} ${event}: ${printable(clean(message))}${rest.join('')}`;
}

/** A terminal shows what it is given: nothing that moves its cursor, or makes two lines of one. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** The log of a command: text where `stream` is a terminal, JSON elsewhere. */
export function streamLog(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  level: LogLevel = 'info',
): Log {
  return new Log({
    sink: (line) => stream.write(line),
    format: stream.isTTY === true ? 'text' : 'json',
    level,
  });
}
