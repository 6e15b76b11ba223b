/** Runs the command line on a terminal of its own, which util-linux's `script` makes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeTerminal } from './fake-terminal.js';
import { launcher } from './subflow-command.js';

export interface TerminalRun {
  readonly columns: number;
  readonly rows: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Ctrl-C is typed when this is seen. */
  readonly interruptAt?: RegExp;
}

/** What the terminal was sent, what stands on it in the end, and the exit status as a shell has it. */
export async function runInTerminal(
  args: readonly string[],
  { columns, rows, environment, interruptAt }: TerminalRun,
): Promise<{ readonly raw: string; readonly shown: string[]; readonly status: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'subflow-terminal-'));
  const words = [process.execPath, launcher, ...args].map((word) => `'${word}'`).join(' ');
  // The shell tells the terminal its size first, and how the program ended last, behind what it left there.
  const command = `trap : INT; stty -echo cols ${columns} rows ${rows}; ${words}; echo "status $?"`;
  const child = spawn(
    'script',
    ['--quiet', '--command', `bash -c "${command.replaceAll(/["$]/g, '\\$&')}"`, '/dev/null'],
    {
      ...{ cwd: folder, env: { PATH: process.env['PATH'], ...environment }, timeout: 90_000 },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let raw = '';
  let isInterrupted = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    raw += text;
    if (isInterrupted || interruptAt?.test(raw) !== true) return;
    isInterrupted = true;
    child.stdin.write('\x03');
  });
  try {
    await once(child, 'close');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const terminal = new FakeTerminal(columns, rows);
  terminal.write(raw);
  const last = terminal.lines.at(-1) ?? '';
  return { raw, shown: terminal.lines.slice(0, -1), status: Number(/^status (\d+)$/.exec(last)?.[1] ?? -1) };
}
