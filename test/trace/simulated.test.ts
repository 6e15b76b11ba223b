/**
 * The analyser against what simulated worlds are known to have done. The worlds themselves, a thousand and more, are those
 * of test/simulation/worlds.test.ts; here is what shows that their judge would find an error.
 */
import { describe, expect, it, vi } from 'vitest';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import { readScenario, runScenario } from '../../src/lab/index.js';
import { TraceAnalyzer } from '../../src/trace/index.js';
import { DataRanges } from '../../src/trace/data-ranges.js';
import { SubflowDirection } from '../../src/trace/subflow-direction.js';
import { drawWorld } from '../simulation/draw.js';
import { runWorld } from '../simulation/world.js';
import { TraceJudge } from './world-judge.js';

/** A world with reinjections between two subflows that sends much again. */
const SEED = 2;

/** What the judge finds in a world. */
function faults(seed: number, judge = new TraceJudge()): string[] {
  const { violations } = runWorld(drawWorld(seed), { watch: judge });
  return violations.filter(({ rule }) => rule === 'trace').map(({ text }) => text);
}

describe('the judge of the analyser', () => {
  it('finds nothing where bytes, retransmissions and reinjections are what the hosts sent', () => {
    const judge = new TraceJudge();
    expect(faults(SEED, judge)).toEqual([]);
    expect(judge.compared.retransmitting).toBeGreaterThan(0);
    expect(judge.compared.reinjecting).toBeGreaterThan(0);
  });

  it('finds out when bytes are given to another subflow than the one that carried them first', () => {
    const { cover } = DataRanges.prototype;
    vi.spyOn(DataRanges.prototype, 'cover').mockImplementation(function (
      this: DataRanges,
      start,
      end,
      owner,
      segment,
    ) {
      cover.call(this, start, end, owner, segment);
      if (this.earlierOwners.length > 0) this.earlierOwners[0]!++;
    });
    expect(faults(SEED).join()).toMatch(/reinjected: .+, in truth /);
  });

  it('finds out when a retransmission is not counted', () => {
    const { send } = SubflowDirection.prototype;
    vi.spyOn(SubflowDirection.prototype, 'send').mockImplementation(function (
      this: SubflowDirection,
      segment,
    ) {
      const offset = send.call(this, segment);
      if (this.repeated > 0) this.retransmittedPackets--;
      return offset;
    });
    expect(faults(SEED).join()).toMatch(/retransmittedPackets: \d+, in truth \d+/);
  });
});

describe('the analyser, of a simulated world', () => {
  it('says at both ends the same of one connection', () => {
    const judge = new TraceJudge();
    runWorld(drawWorld(1), { watch: judge });
    const { connections } = judge.report!;
    expect(connections.map(({ vantage }) => vantage)).toEqual([0, 1]);
    const [client, server] = connections;
    expect(server).toMatchObject({
      version: client!.version,
      clientKey: client!.clientKey,
      serverKey: client!.serverKey,
      ending: 'closed',
      isClientCertain: true,
    });
  });

  it('counts no reinjection of data whose subflow died before it sent it', () => {
    const judge = new TraceJudge();
    let reinjectedByEngine = -1;
    const { violations } = runWorld(drawWorld(202), {
      watch: judge,
      inspect: ([pair]) => {
        reinjectedByEngine = pair!.server.connection!.statistics.reinjectedBytes;
      },
    });
    expect(violations).toEqual([]);
    expect(judge.truth.dataOf('server', 0).reinjectedBytes).toBeLessThan(reinjectedByEngine);
  });
});

it('counts each packet of a connection once, those that begin its subflows too', () => {
  const writer = new PcapngWriter();
  runScenario(readScenario('seed=3&traffic=bulk,200k').scenario, writer);
  const analyzer = new TraceAnalyzer();
  const { packets } = readCapture(writer.take());
  for (const packet of packets) analyzer.handle(packet);
  const { connections } = analyzer.finish();
  expect(connections.map((each) => [each.subflows.length, each.packets])).toEqual([[2, packets.length]]);
});
