/**
 * The probe's side of the six exchanges of ../wire/vectors/probe-v0.json, recorded between another probe and another
 * stack's server: with the same key, nonce and request it sends the same options, byte for byte, and reads the recorded
 * answers as the record does.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SECOND, uint64 } from '../base/index.js';
import {
  emitIpHeader,
  emitTcp,
  IpAddress,
  IpPacket,
  IpProtocol,
  parseIp,
  parseTcpPacket,
  pseudoHeaderSum,
  TcpFlag,
  tcpPacketLength,
  type TcpOption,
  type TcpPacket,
} from '../wire/index.js';
import { knownStacks } from './known-reactions.js';
import type { ScenarioResult } from './outcome.js';
import { ProbeRun } from './run.js';
import { findScenario } from './scenarios/index.js';
import { defaultProbeSettings } from './settings.js';
import { flagsText, packetWords } from './words.js';

type Step = readonly [from: string, what: string, options: string];

interface Exchange {
  readonly name: string;
  readonly serverKey: string;
  readonly steps: readonly Step[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../wire/vectors/probe-v0.json', import.meta.url), 'utf8'),
) as { readonly payload: string; readonly clientKey: string; readonly scenarios: readonly Exchange[] };
const client = IpAddress.parse('192.0.2.1')!;
const client2 = IpAddress.parse('192.0.2.3')!;
const server = IpAddress.parse('192.0.2.2')!;

/** Plays the server of a record: answers each segment with what was recorded next. */
class Replay {
  /** What the probe sent, in the form of the record. */
  readonly sent: Step[] = [];
  private at = 0;
  private readonly exchange: Exchange;
  private readonly run: ProbeRun;
  private readonly ip = new IpPacket();

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.run = new ProbeRun(findScenario(exchange.name), {
      target: { address: server, port: 80 },
      ...{ local: client, joinLocal: client2, version: 0 as const, settings: defaultProbeSettings },
      request: { head: new TextEncoder().encode(vectors.payload), tail: new Uint8Array(0) },
      secrets: {
        key: uint64(BigInt(`0x${vectors.clientKey}`)),
        ...{ nonce: 0x10000000, port: 61_000, wrongToken: 0x02000000 },
        initialSequence: 1000 as never,
        wrongKey: uint64(0x2000000000000000n),
      },
    });
  }

  play(): ScenarioResult {
    const { run } = this;
    run.begin(0);
    for (let now = 0; !run.isOver && now < 100 * SECOND; now = run.pollTimeout()) {
      for (let bytes = run.pollTransmit(); bytes !== undefined; bytes = run.pollTransmit())
        this.take(now, bytes);
      run.handleTimeout(Math.max(now, Math.min(run.pollTimeout(), 100 * SECOND)));
    }
    return run.report();
  }

  private take(now: number, bytes: Uint8Array): void {
    const { ip, exchange } = this;
    parseIp(bytes, 0, bytes.length, ip);
    const parsed = parseTcpPacket(bytes, ip.payloadOffset, ip.payloadLength);
    if (!parsed.ok) throw new Error('the probe sent no segment');
    const tcp = parsed.value;
    const expected = exchange.steps[this.at];
    if (expected === undefined || (tcp.flags & TcpFlag.RST) !== 0) return;
    const from = ip.source.equals(client) ? 'client' : 'client2';
    const data = tcp.payload.length > 0 ? ` ${tcp.payload.length} bytes` : '';
    this.sent.push([from, flagsText(tcp.flags) + data, packetWords(bytes)!.mptcp.join(' + ')]);
    this.at++;
    for (; exchange.steps[this.at]?.[0] === 'server'; this.at++)
      this.answer(now, tcp, exchange.steps[this.at]!, from === 'client' ? client : client2);
  }

  private answer(now: number, to: TcpPacket, [, what, text]: Step, address: IpAddress): void {
    const options: TcpOption[] = text
      .split(' + ')
      .filter((hex) => hex !== '')
      .map((hex) => ({ kind: 'unknown', number: 30, body: Uint8Array.from(Buffer.from(hex, 'hex')) }));
    const flag = (name: 'SYN' | 'RST'): number => (what.includes(name) ? TcpFlag[name] : 0);
    const length = to.payload.length + ((to.flags & TcpFlag.SYN) !== 0 ? 1 : 0);
    const isSyn = (to.flags & TcpFlag.SYN) !== 0;
    const packet: TcpPacket = {
      ...{ sourcePort: 80, destinationPort: to.sourcePort, window: 65_535, options },
      ...{ seq: isSyn ? 5000 : to.ack, ack: to.seq + length, payload: new Uint8Array(0) },
      flags: TcpFlag.ACK | flag('SYN') | flag('RST'),
    };
    const payloadLength = tcpPacketLength(packet);
    const bytes = new Uint8Array(20 + payloadLength);
    const ends = { source: server, destination: address };
    emitIpHeader(bytes, 0, { ...ends, protocol: IpProtocol.TCP, payloadLength, hopLimit: 60 });
    emitTcp(packet, bytes, 20, pseudoHeaderSum(server, address, IpProtocol.TCP, payloadLength));
    this.run.handlePacket(now, bytes);
  }
}

describe.each(vectors.scenarios)('the recorded exchange "$name"', (exchange) => {
  it('is what the probe sends, option byte for option byte', () => {
    const replay = new Replay(exchange);
    replay.play();
    expect(replay.sent).toEqual(exchange.steps.filter(([from]) => from !== 'server'));
  });

  it('is read as the record reads it', () => {
    const known = knownStacks.find(({ name }) => name === 'multipath-tcp-org')!;
    expect(new Replay(exchange).play().reaction).toBe(known.reactions[0]![exchange.name]);
  });
});
