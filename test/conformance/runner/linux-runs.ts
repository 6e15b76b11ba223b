/** Runs scripts against Linux, several at a time, and keeps what it does otherwise. */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { Deviation, runScript } from './run.js';
import type { Script } from './script.js';
import { conformanceFolder, loadScript } from './scripts.js';
import { LinuxTarget, unsupportedReason } from './target-linux.js';

/** Scripts under way at a time: they mostly wait. */
const BATCH = 6;
/** Runs of a script that does not hold: a machine that is busy elsewhere misses times. */
const ATTEMPTS = 3;

/** What came instead, in one line; undefined when the script holds. */
export type Outcome = string | undefined;

/**
 * Runs those of `files` that make sense for Linux. Those that do not hold are tried again, but for those that
 * `isExpected` says are known not to.
 */
export async function runOnLinux(
  files: readonly string[],
  isExpected: (file: string) => boolean = () => false,
): Promise<Map<string, Outcome>> {
  const scripts = files
    .map((file) => loadScript(file))
    .filter((script) => unsupportedReason(script) === undefined);
  const results = new Map<string, Outcome>();
  for (let at = 0; at < scripts.length; at += BATCH) {
    await runBatch(scripts.slice(at, at + BATCH), results);
  }
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    for (const script of scripts) {
      if (results.get(script.file) !== undefined && !isExpected(script.file))
        await runBatch([script], results);
    }
  }
  return results;
}

/** Runs scripts side by side, each in a namespace of its own; those are made before any time counts. */
async function runBatch(scripts: readonly Script[], results: Map<string, Outcome>): Promise<void> {
  const targets = scripts.map((script) => new LinuxTarget(script));
  await Promise.all(
    scripts.map(async (script, index) => {
      targets[index]!.start();
      results.set(script.file, await attempt(script, targets[index]!));
    }),
  );
}

async function attempt(script: Script, target: LinuxTarget): Promise<Outcome> {
  try {
    await runScript(script, target);
    return undefined;
  } catch (error) {
    if (!(error instanceof Deviation)) throw error;
    return summarise(error);
  }
}

/** The line of the script and what came, without numbers that differ from run to run. */
function summarise(error: Deviation): string {
  const [, received] = /received: (.*)/.exec(error.message) ?? [];
  const [head] = error.message.split('\n');
  const words = head!.replace(/^[^:]*:\d+: /, '').replace(/\d+\.\d+ ms/g, 'some ms');
  const instead =
    received === undefined
      ? ''
      : ` (${received.replace(/ win \d+/, '').replace(/ val=\d+| nonce=\d+| csum=0x[0-9a-f]+/g, '')})`;
  return `line "${error.statement.text}": ${words}${instead}`;
}

/** Writes the differences of Linux into deviations.json. */
export function recordLinux(failed: readonly (readonly [string, string])[]): void {
  const path = join(conformanceFolder, 'deviations.json');
  const linuxRelease = release().split('.').slice(0, 2).join('.');
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(
    path,
    `${JSON.stringify({ ...recorded, linuxRelease, linux: Object.fromEntries(failed) }, null, 2)}\n`,
  );
}
