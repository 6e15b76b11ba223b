/**
 * Uploads over two, three and four unequal uplinks, in real time over emulated links: which part of the sum of their rates (of IP packets)
 * arrives as bytes of the upload, through `subflow bond` and a converter, and beside it the kernel's own Multipath TCP without any proxy.
 * Headers take 5 %, so that 0.95 is all there is.
 */
import { bondedPart, unequalUplinks } from '../test/support/bonding-run.js';
import type { BenchResult } from './result.js';

const WINDOW_MS = 10_000;

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const name of ['two', 'three', 'four'] as const) {
    const shapes = unequalUplinks[name];
    const kernel = await bondedPart(shapes, 'kernel', WINDOW_MS);
    const ours = await bondedPart(shapes, 'bond', WINDOW_MS);
    const rates = shapes.map(({ rateMbit }) => rateMbit).join(' + ');
    const peer = `the sum of ${rates} Mbit/s`;
    results.push(
      { name: `bond.${name}.ofSum`, value: ours, unit: 'ratio', better: 'higher', target: 0.9, peer },
      {
        ...{ name: `bond.${name}.kernelOfSum`, value: kernel, unit: 'ratio', better: 'higher' },
        ...{ target: null, peer },
      },
    );
  }
  return results;
}
