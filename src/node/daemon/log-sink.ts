/**
 * Where the lines of a log go: the standard output or error of a command that goes on. Nothing that becomes of them may hold the command
 * up: a reader that stops reading, one that went away, a disk that is full. Lines wait in bounded memory, and those beyond are lost.
 *
 * The output is shared with whoever started the command, so its flags are left as they are: a pipe and a terminal are opened anew for this
 * process alone, a socket (journald's) is told with each message not to wait, and files never make anybody wait for long.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { sendNow } from '../../linux/index.js';
import { codeOf } from '../net-error.js';

/** Bytes that wait for a reader; lines beyond are lost. */
export const maxWaitingLogBytes = 256 << 10;
const newline = Buffer.from('\n');
const retryMs = 50;
/** How long {@link LogSink.close} waits for a reader, in ms. */
const patienceMs = 500;

/** Writes some of the bytes, and says how many: 0 where it would have to wait. Throws as the system does. */
type Write = (bytes: Buffer) => number;

/** See the module. */
export class LogSink {
  private readonly put: Write;
  private readonly own: number | undefined;
  /** What waits, each a line or the rest of one. */
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Nobody will ever read it. */
  private isBroken = false;
  /** The last line stands there in part: the next one begins on its own. */
  private isTorn = false;

  /** Writes to `fd`, which stays open. */
  constructor(fd: number) {
    const stat = fstatSync(fd);
    this.own = stat.isFIFO() || isatty(fd) ? reopened(fd) : undefined;
    const to = this.own ?? fd;
    this.put = stat.isSocket() ? (bytes) => sendNow(fd, bytes) : (bytes) => writeSync(to, bytes);
  }

  /** Takes a line; false when it is lost. */
  write(line: string): boolean {
    if (this.isBroken) return false;
    const bytes = Buffer.from(line);
    if (this.waiting.length > 0) return this.wait(bytes, maxWaitingLogBytes);
    const rest = this.attempt(bytes);
    if (rest === undefined) return false;
    // The rest of a line that was begun is kept, whatever its length.
    return rest.length === 0 || this.wait(rest, Number.POSITIVE_INFINITY);
  }

  /** Settles when everything is written, or nobody reads it for a while. */
  async close(): Promise<void> {
    for (let waitedMs = 0; this.waiting.length > 0 && waitedMs < patienceMs; waitedMs += retryMs) {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      this.flush();
    }
    clearInterval(this.timer);
    this.isBroken = true;
    this.waiting = [];
    if (this.own !== undefined) closeSync(this.own);
  }

  private wait(bytes: Buffer, limit: number): boolean {
    if (this.waitingBytes + bytes.length > limit) return false;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.timer ??= setInterval(() => this.flush(), retryMs).unref();
    return true;
  }

  private flush(): void {
    while (this.waiting.length > 0) {
      const bytes = this.waiting[0]!;
      const rest = this.attempt(bytes);
      if (rest !== undefined && rest.length === bytes.length) return;
      this.waitingBytes -= bytes.length - (rest?.length ?? 0);
      if (rest === undefined || rest.length === 0) this.waiting.shift();
      else this.waiting[0] = rest;
    }
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Writes as much as there is room for, and gives the rest; undefined when the line is lost. */
  private attempt(bytes: Buffer): Buffer | undefined {
    let at = 0;
    try {
      if (this.isTorn) this.put(newline);
      this.isTorn = false;
      while (at < bytes.length) {
        const written = this.put(bytes.subarray(at));
        if (written === 0) break;
        at += written;
      }
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EAGAIN') return bytes.subarray(at);
      // A full disk may have room again; a reader that left does not come back.
      this.isBroken = code === 'EPIPE' || code === 'EBADF' || code === 'ECONNRESET' || code === 'ENOTCONN';
      this.isTorn ||= at > 0;
      return undefined;
    }
    return bytes.subarray(at);
  }
}

/** The same pipe or terminal with flags of this process' own; undefined where it may not be opened. */
function reopened(fd: number): number | undefined {
  try {
    return openSync(
      `/proc/self/fd/${fd}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_APPEND,
    );
  } catch {
    return undefined;
  }
}
