/**
 * Bytes from one socket to another without a look at them: splice(2) moves them to a pipe, and from there on. Owns the pipes,
 * and that there are few: they are lent for as long as something is in them. A pipe of the kernel holds a number of pieces, of
 * whatever size; so it has more of them than a page each would need, and how many bytes go in is the caller's to bound.
 *
 * Read first: splice(2), pipe(7) ("Pipe capacity", "/proc files").
 */
import { closeSync } from 'node:fs';
import { EINTR, SOCK_CLOEXEC, SOCK_NONBLOCK } from './constants.js';
import { descriptorLimit } from './descriptor-limit.js';
import { isMultipathDescriptor } from './kernel-socket.js';
import { foreignFunction, lastErrno } from './libc.js';

interface Calls {
  splice: (from: number, at: number, to: number, toAt: number, length: number, flags: number) => number;
  pipe2: (ends: Int32Array, flags: number) => number;
  fcntl: (fd: number, command: number, value: number) => number;
}

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const F_SETPIPE_SZ = 1031;
/** Asked of the kernel for each pipe, in bytes of whole pages: room for as many pieces, as packets of 1,400 bytes come. */
const PIPE_BYTES = 262_144;
/** Pipes without anything in them that are kept for the next. */
const MAX_SPARE = 16;
/** Pipes at a time: as many of that size as the kernel grants a user without rights (pipe(7), pipe-user-pages-soft). */
export const MAX_PIPES = 256;
/** Of the descriptors that a process may have, at most a thirty-second are ends of pipes. */
const DESCRIPTORS_PER_PIPE = 64;

let calls: Calls | undefined;

function bound(): Calls {
  calls ??= {
    splice: foreignFunction(
      'int64 splice(int from, uintptr_t at, int to, uintptr_t toAt, size_t length, unsigned int flags)',
    ),
    pipe2: foreignFunction('int pipe2(void *ends, int flags)'),
    // Variadic in C; where it is called so, arguments go in registers either way (x86-64, arm64, riscv64).
    fcntl: foreignFunction('int fcntl(int fd, int command, long value)'),
  };
  return calls;
}

/**
 * Whether the kernel moves what comes on the socket `fd`, or goes out there, without a copy: on plain TCP. A socket of Multipath TCP takes
 * part in splice(2), fallen back or not, but copies, at no less than read(2) and write(2) cost.
 */
export function maySplice(fd: number): boolean {
  return !isMultipathDescriptor(fd);
}

/** Where bytes are between two sockets. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** Moves up to `length` bytes, of which one side is a pipe, without waiting; 0 at the end, the negative errno else. */
export function spliceBytes(from: number, to: number, length: number): number {
  const { splice } = bound();
  for (;;) {
    const result = splice(from, 0, to, 0, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Pipes at a time in a process that may have `limit` descriptors, two for each. */
export function pipesWithin(limit: number): number {
  return Math.min(MAX_PIPES, Math.floor(limit / DESCRIPTORS_PER_PIPE));
}

/** Pipes that are lent and come back empty. */
export class PipePool {
  private readonly spare: Pipe[] = [];
  private readonly max: () => number;
  private lent = 0;

  /** `max`: pipes at a time, asked before another one is opened. */
  constructor(max = () => pipesWithin(descriptorLimit())) {
    this.max = max;
  }

  /** Pipes that are lent at present. */
  get lentPipes(): number {
    return this.lent;
  }

  /** An empty pipe; undefined where there are as many as may be, or no descriptor is left. */
  lend(): Pipe | undefined {
    const pipe = this.spare.pop() ?? (this.lent < this.max() ? openPipe() : undefined);
    if (pipe !== undefined) this.lent++;
    return pipe;
  }

  /** Takes one back. What is still in it goes with it. */
  takeBack(pipe: Pipe, isEmpty: boolean): void {
    this.lent--;
    if (isEmpty && this.spare.length < MAX_SPARE) this.spare.push(pipe);
    else closePipe(pipe);
  }

  /** Closes those that nobody has. */
  clear(): void {
    for (const pipe of this.spare.splice(0)) closePipe(pipe);
  }
}

function openPipe(): Pipe | undefined {
  const ends = new Int32Array(2);
  if (bound().pipe2(ends, SOCK_NONBLOCK | SOCK_CLOEXEC) < 0) return undefined;
  const pipe = { readFd: ends[0]!, writeFd: ends[1]! };
  // Where that is refused it stays as it is: fewer pieces fit, and as many bytes go in as do.
  bound().fcntl(pipe.writeFd, F_SETPIPE_SZ, PIPE_BYTES);
  return pipe;
}

function closePipe({ readFd, writeFd }: Pipe): void {
  closeSync(readFd);
  closeSync(writeFd);
}
