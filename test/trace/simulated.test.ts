/**
 * The analyser against what simulated worlds are known to have done: each is captured at both hosts, and what the capture
 * shows of a host's data must be what that host's engine counted.
 */
import { describe, expect, it } from 'vitest';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import { type ConnectionReport, TraceAnalyzer, type TraceReport } from '../../src/trace/index.js';
import { drawWorld } from '../simulation/draw.js';
import { firstPort, type Pair, runWorld, type WorldReport } from '../simulation/world.js';

const WORLDS = 120;

interface Analysed {
  readonly report: TraceReport;
  readonly world: WorldReport;
  readonly pairs: readonly Pair[];
}

/** A world, and the report of the captures at both hosts: vantage 0 is the client. */
function analyse(seed: number): Analysed {
  const writer = new PcapngWriter();
  let pairs: readonly Pair[] = [];
  const world = runWorld(drawWorld(seed), { capture: writer, inspect: (all) => (pairs = all) });
  const analyzer = new TraceAnalyzer();
  const { reader, packets } = readCapture(writer.take());
  for (const packet of packets) {
    const isClient = reader.interfaces[packet.interfaceIndex]!.name.startsWith('client');
    analyzer.handle(packet, isClient ? 0 : 1);
  }
  return { report: analyzer.finish(), world, pairs };
}

/** The report of one connection as one host saw it; undefined when its port was used for more than one. */
function reportOf({ report }: Analysed, index: number, vantage: number): ConnectionReport | undefined {
  const found = report.connections.filter(
    (connection) =>
      connection.vantage === vantage && Number(connection.server.split(':').at(-1)) === firstPort + index,
  );
  return found.length === 1 ? found[0] : undefined;
}

const isComplete = ({ client, server }: Pair): boolean =>
  client.checker.isComplete && server.checker.isComplete;

describe('the analyser, of simulated worlds', () => {
  it('gives the bytes and reinjections that the engines counted', { timeout: 300_000 }, () => {
    let compared = 0;
    let reinjected = 0;
    let fallbacks = 0;
    for (let seed = 1; seed <= WORLDS; seed++) {
      const analysed = analyse(seed);
      const { world, pairs, report } = analysed;
      expect(report.packets, `seed ${seed}`).toBe(world.packets);
      const isCorrupting = drawWorld(seed).paths.some(
        ({ forward, backward }) => forward.corruptProbability! > 0 || backward.corruptProbability! > 0,
      );
      if (!isCorrupting) expect(report.malformedOptions, `seed ${seed}`).toBe(0);
      pairs.forEach((pair, index) => {
        if (!isComplete(pair)) return;
        for (const side of ['client', 'server'] as const) {
          const connection = reportOf(analysed, index, side === 'client' ? 0 : 1);
          const statistics = pair[side].connection?.statistics;
          if (connection === undefined || statistics === undefined) continue;
          const data = side === 'client' ? connection.clientData : connection.serverData;
          const where = `seed ${seed}, connection ${index}, ${side}`;
          expect(data.uniqueBytes + data.synBytes, where).toBe(pair[side].written);
          // The engine counts the SYN's payload among what it sends again when it was lost.
          if (pair.plan.fastOpen === undefined) {
            expect(data.reinjectedBytes, where).toBe(statistics.reinjectedBytes);
          }
          expect(data.badChecksums, where).toBe(0);
          if (!connection.fallback) expect(connection.keysVerified, where).not.toBe(false);
          for (const { hmacVerified, joined } of connection.subflows) {
            if (joined) expect(hmacVerified, where).not.toBe(false);
          }
          compared++;
          if (data.reinjectedBytes > 0) reinjected++;
          if (connection.fallback) fallbacks++;
        }
      });
    }
    expect(compared).toBeGreaterThan(WORLDS);
    expect(reinjected).toBeGreaterThan(5);
    expect(fallbacks).toBeGreaterThan(5);
  });

  it('says at both ends the same of one connection', () => {
    const { report } = analyse(1);
    expect(report.connections.map(({ vantage }) => vantage)).toEqual([0, 1]);
    const [client, server] = report.connections;
    expect(server).toMatchObject({
      version: client!.version,
      clientKey: client!.clientKey,
      serverKey: client!.serverKey,
      ending: 'closed',
      isClientCertain: true,
    });
  });
});
