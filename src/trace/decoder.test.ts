import { describe, expect, it } from 'vitest';
import { CapturedPacket, LinkType } from '../capture/index.js';
import { Decoder } from './decoder.js';

const tcp = [
  ...[0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0x01, 0x00, 0, 0, 0, 0],
  ...[0x68, 0x65, 0x6c, 0x6c, 0x6f],
];

function ipv4(protocol: number, payload: readonly number[], fragment = 0): number[] {
  const length = 20 + payload.length;
  return [
    ...[0x45, 0, length >> 8, length & 255, 0, 0, fragment >> 8, fragment & 255, 64, protocol, 0, 0],
    ...[10, 0, 0, 1, 10, 0, 0, 2],
    ...payload,
  ];
}

function ipv6(next: number, payload: readonly number[]): number[] {
  const address = (last: number): number[] => [0xfd, ...new Array<number>(14).fill(0), last];
  const { length } = payload;
  return [0x60, 0, 0, 0, length >> 8, length & 255, next, 64, ...address(1), ...address(2), ...payload];
}

const ethernet = (type: number, payload: readonly number[]): number[] => [
  ...new Array<number>(12).fill(2),
  ...[type >> 8, type & 255],
  ...payload,
];
const udp = (port: number, payload: readonly number[]): number[] => [
  ...[0x12, 0x34, port >> 8, port & 255, 0, 8 + payload.length, 0, 0],
  ...payload,
];
const gre = (flags: number, type: number, payload: readonly number[]): number[] => [
  ...[flags >> 8, flags & 255, type >> 8, type & 255],
  ...new Array<number>([0x8000, 0x2000, 0x1000].filter((bit) => (flags & bit) !== 0).length * 4).fill(7),
  ...payload,
];

function packetOf(
  bytes: readonly number[],
  linkType: number = LinkType.RAW,
  wireLength = bytes.length,
): CapturedPacket {
  const packet = new CapturedPacket();
  packet.linkType = linkType;
  packet.setBytes(Uint8Array.from(bytes));
  packet.originalLength = wireLength;
  return packet;
}

const inner4 = ipv4(6, tcp);
const inner6 = ipv6(6, tcp);
const tunnels: [string, number[], number?][] = [
  ['nothing, over IPv4', inner4],
  ['nothing, over IPv6', inner6],
  ['IPv4 in IPv4', ipv4(4, inner4)],
  ['IPv6 in IPv4', ipv4(41, inner6)],
  ['IPv4 in IPv6', ipv6(4, inner4)],
  ['IPv6 in IPv6', ipv6(41, inner6)],
  ['IPv6 with extension headers', ipv6(0, [60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0, ...tcp])],
  ['IPv6 with a fragment header of the whole', ipv6(44, [6, 0, 0, 0, 1, 2, 3, 4, ...tcp])],
  ['GRE', ipv4(47, gre(0, 0x0800, inner4))],
  ['GRE with checksum, key and sequence number', ipv4(47, gre(0xb000, 0x86dd, inner6))],
  ['Ethernet in GRE', ipv4(47, gre(0x2000, 0x6558, ethernet(0x0800, inner4)))],
  ['VXLAN', ipv4(17, udp(4789, [8, 0, 0, 0, 0, 0, 9, 0, ...ethernet(0x86dd, inner6)]))],
  [
    'Geneve with an option',
    ipv6(17, udp(6081, [1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 4, ...ethernet(0x0800, inner4)])),
  ],
  [
    'a VLAN within VXLAN',
    ipv4(17, udp(4789, [8, 0, 0, 0, 0, 0, 9, 0, ...ethernet(0x8100, [0, 5, 0x08, 0, ...inner4])])),
  ],
  ['Ethernet with padding', [...ethernet(0x0800, inner4), 0, 0, 0, 0], LinkType.ETHERNET],
];

describe('the decoder', () => {
  it.each(tunnels)('finds the segment within %s', (_name, bytes, linkType) => {
    const decoder = new Decoder(8);
    expect(decoder.decode(packetOf(bytes, linkType))).toBe(true);
    const { segment } = decoder;
    expect(segment).toMatchObject({ sourcePort: 40_000, destinationPort: 443, seq: 1, ack: 2, flags: 0x18 });
    expect(segment).toMatchObject({ payloadLength: 5, payloadAvailable: 5, sourceC: 0 });
    expect(segment.sourceD & 0xff).toBe(1);
    expect(segment.family).toBe(segment.sourceA === 0 ? 4 : 6);
  });

  it.each(tunnels)(
    'counts every truncation of %s, as cut where the frame was longer',
    (_name, bytes, linkType) => {
      const padding = linkType === LinkType.ETHERNET ? 4 : 0;
      const headers = bytes.length - padding - 5;
      for (let length = 0; length < bytes.length; length++) {
        const decoder = new Decoder(8);
        const isWhole = decoder.decode(packetOf(bytes.slice(0, length), linkType, bytes.length));
        expect(isWhole).toBe(length >= headers);
        const counted = Object.values(decoder.ignored).reduce((sum, count) => sum + count, 0);
        expect(counted).toBe(isWhole ? 0 : 1);
        if (isWhole) expect(decoder.segment.payloadLength).toBe(5);
        else if (length >= headers - 20 && length > 40) expect(decoder.ignored.cutHeaders).toBe(1);
      }
    },
  );

  it('says why it leaves a frame', () => {
    const reasons: [keyof Decoder['ignored'], CapturedPacket][] = [
      ['link', packetOf(inner4, 147)],
      ['notIp', packetOf(ethernet(0x0806, new Array<number>(46).fill(0)), LinkType.ETHERNET)],
      ['notTcp', packetOf(ipv4(17, udp(53, [1, 2, 3])))],
      ['notTcp', packetOf(ipv6(58, [128, 0, 0, 0, 0, 0, 0, 0]))],
      ['fragments', packetOf(ipv4(6, tcp, 0x2000))],
      ['fragments', packetOf(ipv4(6, tcp, 100))],
      ['fragments', packetOf(ipv6(44, [6, 0, 0, 9, 1, 2, 3, 4, ...tcp]))],
      ['malformed', packetOf(ipv4(6, tcp.slice(0, 12)))],
      ['malformed', packetOf(ipv4(6, [...tcp.slice(0, 12), 0x40, ...tcp.slice(13)]))],
      ['cutHeaders', packetOf(inner4.slice(0, 30), LinkType.RAW, inner4.length)],
    ];
    for (const [reason, packet] of reasons) {
      const decoder = new Decoder(8);
      expect(decoder.decode(packet), reason).toBe(false);
      expect(decoder.ignored, reason).toMatchObject({ [reason]: 1 });
    }
  });

  it('gives up on tunnels within tunnels at a depth of its settings', () => {
    let bytes = inner4;
    for (let i = 0; i < 20; i++) bytes = ipv4(4, bytes);
    const decoder = new Decoder(8);
    expect(decoder.decode(packetOf(bytes))).toBe(false);
    expect(decoder.ignored.malformed).toBe(1);
  });

  it('takes a total length of 0 for a segment that the device was to cut', () => {
    for (const bytes of [inner4.slice(), inner6.slice()]) {
      const at = bytes[0] === 0x45 ? 2 : 4;
      bytes[at] = 0;
      bytes[at + 1] = 0;
      const decoder = new Decoder(8);
      expect(decoder.decode(packetOf(bytes, LinkType.RAW, bytes.length + 70_000))).toBe(true);
      expect(decoder.segment).toMatchObject({ payloadLength: 70_005, payloadAvailable: 5 });
    }
  });
});
