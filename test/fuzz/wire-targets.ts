/**
 * What the fuzzer feeds of the wire layer. Each target parses any bytes; a value that comes out is also written again
 * where it can be, since whatever was read must be expressible. A throw is a finding, whatever the bytes.
 */
import { assert } from '../../src/base/index.js';
import {
  DssFields,
  IpAddress,
  IpPacket,
  IpProtocol,
  TcpFlag,
  TcpSegment,
  datagramLength,
  emitDatagram,
  emitDss,
  emitIcmp,
  emitMptcpOption,
  emitTcp,
  emitTcpOptions,
  formatEndpoint,
  icmpLength,
  mptcpOptionLength,
  parseDatagram,
  parseDss,
  parseEndpoint,
  icmpExtensionBytes,
  parseIcmp,
  parseIcmpExtensions,
  parseIp,
  parseMptcpOption,
  parseTcp,
  parseTcpOptions,
  parseTcpPacket,
  tcpPacketLength,
} from '../../src/wire/index.js';
import type { TcpOption, TcpPacket } from '../../src/wire/index.js';

/** One parser to be fuzzed. */
export interface WireParser {
  readonly name: string;
  /** Parses `length` bytes at `offset`, all by default; what it returns depends on nothing else. */
  readonly parse: (bytes: Uint8Array, offset?: number, length?: number) => unknown;
  /** What the last input left in a struct that is used again; absent where `parse` returns a value of its own. */
  readonly state?: () => unknown;
  /** Well-formed inputs to mutate. */
  readonly seeds: readonly Uint8Array[];
}

const packet = new IpPacket();
const segment = new TcpSegment();
const dss = new DssFields();
/** What values are written to; longer inputs get an array of their own. */
const scratch = new Uint8Array(4096);

function roomFor(length: number): Uint8Array {
  return length <= scratch.length ? scratch : new Uint8Array(length);
}

function packetState(): object {
  return { ...packet, bytes: undefined };
}

/** The segment's fields without the packet, and without what its arrays keep from earlier ones. */
function segmentState(): object {
  return {
    ...segment,
    bytes: undefined,
    sackEdges: Array.from(segment.sackEdges.subarray(0, segment.sackCount * 2)),
    mptcpOffsets: Array.from(segment.mptcpOffsets.subarray(0, segment.mptcpCount)),
    mptcpLengths: Array.from(segment.mptcpLengths.subarray(0, segment.mptcpCount)),
  };
}

function parseSegment(bytes: Uint8Array, offset: number, length: number, wireLength: number): unknown {
  const error = parseTcp(bytes, offset, length, segment, wireLength);
  if (error !== undefined) return error;
  const end = offset + length;
  assert(segment.payloadOffset + segment.payloadAvailable === end, 'the payload ends with the segment');
  for (let i = 0; i < segment.mptcpCount; i++) {
    const at = segment.mptcpOffsets[i]!;
    const size = segment.mptcpLengths[i]!;
    assert(at + size <= segment.payloadOffset, 'an MPTCP option lies within the header');
    parseMptcp(bytes, at, size);
  }
  return undefined;
}

function parsePacket(bytes: Uint8Array, offset: number, length: number, wireLength: number): unknown {
  const error = parseIp(bytes, offset, length, packet, wireLength);
  if (error !== undefined) return error;
  const { payloadOffset, payloadAvailable, payloadLength } = packet;
  assert(payloadOffset + payloadAvailable <= offset + length, 'the payload lies within the packet');
  if (packet.protocol !== IpProtocol.TCP || packet.fragmentOffset > 0) return undefined;
  return parseSegment(bytes, payloadOffset, payloadAvailable, payloadLength);
}

function parseMptcp(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const result = parseMptcpOption(bytes, offset, length);
  if (!result.ok) return result;
  assert(mptcpOptionLength(result.value) === length, 'an MPTCP option keeps its length');
  assert(emitMptcpOption(result.value, scratch, 0) === length, 'an MPTCP option keeps its length');
  return result.value;
}

function parseDssOption(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const error = parseDss(bytes, offset, length, dss);
  if (error !== undefined) return error;
  assert(emitDss(dss, scratch, 0) === length, 'a DSS keeps its length');
  return undefined;
}

function parseOptions(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const list = parseTcpOptions(bytes, offset, Math.min(length, 40));
  emitTcpOptions(list.options, scratch, 0);
  return list;
}

function parseWholeSegment(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const result = parseTcpPacket(bytes, offset, length);
  if (!result.ok) return result;
  assert(tcpPacketLength(result.value) <= length, 'what was read is no longer than its bytes');
  assert(emitTcp(result.value, roomFor(length), 0, 0) <= length, 'a TCP segment does not grow');
  return result.value;
}

function parseWholeDatagram(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const result = parseDatagram(bytes, offset, length);
  if (!result.ok) return result;
  assert(datagramLength(result.value) <= length, 'what was read is no longer than its bytes');
  assert(emitDatagram(result.value, roomFor(length), 0) <= length, 'an IP packet does not grow');
  return result.value;
}

function parseMessage(bytes: Uint8Array, offset: number, length: number, family: 4 | 6): unknown {
  const result = parseIcmp(bytes, offset, length, family);
  if (!result.ok) return result;
  assert(icmpLength(result.value) <= length, 'what was read is no longer than its bytes');
  assert(
    emitIcmp(result.value, family, roomFor(length), 0, 0) === length,
    'an ICMP message keeps its length',
  );
  return result.value;
}

function parseText(bytes: Uint8Array, offset = 0, length = bytes.length): unknown {
  const text = String.fromCharCode(...bytes.subarray(offset, offset + Math.min(length, 64)));
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) {
    assert(parseEndpoint(formatEndpoint(endpoint)) !== undefined, 'an endpoint is read back');
  }
  const address = IpAddress.parse(text);
  if (address !== undefined) {
    assert(IpAddress.parse(address.toString())?.equals(address) === true, 'an address is read back');
  }
  return [address?.toString(), endpoint === undefined ? undefined : formatEndpoint(endpoint)];
}

function hex(text: string): Uint8Array {
  const pairs = text.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

const optionSeeds = [
  '1e040181',
  '1e0c01810102030405060708',
  '1e1801810102030405060708111213141516171800483aca',
  '1e0c10023a03caf210000000',
  '1e10100256c7a377b2e33fdaa29163c5',
  '1e181000000102030405060708090a0b0c0d0e0f10111213',
  '1e1c201f000000000000000100000000000000020000000100480000',
  '1e142005fb4e43a5fb4e435d0000000100483aca',
  '1e103001c00002011234567890abcdef',
  '1e1e300220010db8000000000000000000000001005011223344556677ff',
  '1e044007',
  '1e0351',
  '1e0c60008710f99bfb4e435d',
  '1e0c70008710f99bfb4e435d',
  '1e048106',
  '1e06f0010203',
].map(hex);

const tcpSeeds: readonly Uint8Array[] = optionSeeds.map((option, index) => {
  const mptcp: TcpOption[] = parseTcpOptions(option, 0, option.length).options.slice();
  const room = mptcp.length === 1 && option.length <= 28;
  const value: TcpPacket = {
    sourcePort: 40_000,
    destinationPort: 443,
    seq: 0xffff_fff0,
    ack: 1,
    flags: index < 2 ? TcpFlag.SYN : TcpFlag.ACK,
    window: 512,
    options: room
      ? [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'timestamps', tsVal: 7, tsEcr: 8 }, ...mptcp]
      : mptcp,
    payload: hex('00010203'),
  };
  const bytes = new Uint8Array(tcpPacketLength(value));
  emitTcp(value, bytes, 0, 0);
  return bytes;
});

const synOptions: readonly TcpOption[] = [
  { kind: 'mss', mss: 1460 },
  { kind: 'sack-permitted' },
  { kind: 'timestamps', tsVal: 1, tsEcr: 0 },
  { kind: 'window-scale', shift: 7 },
  { kind: 'fast-open', cookie: hex('0102030405060708'), experimental: true },
];
const sackOptions: readonly TcpOption[] = [
  { kind: 'sack', blocks: [{ left: 1, right: 9 }] },
  { kind: 'fast-open', cookie: hex('01020304'), experimental: false },
  { kind: 'unknown', number: 253, body: hex('aabb') },
];

function optionsSeed(options: readonly TcpOption[]): Uint8Array {
  const bytes = new Uint8Array(40);
  return bytes.subarray(0, emitTcpOptions(options, bytes, 0));
}

const v4 = { source: IpAddress.parse('192.0.2.1')!, destination: IpAddress.parse('192.0.2.2')! };
const v6 = { source: IpAddress.parse('2001:db8::1')!, destination: IpAddress.parse('2001:db8::2')! };
const headerFields = { protocol: IpProtocol.TCP, hopLimit: 64, dscpEcn: 0 };

const ipSeeds: readonly Uint8Array[] = tcpSeeds.flatMap((payload, index) => {
  const four = {
    family: 4,
    ...v4,
    ...headerFields,
    identification: index,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    options: index % 4 === 0 ? [{ type: 148, body: hex('0000') }] : [],
    payload,
  } as const;
  const six = {
    family: 6,
    ...v6,
    ...headerFields,
    flowLabel: 0x12345,
    extensions:
      index % 3 === 0
        ? ([
            { kind: 'hop-by-hop', options: [{ type: 5, body: hex('0000') }] },
            { kind: 'routing', routingType: 4, segmentsLeft: 0, body: hex('00000000') },
            { kind: 'fragment', fragmentOffset: 0, moreFragments: false, identification: 7 },
            { kind: 'authentication', body: hex('0000000100000002aabbccdd') },
          ] as const)
        : [],
    payload,
  } as const;
  return [four, six].map((value) => {
    const bytes = new Uint8Array(datagramLength(value));
    emitDatagram(value, bytes, 0);
    return bytes;
  });
});

function icmpSeeds(family: 4 | 6): Uint8Array[] {
  const quoted = ipSeeds.filter((bytes) => bytes[0]! >>> 4 === family);
  const padded = new Uint8Array(128);
  padded.set(quoted[0]!);
  const mtu = family === 4 ? 'unreachable' : 'packet-too-big';
  return [
    { type: 'echo-request', identifier: 1, sequence: 2, payload: hex('0102') } as const,
    { type: mtu, code: family === 4 ? 4 : 0, mtuBytes: 1280, quotedBytes: quoted[1]! } as const,
    { type: 'time-exceeded', code: 0, quotedBytes: padded, extensions: hex('2000000000080101') } as const,
    { type: 'parameter-problem', code: 0, pointer: 20, quotedBytes: quoted[2]! } as const,
  ].map((message) => {
    const bytes = new Uint8Array(icmpLength(message));
    emitIcmp(message, family, bytes, 0, 0);
    return bytes;
  });
}

const extensionSeeds = [
  icmpExtensionBytes([
    { kind: 'mpls', labels: [{ label: 16, trafficClass: 0, isBottom: true, ttl: 1 }] },
    { kind: 'interface', role: 'incoming', index: 7, address: IpAddress.parse('192.0.2.1')!, name: 'eth0' },
  ]),
  // Without a checksum, so that what is changed is read all the same.
  hex('20000000000801010001010100180243000000070002000020010db8000000000000000000000001'),
];

const textSeeds = ['192.0.2.1:80', '[2001:db8::1]:443', '::ffff:192.0.2.1', '1:2:3:4:5:6:7:8', '1.2.3.4'].map(
  (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
);

/** Every parser of the wire layer. */
export const wireParsers: readonly WireParser[] = [
  {
    name: 'wire.packet',
    parse: (bytes, offset = 0, length = bytes.length) => parsePacket(bytes, offset, length, -1),
    state: () => [packetState(), segmentState()],
    seeds: ipSeeds,
  },
  {
    name: 'wire.packet.cut',
    parse: (bytes, offset = 0, length = bytes.length) => parsePacket(bytes, offset, length, 0xffff),
    state: () => [packetState(), segmentState()],
    seeds: ipSeeds,
  },
  { name: 'wire.datagram', parse: parseWholeDatagram, seeds: ipSeeds },
  {
    name: 'wire.tcp',
    parse: (bytes, offset = 0, length = bytes.length) => parseSegment(bytes, offset, length, length),
    state: segmentState,
    seeds: tcpSeeds,
  },
  { name: 'wire.tcp.value', parse: parseWholeSegment, seeds: tcpSeeds },
  {
    name: 'wire.tcp.options',
    parse: parseOptions,
    seeds: [...optionSeeds, optionsSeed(synOptions), optionsSeed(sackOptions)],
  },
  { name: 'wire.mptcp', parse: parseMptcp, seeds: optionSeeds },
  {
    name: 'wire.dss',
    parse: parseDssOption,
    state: () => ({ ...dss }),
    seeds: optionSeeds.filter((bytes) => bytes[2]! >>> 4 === 2),
  },
  {
    name: 'wire.icmp',
    parse: (bytes, offset = 0, length = bytes.length) => parseMessage(bytes, offset, length, 4),
    seeds: icmpSeeds(4),
  },
  {
    name: 'wire.icmpv6',
    parse: (bytes, offset = 0, length = bytes.length) => parseMessage(bytes, offset, length, 6),
    seeds: icmpSeeds(6),
  },
  {
    name: 'wire.icmp.extensions',
    parse: (bytes, offset = 0, length = bytes.length) =>
      parseIcmpExtensions(bytes.subarray(offset, offset + length)),
    seeds: extensionSeeds,
  },
  { name: 'wire.address', parse: parseText, seeds: textSeeds },
];
