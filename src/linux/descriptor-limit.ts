/** How many descriptors this process may have, and has. Read first: getrlimit(2), proc_pid_fd(5). */
import { readdirSync } from 'node:fs';
import { foreignFunction, NativeBuffer } from './libc.js';

const RLIMIT_NOFILE = 7;
/** `struct rlimit`: the limit that holds, and the one that it may be raised to. */
const RLIMIT_BYTES = 16;

interface Question {
  readonly ask: (resource: number, limits: number) => number;
  readonly answer: NativeBuffer;
  readonly view: DataView;
}

let question: Question | undefined;

function prepared(): Question {
  if (question !== undefined) return question;
  const answer = new NativeBuffer(RLIMIT_BYTES);
  const view = new DataView(answer.bytes.buffer, answer.bytes.byteOffset, RLIMIT_BYTES);
  question = { ask: foreignFunction('int getrlimit(int resource, uintptr_t limits)'), answer, view };
  return question;
}

/** The limit at present, which others may change (prlimit(1)); Infinity where there is none. */
export function descriptorLimit(): number {
  const { ask, answer, view } = prepared();
  if (ask(RLIMIT_NOFILE, answer.address) < 0) return Infinity;
  const limit = view.getBigUint64(0, true);
  return limit > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(limit);
}

/** Descriptors of this process at present. Takes a look at each of them: not for every connection. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
