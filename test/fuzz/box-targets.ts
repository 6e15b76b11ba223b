/**
 * What the fuzzer feeds of the network layer: every box, with packets from both sides. An input is the number of the box
 * and then packets, each behind a byte of flags and two of length.
 */
import { MILLISECOND, NEVER, SeededRandom, assert } from '../../src/base/index.js';
import {
  type Middlebox,
  MiddleboxOutput,
  Nat64,
  Packet,
  middleboxBehaviours,
} from '../../src/network/index.js';
import {
  IpAddress,
  IpPacket,
  IpProtocol,
  TcpFlag,
  emitIcmp,
  emitIpHeader,
  emitTcp,
  icmpLength,
  ipHeaderLength,
  parseIp,
  parseNat64Prefix,
  pseudoHeaderSum,
  pseudoHeaderSumAt,
  tcpPacketLength,
  verifyTcpChecksum,
} from '../../src/wire/index.js';
import type { TcpPacket } from '../../src/wire/index.js';
import type { FuzzTarget } from './target.js';

/** In the byte before a packet: it comes from the network, its checksum is left to the device, time passes first. */
const Flag = { INWARD: 1, PARTIAL: 2, LATER: 4, LARGE: 8 } as const;
/** Packets that one packet, or a timer, may lead to. */
const MAX_OUTPUT = 600;
/** Timers that may be due until a box is at rest. */
const MAX_TIMERS = 2000;

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const inside = [address('10.0.0.2'), address('2001:db8::2')] as const;
const server = [address('192.0.2.1'), address('2001:db8:9::1')] as const;
const shown = [address('198.51.100.1'), address('2001:db8:5::1')] as const;
const prefix = parseNat64Prefix('64:ff9b::/96')!;
const translated = address('64:ff9b::c000:201');
const ip = new IpPacket();

const makers: readonly (() => Middlebox)[] = [
  () =>
    new Nat64({
      prefix,
      publicAddress: shown[0],
      random: new SeededRandom(1),
      maxBindings: 4,
      // So that answers to the first binding can be among the seeds.
      ports: { first: 20_000, last: 20_003 },
    }),
  ...middleboxBehaviours.map(
    (behaviour) => () => behaviour.make({ random: new SeededRandom(1), publicAddresses: shown }),
  ),
];

/** Whether `packet` is whole TCP with a right checksum. */
function isRight({ bytes, needsChecksum }: Packet): boolean {
  if (needsChecksum || parseIp(bytes, 0, bytes.length, ip) !== undefined) return false;
  const { family, payloadLength, payloadOffset, protocol, sourceOffset } = ip;
  if (protocol !== IpProtocol.TCP || ip.isFragment || payloadLength < 20) return false;
  const sum = pseudoHeaderSumAt(bytes, sourceOffset, family === 4 ? 8 : 32, protocol, payloadLength);
  return verifyTcpChecksum(bytes, payloadOffset, payloadLength, sum);
}

/** What came out parses; where what went in was right, it is, too. Empties `out`. */
function check(out: MiddleboxOutput, given: readonly Packet[], areRight: boolean): number {
  const made = [...out.inward, ...out.outward];
  out.inward.length = 0;
  out.outward.length = 0;
  assert(made.length <= MAX_OUTPUT, 'a packet leads to a bounded number of packets');
  for (const packet of made) {
    if (given.includes(packet)) continue;
    const { bytes } = packet;
    assert(parseIp(bytes, 0, bytes.length, ip) === undefined, 'a packet that a box made parses');
    const isWholeTcp = ip.protocol === IpProtocol.TCP && !ip.isFragment && ip.payloadLength >= 20;
    if (areRight && isWholeTcp && !packet.needsChecksum)
      assert(isRight(packet), 'a packet that a box made has the right checksum');
  }
  return made.length;
}

function runBox(input: Uint8Array): string {
  const index = (input[0] ?? 0) % makers.length;
  const box = makers[index]!();
  const out = new MiddleboxOutput();
  const given: Packet[] = [];
  let areRight = true;
  let outcome = `${index}`;
  let now = 0;
  for (let at = 1; at + 3 <= input.length;) {
    const flags = input[at]!;
    const length = Math.min((input[at + 1]! << 8) | input[at + 2]!, input.length - at - 3);
    const bytes = input.slice(at + 3, at + 3 + length);
    at += 3 + length;
    const packet = new Packet(bytes, (flags & Flag.LARGE) !== 0 ? 8 : 0, (flags & Flag.PARTIAL) !== 0);
    given.push(packet);
    areRight &&= isRight(packet);
    if ((flags & Flag.LATER) !== 0) now += (flags >> 4) ** 4 * MILLISECOND;
    box.handlePacket(now, packet, (flags & Flag.INWARD) !== 0 ? 'inward' : 'outward', out);
    outcome += ` ${check(out, given, areRight)}`;
    if (box.pollTimeout() <= now) box.handleTimeout(now, out);
    check(out, given, areRight);
  }
  let timers = 0;
  for (let due = box.pollTimeout(); due !== NEVER; due = box.pollTimeout()) {
    assert(++timers <= MAX_TIMERS, 'a box comes to rest');
    now = Math.max(now, due);
    box.handleTimeout(now, out);
    check(out, given, areRight);
  }
  return outcome;
}

function tcp(from: IpAddress, to: IpAddress, fields: Partial<TcpPacket>): Uint8Array {
  const segment: TcpPacket = {
    sourcePort: 40_000,
    destinationPort: 80,
    seq: 1000,
    ack: 0,
    flags: TcpFlag.ACK,
    window: 1000,
    urgentPointer: 0,
    options: [],
    payload: new Uint8Array(0),
    ...fields,
  };
  const at = ipHeaderLength(from.family);
  const payloadLength = tcpPacketLength(segment);
  const bytes = new Uint8Array(at + payloadLength);
  emitIpHeader(bytes, 0, {
    source: from,
    destination: to,
    protocol: IpProtocol.TCP,
    payloadLength,
    hopLimit: 64,
  });
  emitTcp(segment, bytes, at, pseudoHeaderSum(from, to, IpProtocol.TCP, payloadLength));
  return bytes;
}

function icmp(from: IpAddress, to: IpAddress, quotedBytes: Uint8Array): Uint8Array {
  const { family } = from;
  const message = { type: 'unreachable', code: family === 4 ? 1 : 0, quotedBytes } as const;
  const at = ipHeaderLength(family);
  const payloadLength = icmpLength(message);
  const bytes = new Uint8Array(at + payloadLength);
  const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  emitIpHeader(bytes, 0, { source: from, destination: to, protocol, payloadLength, hopLimit: 64 });
  emitIcmp(message, family, bytes, at, family === 4 ? 0 : pseudoHeaderSum(from, to, protocol, payloadLength));
  return bytes;
}

function script(box: number, ...packets: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const bytes = [box];
  for (const [flags, packet] of packets)
    bytes.push(flags, packet.length >> 8, packet.length & 0xff, ...packet);
  return Uint8Array.from(bytes);
}

const capable = { kind: 'mptcp', option: { subtype: 'MP_CAPABLE', version: 1, flags: 1 } };
const content = Uint8Array.from({ length: 24 }, (_, i) => i * 5);

/** A connection that opens and sends, of family 4 or 6. */
function conversation(box: number, which: 0 | 1): Uint8Array {
  const [host, peer] = [inside[which], server[which]];
  const back = { sourcePort: 80, destinationPort: 40_000 };
  const open = { flags: TcpFlag.SYN, options: [{ kind: 'mss', mss: 1400 }, capable] } as never;
  const answer = { ...back, seq: 5000, ack: 1001, flags: TcpFlag.SYN | TcpFlag.ACK };
  const data = { seq: 1001, ack: 5001, payload: content };
  return script(
    box,
    [0, tcp(host, peer, open)],
    [Flag.INWARD, tcp(peer, host, answer)],
    [0, tcp(host, peer, data)],
    [Flag.LATER | 0x30, tcp(host, peer, { ...data, seq: 1001 + content.length })],
    [Flag.INWARD, tcp(peer, host, { ...back, seq: 5001, ack: 1001 + content.length, payload: content })],
    [Flag.INWARD, icmp(peer, host, tcp(host, peer, data))],
    [0, tcp(host, peer, { seq: 1049, ack: 5001, flags: TcpFlag.FIN | TcpFlag.ACK })],
  );
}

/** Through a NAT64, whose first port the answers guess. */
function translatedConversation(port: number): Uint8Array {
  const out = tcp(inside[1], translated, { flags: TcpFlag.SYN });
  const sent = tcp(shown[0], server[0], { sourcePort: port });
  const back = tcp(server[0], shown[0], { sourcePort: 80, destinationPort: port, seq: 9, payload: content });
  const came = tcp(translated, inside[1], { sourcePort: 80, destinationPort: 40_000, payload: content });
  return script(
    0,
    [0, out],
    [Flag.INWARD, back],
    [Flag.INWARD | Flag.PARTIAL, back],
    [Flag.INWARD, icmp(server[0], shown[0], sent)],
    [Flag.INWARD, icmp(server[0], shown[0], sent.subarray(0, 28))],
    [0, icmp(inside[1], translated, came)],
    [0, icmp(inside[1], translated, came.subarray(0, 44))],
  );
}

const seeds = [
  ...[20_000, 20_001, 20_002, 20_003].map(translatedConversation),
  ...makers.flatMap((_maker, box) => [conversation(box, 0), conversation(box, 1)]),
];

export const boxTargets: readonly FuzzTarget[] = [
  { name: 'network.boxes', seeds, maxBytes: 900, packetsPerInput: 8, run: runBox },
];
