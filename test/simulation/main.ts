/**
 * `npm run worlds -- [--seeds FROM..TO | N] [--seed S] [--jobs N] [--pcap FILE] [--events FILE] [--plant NAME] [--traces N]`
 *
 * Runs the worlds of a range of seeds and judges them. Exit status 0 when all are well, 1 when one is not (with
 * --plant: when the bug was not found), 2 for a wrong argument. `--seed S` replays one world and tells what happened.
 * `--traces N` has the trace analyser judged in the worlds of the seeds up to N, and in all that have a middlebox.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PcapngWriter } from '../../src/capture/index.js';
import { formatViolation } from '../../src/network/index.js';
import { type Arguments, parseArguments } from './arguments.js';
import { drawWorld } from './draw.js';
import { TraceJudge } from '../trace/world-judge.js';
import { plants } from './plant.js';
import { addReport, emptySummary, formatSummary, type Summary } from './summary.js';
import { runWorld, type WorldReport } from './world.js';

/** Worlds in one message between processes. */
const batchSize = 25;
/** Failed worlds that are shown in full. */
const maxShown = 10;

/** What a child is asked to do: every `stride`-th seed. */
interface Share {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly plant: string | undefined;
  readonly traces: number;
}

const isChild = process.send !== undefined && process.argv.includes('--share');
if (isChild) {
  process.once('message', (share) => void runShare(share as Share));
} else {
  process.exitCode = await main(process.argv.slice(2));
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (typeof parsed === 'string') {
    process.stderr.write(`worlds: ${parsed}\n`);
    return 2;
  }
  if (parsed.single) return replay(parsed);
  const summary = emptySummary();
  const started = process.hrtime.bigint();
  await runAll(parsed, (report) => addReport(summary, report));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  process.stdout.write(`${formatSummary(summary)}\n`);
  process.stdout.write(`${summary.worlds} worlds in ${seconds.toFixed(1)} s with ${parsed.jobs} jobs\n`);
  if (summary.failures.length > 0) showFailures(parsed, summary);
  const isFound = summary.failures.length > 0;
  return (parsed.plant === undefined ? isFound : !isFound) ? 1 : 0;
}

/** Runs one world and tells everything. */
function replay({ to: seed, pcap, events, plant }: Arguments): number {
  const lines: string[] = [];
  const capture = pcap === undefined ? undefined : new PcapngWriter({ comments: [`world ${seed}`] });
  const plan = drawWorld(seed);
  const report = judged(() =>
    runWorld(plan, {
      log: (line) => lines.push(line),
      ...(capture !== undefined && { capture }),
      ...(plant !== undefined && { plant: plants[plant]! }),
      watch: new TraceJudge(),
    }),
  );
  const text = `${JSON.stringify(plan, undefined, 1)}\n${lines.join('\n')}\n`;
  if (events === undefined) process.stdout.write(text);
  else writeFileSync(events, text);
  if (capture !== undefined && pcap !== undefined) writeFileSync(pcap, capture.take());
  if (typeof report === 'string') {
    process.stdout.write(`${report}\n`);
    return 1;
  }
  for (const violation of report.violations) process.stdout.write(`${formatViolation(violation)}\n`);
  process.stdout.write(
    `seed ${seed}: ${report.packets} packets, ${report.bytes} bytes, digest ${report.digest}\n`,
  );
  return report.violations.length > 0 ? 1 : 0;
}

/** What `run` gives, or what it threw. */
function judged(run: () => WorldReport): WorldReport | string {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** Runs the seeds in `jobs` processes, interleaved, and hands over each report as it comes. */
async function runAll(given: Arguments, take: (report: WorldReport) => void): Promise<void> {
  const children = Array.from({ length: given.jobs }, (_, index) => {
    const { to, jobs: stride, plant, traces } = given;
    const share: Share = { from: given.from + index, to, stride, plant, traces };
    const child = fork(fileURLToPath(import.meta.url), ['--share'], { execArgv: process.execArgv });
    child.send(share);
    return finished(child, take);
  });
  await Promise.all(children);
}

function finished(child: ChildProcess, take: (report: WorldReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (reports) => (reports as WorldReport[]).forEach(take));
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a process with worlds ended with ${code}`)),
    );
  });
}

/** What a child does. */
async function runShare({ from, to, stride, plant, traces }: Share): Promise<void> {
  let batch: WorldReport[] = [];
  for (let seed = from; seed <= to; seed += stride) {
    const report = judged(() => runTraced(seed, plant, traces));
    batch.push(typeof report === 'string' ? crashed(seed, report) : report);
    if (batch.length < batchSize && seed + stride <= to) continue;
    const reports = batch;
    batch = [];
    await new Promise((resolve) => process.send!(reports, undefined, undefined, resolve));
  }
  process.disconnect();
}

/** Runs a world, with the trace analyser judged where `traces` asks for that. */
function runTraced(seed: number, plant: string | undefined, traces: number): WorldReport {
  const plan = drawWorld(seed);
  const isTraced = traces > 0 && (seed <= traces || plan.paths.some(({ box }) => box !== undefined));
  const watch = isTraced ? new TraceJudge() : undefined;
  const report = runWorld(plan, {
    ...(plant !== undefined && { plant: plants[plant]! }),
    ...(watch !== undefined && { watch }),
  });
  return watch === undefined ? report : { ...report, traced: watch.compared };
}

/** The report of a world that did not come to its end. */
function crashed(seed: number, text: string): WorldReport {
  const violations = [{ at: 0, host: 'world', rule: 'crash', text }];
  const nothing = {
    completed: 0,
    failed: 0,
    endedEarly: 0,
    multipath: 0,
    packets: 0,
    events: 0,
    bytes: 0,
    virtualNs: 0,
  };
  return { seed, violations, features: [], digest: '', ...nothing };
}

/** Prints what went wrong and how to see it again, and writes capture and events of the first failure. */
function showFailures(given: Arguments, summary: Summary): void {
  const flag = given.plant === undefined ? '' : ` --plant ${given.plant}`;
  for (const { seed, violations } of summary.failures.slice(0, maxShown)) {
    process.stdout.write(
      `\nseed ${seed} (replay: npm run worlds -- --seed ${seed}${flag} --pcap world-${seed}.pcapng)\n`,
    );
    for (const violation of violations.slice(0, 5)) process.stdout.write(`  ${formatViolation(violation)}\n`);
  }
  if (given.plant !== undefined) return;
  const { seed } = summary.failures[0]!;
  const pcap = given.pcap ?? `world-${seed}.pcapng`;
  const events = given.events ?? `world-${seed}.log`;
  replay({ ...given, to: seed, pcap, events });
  process.stdout.write(`\nwrote ${pcap} and ${events} of seed ${seed}\n`);
}
