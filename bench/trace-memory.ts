/**
 * Whether `subflow trace` needs more memory for a longer capture: the most that its process had in memory for 4 GB of a
 * transfer over two subflows, to that for the first 1 GB of the same. The capture is simulated while it is read, from
 * standard input, so that no file is needed.
 */
import { measurePeakMemory } from '../test/support/peak-memory.js';
import { simulatedCapture } from '../test/support/simulated-capture.js';
import type { BenchResult } from './result.js';

const SHORT_BYTES = 1e9;
const LONG_BYTES = 4e9;

export async function run(): Promise<BenchResult[]> {
  const short = await peakBytes(SHORT_BYTES);
  const long = await peakBytes(LONG_BYTES);
  const figure = (name: string, value: number, unit: string, target: number | null): BenchResult => ({
    ...{ name, value, unit, better: 'lower', target, peer: null },
  });
  return [
    figure('trace.peakMemory', Math.round(long), 'bytes', null),
    figure('trace.peakMemory.ratio', Number((long / short).toFixed(3)), 'ratio', 1.1),
  ];
}

async function peakBytes(captureBytes: number): Promise<number> {
  const run = await measurePeakMemory(['trace', '--json', '-'], simulatedCapture(captureBytes));
  const { packets, connections } = JSON.parse(run.out) as { packets: number; connections: unknown[] };
  if (connections.length !== 1 || packets < captureBytes / 2000) throw new Error('this is not the capture');
  return run.peakBytes;
}
