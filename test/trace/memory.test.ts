/** Memory of the analyser follows the connections in a capture, not its length. */
import { describe, expect, it } from 'vitest';
import { measurePeakMemory } from '../support/peak-memory.js';
import { simulatedCapture } from '../support/simulated-capture.js';

describe('the memory that a capture needs', () => {
  // `npm run bench -- trace.peakMemory` does this with 1 GB and 4 GB.
  it('is the same for 16 MB and for 64 MB of the same connection, within 10 %', async () => {
    const short = await measurePeakMemory(['trace', '--json', '-'], simulatedCapture(16e6));
    const long = await measurePeakMemory(['trace', '--json', '-'], simulatedCapture(64e6));
    const packets = (out: string): number => (JSON.parse(out) as { packets: number }).packets;
    expect(packets(long.out)).toBeGreaterThan(3.5 * packets(short.out));
    expect(long.peakBytes).toBeLessThan(1.1 * short.peakBytes);
  });
});
