/** What the fuzzer feeds of the probe: a run of a scenario, and a trace of a path, that hear whatever comes. */
import { MILLISECOND, NEVER, SeededRandom, assert } from '../../src/base/index.js';
import {
  defaultProbeSettings,
  drawSecrets,
  packetWords,
  PathRun,
  ProbeRun,
  resultSentences,
  scenarios,
  type ConversationSetup,
  type ScriptRun,
} from '../../src/probe/index.js';
import {
  emitIpHeader,
  emitTcp,
  IpAddress,
  IpProtocol,
  pseudoHeaderSum,
  TcpFlag,
  tcpPacketLength,
} from '../../src/wire/index.js';
import type { FuzzTarget } from './target.js';

const local = IpAddress.parse('192.0.2.1')!;
const target = IpAddress.parse('192.0.2.2')!;
/** Steps of a run at most: packets and timers. */
const MAX_STEPS = 5000;
const secrets = drawSecrets(new SeededRandom(5));

function setup(version: 0 | 1): ConversationSetup {
  return {
    ...{ target: { address: target, port: 80 }, local, version, secrets },
    settings: { ...defaultProbeSettings, replyNs: MILLISECOND, attempts: 1, maxPacketsHeard: 50 },
    request: { head: new Uint8Array(40).fill(0x61), tail: new Uint8Array(8).fill(0x62) },
  };
}

/** An input is the number of a run, and packets behind two bytes of length each; one is heard after each that is sent. */
function runProbe(input: Uint8Array): string {
  const number = (input[0] ?? 0) % (scenarios.length + 1);
  const version = ((input[1] ?? 0) & 1) as 0 | 1;
  const scenario = scenarios[number];
  const run = scenario === undefined ? new PathRun(setup(version)) : new ProbeRun(scenario, setup(version));
  const now = drive(run, input);
  assert(run.isOver && now < 1e12, 'a run ends');
  assert(run.conversation.record.length <= 850 + 50, 'a run is bounded in packets');
  for (const { bytes } of run.conversation.record) packetWords(bytes);
  if (run instanceof ProbeRun) return `${run.report().reaction} ${resultSentences(run.report()).length}`;
  return run
    .report()
    .findings.map(({ type }) => type)
    .join();
}

function drive(run: ScriptRun<unknown>, input: Uint8Array): number {
  let at = 2;
  let now = 0;
  run.begin(now);
  for (let step = 0; step < MAX_STEPS && !run.isOver; step++) {
    const hasSent = run.pollTransmit() !== undefined;
    if (hasSent && at + 2 <= input.length) {
      const length = Math.min((input[at]! << 8) | input[at + 1]!, input.length - at - 2);
      run.handlePacket(now, input.slice(at + 2, at + 2 + length));
      at += 2 + length;
    } else if (!hasSent) {
      const dueAt = run.pollTimeout();
      if (dueAt === NEVER) break;
      now = Math.max(now, dueAt);
      run.handleTimeout(now);
    }
  }
  return now;
}

/** A SYN+ACK with MP_CAPABLE in answer to the first SYN. */
function answer(version: 0 | 1): Uint8Array {
  const tcp = {
    ...{ sourcePort: 80, destinationPort: secrets.port, seq: 7, window: 65_535 },
    ack: (secrets.initialSequence + 1) >>> 0,
    flags: TcpFlag.SYN | TcpFlag.ACK,
    options: [
      {
        kind: 'mptcp',
        option: { subtype: 'MP_CAPABLE', version, flags: 0x81, senderKey: 0x1122334455667788n },
      },
    ],
    payload: new Uint8Array(0),
  } as const;
  const payloadLength = tcpPacketLength(tcp);
  const bytes = new Uint8Array(20 + payloadLength);
  const ends = { source: target, destination: local, protocol: IpProtocol.TCP };
  emitIpHeader(bytes, 0, { ...ends, payloadLength, hopLimit: 60 });
  emitTcp(tcp, bytes, 20, pseudoHeaderSum(target, local, IpProtocol.TCP, payloadLength));
  return bytes;
}

function seed(number: number, version: 0 | 1): Uint8Array {
  const packet = answer(version);
  return Uint8Array.of(number, version, packet.length >> 8, packet.length & 0xff, ...packet);
}

export const probeTargets: readonly FuzzTarget[] = [
  {
    name: 'probe.run',
    seeds: ([0, 1] as const).flatMap((version) =>
      Array.from({ length: scenarios.length + 1 }, (_, number) => seed(number, version)),
    ),
    maxBytes: 600,
    packetsPerInput: 4,
    run: runProbe,
  },
];
