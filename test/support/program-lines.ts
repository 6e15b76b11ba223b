/** Programs that say what they do in lines of JSON, and programs that run to their end, in namespaces. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { NetworkNamespace } from '../../src/linux/index.js';
import { launcher } from './subflow-command.js';

/** A program's line. */
export type Line = Readonly<Record<string, unknown>>;

/** A `subflow` command with `--json` that goes on until it is told to end. */
export class Daemon {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  /** What it said on its standard error. */
  errors = '';

  constructor(namespace: NetworkNamespace, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = namespace.spawn(process.execPath, [launcher, ...args, '--json'], {
      ...{ stdio: 'pipe', env: { ...process.env, ...env } },
    });
    createInterface(this.child.stdout!).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.errors += String(chunk)));
  }

  /** The lines of an event. */
  of(event: string): Line[] {
    return this.lines.filter((line) => line['event'] === event);
  }

  /** Waits until it has said that something happened; throws where it ended before. */
  async until(event: string, patienceMs = 60_000): Promise<Line> {
    for (let left = patienceMs / 20; left > 0; left--) {
      const [line] = this.of(event);
      if (line !== undefined) return line;
      if (this.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no '${event}': ${this.errors}${JSON.stringify(this.lines)}`);
  }

  /** Ends it by a signal, and waits for its end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const over = once(this.child, 'exit');
    this.child.kill(signal);
    await over;
  }
}

/** What became of a program. */
export interface Ended {
  readonly status: number | null;
  readonly out: Buffer;
  readonly err: string;
}

/** Runs a program to its end. */
export async function runIn(
  namespace: NetworkNamespace,
  command: string,
  args: readonly string[],
  options: { readonly input?: Buffer; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const child = namespace.spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...options.env } });
  const out: Buffer[] = [];
  let err = '';
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => (err += String(chunk)));
  child.stdin!.on('error', () => undefined);
  child.stdin!.end(options.input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out: Buffer.concat(out), err };
}
