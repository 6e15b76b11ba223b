/**
 * The trace analyser on one core, over a capture of a bulk transfer with two subflows between two kernels: packets per
 * second of the analyser alone, over bytes in memory, and of reading the file in chunks up to the report. The peer is
 * tshark over the same file: its report of connections, and that with its analysis of MPTCP mappings on. All times are
 * the processor's, since other work shares the machine; ours are the best of some runs after the compiler has settled, and
 * `cold` is the first of them, in a process that has done nothing before. Without root and its tools, the capture is of
 * the simulated network.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureReader } from '../src/capture/index.js';
import { kernelMptcp, mayCreateNamespaces } from '../src/linux/index.js';
import { TraceAnalyzer } from '../src/trace/index.js';
import { captureLinuxTransfer } from '../test/support/linux-capture.js';
import { simulatedCapture } from '../test/support/simulated-capture.js';
import { hasTool } from '../test/support/with-rights.js';
import type { BenchResult } from './result.js';

const PACKETS = 400_000;
const RUNS = 6;
/** As the command reads. */
const CHUNK_BYTES = 1 << 18;
/** A simulated capture of so many bytes has as many packets, at two segments to an acknowledgement. */
const SIMULATED_BYTES = 425e6;

export async function run(): Promise<BenchResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'subflow-bench-'));
  try {
    const file = join(directory, 'transfer.pcap');
    const isLinux = [mayCreateNamespaces(), kernelMptcp(), hasTool('tcpdump')].every(
      ({ available }) => available,
    );
    if (isLinux) await captureLinuxTransfer({ file, packets: PACKETS });
    else writeSimulated(file);
    return measure(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function measure(file: string): BenchResult[] {
  const bytes = readFileSync(file);
  const packets = countPackets(bytes);
  // The first run of all: nothing is compiled yet.
  const cold = packets / analyseFile(file);
  let whole = 0;
  let alone = 0;
  for (let i = 0; i < RUNS; i++) {
    whole = Math.max(whole, packets / analyseFile(file));
    alone = Math.max(alone, packets / analyseMemory(bytes));
  }
  const rate = (name: string, value: number, target: number | null): BenchResult => ({
    ...{ name, value: Math.round(value), unit: 'packets/s of CPU', better: 'higher', target, peer: null },
  });
  const results = [
    rate('trace.packetsPerSecond', whole, 1_700_000),
    rate('trace.memory.packetsPerSecond', alone, null),
    rate('trace.cold.packetsPerSecond', cold, null),
  ];
  if (!hasTool('tshark').available) {
    process.stderr.write('bench: trace.vsTshark left out: tshark is not installed\n');
    return results;
  }
  const peer = (name: string, settings: readonly string[], target: number): BenchResult => ({
    ...{ name, value: Number((whole / (packets / tsharkSeconds(file, settings))).toFixed(1)), unit: 'ratio' },
    ...{ better: 'higher', target, peer: 'tshark' },
  });
  const mappings = ['mptcp.analyze_mappings:TRUE', 'mptcp.intersubflows_retransmission:TRUE'];
  return [...results, peer('trace.vsTshark', [], 20), peer('trace.vsTshark.mappings', mappings, 40)];
}

/** Seconds of CPU from opening the file to the report. */
function analyseFile(file: string): number {
  const before = process.cpuUsage();
  const reader = new CaptureReader();
  const analyzer = new TraceAnalyzer();
  const fd = openSync(file, 'r');
  // Two buffers in turns: the reader may still look at the one before.
  const chunks = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  for (let turn = 0; ; turn ^= 1) {
    const chunk = chunks[turn]!;
    const length = readSync(fd, chunk);
    if (length === 0) break;
    reader.push(chunk.subarray(0, length));
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) analyzer.handle(packet);
  }
  closeSync(fd);
  expectSense(analyzer);
  return secondsSince(before);
}

/** Seconds of CPU of the analyser: of all of it, less what the reader alone takes. */
function analyseMemory(bytes: Uint8Array): number {
  const before = process.cpuUsage();
  countPackets(bytes);
  const reading = secondsSince(before);
  const middle = process.cpuUsage();
  const reader = new CaptureReader();
  const analyzer = new TraceAnalyzer();
  reader.push(bytes);
  reader.end();
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) analyzer.handle(packet);
  expectSense(analyzer);
  return secondsSince(middle) - reading;
}

function countPackets(bytes: Uint8Array): number {
  const reader = new CaptureReader();
  reader.push(bytes);
  reader.end();
  while (reader.next() !== undefined);
  return reader.packetCount;
}

/** A measurement of something else than a transfer over two subflows is none. */
function expectSense(analyzer: TraceAnalyzer): void {
  const { connections } = analyzer.finish();
  const isSense = connections.some(
    ({ subflows, clientData }) => subflows.length === 2 && clientData.uniqueBytes > 100e6,
  );
  if (!isSense) throw new Error('the capture holds no transfer over two subflows');
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Seconds of CPU that tshark takes for its table of connections. */
function tsharkSeconds(file: string, settings: readonly string[]): number {
  const args = [
    '-n',
    '-r',
    file,
    '-q',
    '-z',
    'conv,mptcp',
    ...settings.flatMap((setting) => ['-o', setting]),
  ];
  const script = 'TIMEFORMAT="%U %S"; time tshark "$@" >/dev/null 2>/dev/null';
  // The shell's word on the time goes to its standard error.
  const output = execFileSync('bash', ['-c', `{ ${script}; } 2>&1`, 'bash', ...args], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  const [user, system] = output.trim().split(' ').map(Number);
  return user! + system!;
}

/** The same kind of transfer on our own stack. */
function writeSimulated(file: string): void {
  const fd = openSync(file, 'w');
  for (const chunk of simulatedCapture(SIMULATED_BYTES)) writeSync(fd, chunk);
  closeSync(fd);
}
