/** Runs the command line, and gives what came of it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as program from '../../src/cli/main.js';

const checkout = join(import.meta.dirname, '..', '..');

/** The launcher. */
export const launcher = join(checkout, 'bin', 'subflow.js');

/** A run that is over. */
export interface Finished {
  /** Exit status; -1 when a signal ended it. */
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program in `folder` to its end, with `input` on its standard input; a minute and a half at most. */
export function runProgram(
  folder: string,
  program: string,
  args: readonly string[],
  input?: Buffer,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd: folder, timeout: 90_000, maxBuffer: 1 << 26 },
      (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
  });
}

/**
 * Runs `subflow` in `folder` to its end, in a process of its own, as a user does: for what has to do with signals, pipes,
 * and how a process ends.
 */
export function spawnSubflow(folder: string, args: readonly string[], input?: Buffer): Promise<Finished> {
  return runProgram(folder, process.execPath, [launcher, ...args], input);
}

/** Runs are one after another: a process has one standard output and one working directory. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `subflow` in `folder` to its end, in this process: the compiled program that the launcher hands over to, without
 * the half second that it takes to start. Its status is what the launcher would make the process end with.
 */
export function runSubflow(folder: string, args: readonly string[]): Promise<Finished> {
  const run = last.then(() => runAlone(folder, args));
  last = run.catch(() => undefined);
  return run;
}

async function runAlone(folder: string, args: readonly string[]): Promise<Finished> {
  const url = pathToFileURL(join(checkout, 'dist', 'cli', 'main.js')).href;
  const { runCommand } = (await import(/* @vite-ignore */ url)) as typeof program;
  const home = process.cwd();
  const [out, err] = [divert(process.stdout), divert(process.stderr)];
  try {
    process.chdir(folder);
    return { status: await runCommand(args), out: out.end(), err: err.end() };
  } finally {
    process.chdir(home);
    out.end();
    err.end();
  }
}

/** Keeps what is written to `stream` from now on; `end` gives it, and lets the stream go on as before. */
function divert(stream: NodeJS.WriteStream): { end(): string } {
  const chunks: Buffer[] = [];
  const original = stream.write;
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    chunks.push(Buffer.from(chunk as string));
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done as () => void);
    return true;
  }) as typeof stream.write;
  return {
    end: () => {
      stream.write = original;
      return Buffer.concat(chunks).toString();
    },
  };
}
