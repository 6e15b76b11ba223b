/**
 * A large capture in the lab's page, in Debian's Chromium, against `subflow trace` on the same file in the same run: how many
 * times as long until the report stands there, and until the figures do, for which the file is read twice; the longest that
 * the page's thread was at work meanwhile, and did not draw; most memory of its process; how long it takes to show a packet amid the file. The capture is
 * simulated, written to a temporary folder, and removed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serveLab } from '../src/node/lab/index.js';
import { openLargeCapture, writeLargeCapture } from '../test/support/lab-capture.js';
import { launcher } from '../test/support/subflow-command.js';
import { hasTool } from '../test/support/with-rights.js';
import type { BenchResult } from './result.js';

const sizes = { '100MB': 100e6, '500MB': 500e6 } as const;
/** A page that is at work for longer freezes: six frames. */
const GAP_MS = 100;

export async function run(wanted = ''): Promise<BenchResult[]> {
  if (!hasTool('chromium').available) {
    process.stderr.write('bench: lab.capture left out: chromium is not installed\n');
    return [];
  }
  const results: BenchResult[] = [];
  for (const [name, bytes] of Object.entries(sizes)) {
    const prefix = `lab.capture.${name}`;
    if (prefix.startsWith(wanted) || wanted.startsWith(prefix))
      results.push(...(await measure(prefix, bytes)));
  }
  return results;
}

async function measure(prefix: string, bytes: number): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'subflow-bench-'));
  const file = join(folder, 'large.pcapng');
  const server = await serveLab({ folder: join(import.meta.dirname, '..', 'dist', 'web') });
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    writeLargeCapture(file, bytes);
    const peer = traceSeconds(file);
    const opened = await openLargeCapture(browser, server.url, file);
    if (opened.packets < bytes / 2000) throw new Error('this is not the capture');
    const figure = (name: string, value: number, unit: string, target: number | null): BenchResult => ({
      ...{ name: `${prefix}.${name}`, value: Number(value.toFixed(2)), unit, better: 'lower', target },
      peer: unit === 'ratio' ? 'subflow trace' : null,
    });
    return [
      figure('report.vsTrace', opened.reportSeconds / peer, 'ratio', 10),
      figure('figures.vsTrace', opened.drawnSeconds / peer, 'ratio', 10),
      figure('figures.seconds', opened.drawnSeconds, 's', null),
      figure('longestTask', opened.longestTaskMs, 'ms of CPU', GAP_MS),
      figure('longestGap', opened.longestGapMs, 'ms', null),
      figure('peakMemory', opened.peakBytes, 'bytes', null),
      figure('packet', opened.findMs, 'ms', 1000),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await browser.close();
    await server.close();
  }
}

/** Seconds of `subflow trace`; the shorter of two, since the first reads the file from where it was written to. */
function traceSeconds(file: string): number {
  const once = (): number => {
    const begunAt = performance.now();
    execFileSync(process.execPath, [launcher, 'trace', file, '--json'], {
      maxBuffer: 1 << 28,
      timeout: 300_000,
    });
    return (performance.now() - begunAt) / 1000;
  };
  return Math.min(once(), once());
}
