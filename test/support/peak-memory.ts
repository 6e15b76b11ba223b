/** Runs the command line with a stream on its standard input, and tells how much memory it took at most. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { launcher } from './subflow-command.js';

/** Run by the child before the program: says at its end what the system counted. */
const REPORT = `data:text/javascript,process.on('exit',()=>process.stderr.write('peak '+process.resourceUsage().maxRSS))`;

/** A run that is over. */
export interface MeasuredRun {
  readonly out: string;
  /** Most bytes that the process had in memory at once. */
  readonly peakBytes: number;
}

/** Runs `subflow ARGS` to its end; throws what it says when it fails. */
export async function measurePeakMemory(
  args: readonly string[],
  input: Iterable<Uint8Array>,
): Promise<MeasuredRun> {
  const child = spawn(process.execPath, ['--import', REPORT, launcher, ...args], { stdio: 'pipe' });
  const ended = once(child, 'close');
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  // It ends early when it fails, and then says why.
  child.stdin.on('error', () => undefined);
  for (const chunk of input) {
    if (child.exitCode !== null) break;
    if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, 'drain'), ended]);
  }
  child.stdin.end();
  await ended;
  const peak = /peak (\d+)$/.exec(err);
  if (child.exitCode !== 0 || peak === null) throw new Error(`subflow ${args.join(' ')}: ${err}`);
  // The system counts in units of 1024 bytes.
  return { out, peakBytes: Number(peak[1]) * 1024 };
}
