/** Targets that lie, say nothing, or never stop. */
import { describe, expect, it } from 'vitest';
import { SECOND, SeededRandom } from '../base/index.js';
import { IpAddress, TcpFlag } from '../wire/index.js';
import { segmentDatagram } from './datagram.js';
import { PathRun } from './path/path-run.js';
import { ProbeRun } from './run.js';
import { scenarios } from './scenarios/index.js';
import type { ScriptRun } from './script.js';
import { drawSecrets } from './secrets.js';
import { defaultProbeSettings } from './settings.js';

const local = IpAddress.parse('192.0.2.1')!;
const target = IpAddress.parse('192.0.2.2')!;
const secrets = drawSecrets(new SeededRandom(5));
const settings = { ...defaultProbeSettings, maxPacketsSent: 60, maxPacketsHeard: 30 };
const setup = (version: 0 | 1) => ({
  ...{ target: { address: target, port: 80 }, local, version, secrets, settings },
  request: { head: new Uint8Array(40).fill(0x61), tail: new Uint8Array(8).fill(0x62) },
});

/** Drives a run whose target answers each packet with what `answers` gives; returns the time it took. */
function drive(run: ScriptRun<unknown>, answers: () => readonly Uint8Array[]): number {
  let now = 0;
  run.begin(now);
  for (let step = 0; step < 20_000 && !run.isOver; step++) {
    if (run.pollTransmit() !== undefined) for (const bytes of answers()) run.handlePacket(now, bytes);
    else run.handleTimeout((now = Math.max(now, run.pollTimeout())));
  }
  return now;
}

const runs = [
  ...scenarios.flatMap((scenario) =>
    ([0, 1] as const).map(
      (version) =>
        [`${scenario.name}, version ${version}`, () => new ProbeRun(scenario, setup(version))] as const,
    ),
  ),
  ['a path', () => new PathRun(setup(1))] as const,
];

describe.each(runs)('%s', (_name, make) => {
  it('ends in bounded time where nobody answers', () => {
    const run = make();
    expect(drive(run, () => [])).toBeLessThan(180 * SECOND);
    expect(run.isOver).toBe(true);
  });

  it('sends and keeps a bounded number of packets where the target floods', () => {
    const run = make();
    const random = new SeededRandom(9);
    drive(run, () => Array.from({ length: 20 }, () => flood(random)));
    expect(run.isOver).toBe(true);
    expect(run.conversation.record.length).toBeLessThan(6000);
    expect(run.conversation.heard.length).toBeLessThanOrEqual(
      run.conversation.setup.settings.maxPacketsHeard,
    );
  });
});

/** A segment of the target's that makes some sense and no more. */
function flood(random: SeededRandom): Uint8Array {
  const flags = [TcpFlag.SYN | TcpFlag.ACK, TcpFlag.ACK, TcpFlag.ACK | TcpFlag.FIN][random.nextUint32() % 3]!;
  return segmentDatagram(
    { source: target, destination: local, hopLimit: 60, identification: 1 },
    {
      ...{ sourcePort: 80, destinationPort: secrets.port + (random.nextUint32() % 3), window: 1000, flags },
      ...{ seq: random.nextUint32(), ack: (secrets.initialSequence + (random.nextUint32() % 3)) >>> 0 },
      options: [
        {
          kind: 'unknown',
          number: 30,
          body: new Uint8Array(random.nextUint32() % 20).fill(random.nextUint32() & 0xff),
        },
      ],
      payload: new Uint8Array(random.nextUint32() % 30),
    },
  );
}
