/** Memory of the analyser follows the connections in a capture, not its length. */
import { describe, expect, it } from 'vitest';
import { measurePeakMemory } from '../support/peak-memory.js';
import { simulatedCapture } from '../support/simulated-capture.js';

describe('the memory that a capture needs', () => {
  it('is the same for 64 MB and for 256 MB of the same connection, within 10 %', async () => {
    const short = await measurePeakMemory(['trace', '--json', '-'], simulatedCapture(64e6));
    const long = await measurePeakMemory(['trace', '--json', '-'], simulatedCapture(256e6));
    const packets = (out: string): number => (JSON.parse(out) as { packets: number }).packets;
    expect(packets(long.out)).toBeGreaterThan(3.5 * packets(short.out));
    expect(long.peakBytes).toBeLessThan(1.1 * short.peakBytes);
  });
});
