/** The log of a command, on its standard output or error. */
import { isatty } from 'node:tty';
import { Log, type LogOptions } from './log.js';
import { LogSink } from './log-sink.js';

/** How a command's log is to be. */
export interface CommandLogOptions<Event extends string> extends Omit<
  LogOptions<Event>,
  'sink' | 'format' | 'nowMs'
> {
  /** 1 for the standard output, 2 for the standard error. */
  readonly fd: 1 | 2;
  /** `auto`: text on a terminal, JSON elsewhere. */
  readonly format: LogOptions['format'] | 'auto';
  /** Called before each line. */
  readonly beforeLine?: () => void;
}

/** A log, and what ends it. */
export interface CommandLog<Event extends string> {
  readonly log: Log<Event>;
  /** Settles when every line is written, or nobody reads them. */
  close(): Promise<void>;
}

/** Opens it. A reader that stops reading, or a full disk, loses lines; it never holds the command up. */
export function openCommandLog<Event extends string = string>(
  options: CommandLogOptions<Event>,
): CommandLog<Event> {
  const { fd, format, beforeLine, ...rest } = options;
  const sink = new LogSink(fd);
  const chosen = format !== 'auto' ? format : isatty(fd) ? 'text' : 'json';
  const write = (line: string): boolean => {
    beforeLine?.();
    return sink.write(line);
  };
  const log = new Log<Event>({ ...rest, format: chosen, sink: write });
  return { log, close: () => sink.close() };
}
