/** The analyser against what a simulated world is known to have done. */
import { describe, expect, it } from 'vitest';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import { TraceAnalyzer, type TraceReport } from '../../src/trace/index.js';
import { drawWorld } from '../simulation/draw.js';
import { runWorld } from '../simulation/world.js';

/** The report of one world, as its client's interfaces saw it. */
function analyse(seed: number): { report: TraceReport; world: ReturnType<typeof runWorld> } {
  const writer = new PcapngWriter();
  const world = runWorld(drawWorld(seed), { capture: writer });
  const analyzer = new TraceAnalyzer();
  const { reader, packets } = readCapture(writer.take());
  for (const packet of packets) {
    const isClient = reader.interfaces[packet.interfaceIndex]!.name.startsWith('client');
    analyzer.handle(packet, isClient ? 0 : 1);
  }
  return { report: analyzer.finish(), world };
}

describe('the analyser, of simulated worlds', () => {
  it('counts every packet and follows each', () => {
    const { report, world } = analyse(1);
    expect(report.packets).toBe(world.packets);
    expect(report.ignored).toEqual({
      ...{ link: 0, notIp: 0, notTcp: 0, fragments: 0, malformed: 0, cutHeaders: 0 },
    });
    expect(report.connections.length).toBeGreaterThan(0);
  });
});
