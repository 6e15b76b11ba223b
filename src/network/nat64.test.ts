import { describe, expect, it } from 'vitest';
import {
  address,
  countingBytes,
  readTcpPacket,
  tcpPacket,
  type TcpPacketFields,
} from '../../test/simulation/packets.js';
import { MINUTE, SeededRandom } from '../base/index.js';
import {
  emitIcmp,
  emitIpHeader,
  foldSum,
  type IcmpError,
  icmpLength,
  IcmpUnreachableCode,
  Icmpv6UnreachableCode,
  IpPacket,
  IpProtocol,
  isIcmpError,
  parseIcmp,
  parseIp,
  parseNat64Prefix,
  pseudoHeaderSum,
  readU16,
  TcpFlag,
  verifyIcmpChecksum,
  writeU16,
} from '../wire/index.js';
import { Packet } from './device.js';
import { type Direction, MiddleboxOutput } from './middlebox.js';
import { Nat64, type Nat64Options } from './nat64.js';

const inside = '2001:db8:1::2';
const server = '192.0.2.9';
const synthesised = '2001:db8:64::c000:209';
const shown = '198.51.100.1';
const prefix = parseNat64Prefix('2001:db8:64::/96')!;

function nat64(options: Partial<Nat64Options> = {}): Nat64 {
  return new Nat64({ prefix, publicAddress: address(shown), random: new SeededRandom(1), ...options });
}

/** All that comes out for a packet. */
function cross(box: Nat64, now: number, packet: Packet, direction: Direction): MiddleboxOutput {
  const out = new MiddleboxOutput();
  box.handlePacket(now, packet, direction, out);
  return out;
}

/** Sends a segment out and gives what the network sees. */
function out(
  box: Nat64,
  now: number,
  fields: Partial<TcpPacketFields> = {},
): ReturnType<typeof readTcpPacket> {
  const packet = new Packet(tcpPacket({ source: inside, destination: synthesised, ...fields }));
  const [result] = cross(box, now, packet, 'outward').outward;
  const read = readTcpPacket(result!.bytes);
  expect(read.checksumsRight).toBe(true);
  return read;
}

/** Sends a segment back to `port`; what the host sees, or undefined. */
function back(box: Nat64, now: number, port: number, fields: Partial<TcpPacketFields> = {}) {
  const packet = new Packet(
    tcpPacket({ source: server, destination: shown, sourcePort: 80, destinationPort: port, ...fields }),
  );
  const [result] = cross(box, now, packet, 'inward').inward;
  if (result === undefined) return undefined;
  const read = readTcpPacket(result.bytes);
  expect(read.checksumsRight).toBe(true);
  return read;
}

/** A packet with an ICMP error. */
function icmp(from: string, to: string, error: IcmpError): Packet {
  const [source, destination] = [address(from), address(to)];
  const { family } = source;
  const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  const payloadLength = icmpLength(error);
  const bytes = new Uint8Array((family === 4 ? 20 : 40) + payloadLength);
  const at = emitIpHeader(bytes, 0, { source, destination, protocol, payloadLength, hopLimit: 64 });
  const pseudo = family === 4 ? 0 : pseudoHeaderSum(source, destination, protocol, payloadLength);
  emitIcmp(error, family, bytes, at, pseudo);
  return new Packet(bytes);
}

/** Reads a packet with an ICMP error, whose checksum must be right. */
function readIcmp({ bytes }: Packet): { source: string; destination: string; error: IcmpError } {
  const ip = new IpPacket();
  expect(parseIp(bytes, 0, bytes.length, ip)).toBeUndefined();
  const { source, destination, family, payloadOffset, payloadLength } = ip;
  const pseudo = family === 4 ? 0 : pseudoHeaderSum(source, destination, IpProtocol.ICMPV6, payloadLength);
  expect(verifyIcmpChecksum(bytes, payloadOffset, payloadLength, pseudo)).toBe(true);
  const message = parseIcmp(bytes, payloadOffset, payloadLength, family);
  if (!message.ok || !isIcmpError(message.value)) throw new Error('no ICMP error');
  return { source: source.toString(), destination: destination.toString(), error: message.value };
}

describe('Nat64', () => {
  it('translates TCP there and back with right checksums, hop limits one less (RFC 7915 §4.1 and §5.1)', () => {
    const box = nat64();
    const sent = out(box, 0, { payload: countingBytes(101), hopLimit: 50 });
    expect(sent.ip).toMatchObject({ family: 4, hopLimit: 49 });
    expect(sent.ip.source.toString()).toBe(shown);
    expect(sent.ip.destination.toString()).toBe(server);
    const got = back(box, 1, sent.tcp.sourcePort, { payload: countingBytes(33) })!;
    expect(got.ip.source.toString()).toBe(synthesised);
    expect(got.ip.destination.toString()).toBe(inside);
    expect(got.tcp.destinationPort).toBe(1000);
    expect(box.counters.translated).toBe(2);
  });

  it('lets small IPv4 packets be fragmented, under numbers of their own, and no large ones (RFC 7915 §5.1)', () => {
    const box = nat64();
    const [first, second, large] = [0, 0, 1300].map(
      (length) => out(box, 0, { payload: countingBytes(length) }).ip,
    );
    expect([first!.dontFragment, large!.dontFragment]).toEqual([false, true]);
    expect(first!.identification).not.toBe(second!.identification);
  });

  it('keeps checksums that are left to the device, and super-segments', () => {
    const bytes = tcpPacket({ source: inside, destination: synthesised, payload: countingBytes(3000) });
    const length = 20 + 3000;
    writeU16(bytes, 56, foldSum(pseudoHeaderSum(address(inside), address(synthesised), 6, length)));
    const [result] = cross(nat64(), 0, new Packet(bytes, 1400, true), 'outward').outward;
    expect(result).toMatchObject({ segmentSize: 1400, needsChecksum: true });
    const expected = pseudoHeaderSum(address(shown), address(server), 6, length);
    expect(readU16(result!.bytes, 36) % 0xffff).toBe(foldSum(expected) % 0xffff);
  });

  it('does not mend what was damaged before it', () => {
    const bytes = tcpPacket({ source: inside, destination: synthesised, payload: countingBytes(10) });
    bytes[bytes.length - 1]! ^= 1;
    const [result] = cross(nat64(), 0, new Packet(bytes), 'outward').outward;
    expect(readTcpPacket(result!.bytes).checksumsRight).toBe(false);
  });

  it('binds an inside endpoint to one port whatever its peer (RFC 6146 §3.1), and filters by peer', () => {
    const box = nat64();
    const { sourcePort } = out(box, 0).tcp;
    expect(out(box, 0, { destination: '2001:db8:64::c000:20a' }).tcp.sourcePort).toBe(sourcePort);
    expect(back(box, 0, sourcePort, { source: '192.0.2.77' })).toBeUndefined();
    expect(back(box, 0, sourcePort, { source: '192.0.2.10' })).toBeDefined();
    expect(box.counters.droppedFiltered).toBe(1);
    const open = nat64({ filtering: 'endpoint-independent' });
    expect(back(open, 0, out(open, 0).tcp.sourcePort, { source: '192.0.2.77' })).toBeDefined();
  });

  it('forgets idle bindings, those that open or end sooner, and holds no more than it may (RFC 6146 §4)', () => {
    const box = nat64({ idleTimeoutNs: 60 * MINUTE, transitoryTimeoutNs: MINUTE, maxBindings: 10 });
    const { sourcePort } = out(box, 0, { flags: TcpFlag.SYN }).tcp;
    expect(back(box, 1, sourcePort)).toBeDefined();
    expect(back(box, 50 * MINUTE, sourcePort)).toBeDefined();
    out(box, 51 * MINUTE, { flags: TcpFlag.RST });
    expect(back(box, 53 * MINUTE, sourcePort)).toBeUndefined();
    for (let i = 0; i < 30; i++) out(box, 54 * MINUTE, { sourcePort: 2000 + i });
    expect(box.bindingCount).toBe(10);
    expect(back(box, 54 * MINUTE, 19_999)).toBeUndefined();
    expect(box.counters.droppedUnbound).toBe(2);
    expect(() => nat64({ maxBindings: 100, ports: { first: 1, last: 50 } })).toThrow(/cannot hold/);
  });

  it('lets IPv6 pass that is not behind its prefix, and drops fragments, nonsense and what nobody asked for', () => {
    const box = nat64();
    const own = tcpPacket({ source: inside, destination: '2001:db8:2::1' });
    expect(cross(box, 0, new Packet(own), 'outward').outward[0]!.bytes).toBe(own);
    const reply = tcpPacket({ source: '2001:db8:2::1', destination: inside });
    expect(cross(box, 0, new Packet(reply), 'inward').inward[0]!.bytes).toBe(reply);
    const fragment = tcpPacket({ source: server, destination: shown });
    writeU16(fragment, 6, 0x2000);
    expect(cross(box, 0, new Packet(fragment), 'inward').inward).toEqual([]);
    expect(cross(box, 0, new Packet(new Uint8Array(3)), 'inward').inward).toEqual([]);
    expect(
      cross(box, 0, new Packet(tcpPacket({ source: server, destination: '198.51.100.2' })), 'inward').inward,
    ).toEqual([]);
    expect(box.counters).toMatchObject({ droppedOther: 2, droppedUnbound: 1, translated: 0 });
  });
});

describe('Nat64 and packet sizes', () => {
  it('tells an IPv4 sender of 20 bytes less than the IPv6 side carries', () => {
    const box = nat64({ ipv6Mtu: 1400 });
    const { sourcePort } = out(box, 0).tcp;
    const large = tcpPacket({
      source: server,
      destination: shown,
      sourcePort: 80,
      destinationPort: sourcePort,
      payload: countingBytes(1341),
    });
    const { outward, inward } = cross(box, 0, new Packet(large), 'inward');
    expect(inward).toEqual([]);
    const said = readIcmp(outward[0]!);
    expect(said).toMatchObject({ source: shown, destination: server });
    expect(said.error).toMatchObject({ code: IcmpUnreachableCode.FRAGMENTATION_NEEDED, mtuBytes: 1380 });
    expect(back(box, 0, sourcePort, { payload: countingBytes(1340) })!.ip.totalLength).toBe(1400);
  });

  it('tells an IPv6 sender of 20 bytes more than the IPv4 side carries', () => {
    const box = nat64({ ipv4Mtu: 1400 });
    const large = tcpPacket({ source: inside, destination: synthesised, payload: countingBytes(1361) });
    const { outward, inward } = cross(box, 0, new Packet(large), 'outward');
    expect(outward).toEqual([]);
    const said = readIcmp(inward[0]!);
    expect(said).toMatchObject({ destination: inside, error: { type: 'packet-too-big', mtuBytes: 1420 } });
    expect(said.error.quoted).toMatchObject({ sourcePort: 1000, destinationPort: 80 });
    expect(out(box, 0, { payload: countingBytes(1360) }).ip.totalLength).toBe(1400);
  });

  it.each([
    [1400, 1420],
    [1500, 1500],
    [576, 1280],
    [0, 1280],
  ])(
    'translates "fragmentation needed, MTU %i" into "packet too big, MTU %i" (RFC 7915 §4.2)',
    (stated, told) => {
      const box = nat64();
      const sent = out(box, 0);
      const quotedBytes = sent.ip.bytes.slice(0, 28);
      const error = {
        type: 'unreachable',
        code: IcmpUnreachableCode.FRAGMENTATION_NEEDED,
        mtuBytes: stated,
        quotedBytes,
      } as const;
      const said = readIcmp(cross(box, 0, icmp('192.0.2.254', shown, error), 'inward').inward[0]!);
      expect(said).toMatchObject({ source: '2001:db8:64::c000:2fe', destination: inside });
      expect(said.error).toMatchObject({ type: 'packet-too-big', mtuBytes: told });
      expect(said.error.quoted).toMatchObject({ sourcePort: 1000, destinationPort: 80, seq: 1 });
      expect(said.error.quoted!.source.toString()).toBe(inside);
      expect(said.error.quoted!.destination.toString()).toBe(synthesised);
    },
  );

  it('translates "packet too big" of a host into "fragmentation needed" (RFC 7915 §5.2)', () => {
    const box = nat64();
    const { sourcePort } = out(box, 0).tcp;
    const quotedBytes = back(box, 0, sourcePort)!.ip.bytes.slice();
    const error = { type: 'packet-too-big', code: 0, mtuBytes: 1300, quotedBytes } as const;
    const said = readIcmp(cross(box, 0, icmp(inside, synthesised, error), 'outward').outward[0]!);
    expect(said).toMatchObject({ source: shown, destination: server });
    expect(said.error).toMatchObject({ code: IcmpUnreachableCode.FRAGMENTATION_NEEDED, mtuBytes: 1280 });
    expect(said.error.quoted).toMatchObject({ sourcePort: 80, destinationPort: sourcePort });
    // All of the TCP header was quoted: its checksum holds in the other version.
    expect(readTcpPacket(Uint8Array.from(said.error.quotedBytes)).checksumsRight).toBe(true);
  });
});

describe('Nat64 and other errors', () => {
  it.each([
    [
      { type: 'unreachable', code: IcmpUnreachableCode.HOST },
      { type: 'unreachable', code: Icmpv6UnreachableCode.NO_ROUTE },
    ],
    [
      { type: 'unreachable', code: IcmpUnreachableCode.PORT },
      { type: 'unreachable', code: Icmpv6UnreachableCode.PORT },
    ],
    [
      { type: 'unreachable', code: IcmpUnreachableCode.HOST_PROHIBITED },
      { type: 'unreachable', code: Icmpv6UnreachableCode.COMMUNICATION_PROHIBITED },
    ],
    [
      { type: 'unreachable', code: IcmpUnreachableCode.PROTOCOL },
      { type: 'parameter-problem', code: 1, pointer: 6 },
    ],
    [
      { type: 'time-exceeded', code: 0 },
      { type: 'time-exceeded', code: 0 },
    ],
    [
      { type: 'parameter-problem', code: 0, pointer: 8 },
      { type: 'parameter-problem', code: 0, pointer: 7 },
    ],
    [{ type: 'parameter-problem', code: 0, pointer: 6 }, undefined],
    [{ type: 'unreachable', code: 14 }, undefined],
  ] as const)('translates %o of the IPv4 side into %o (RFC 7915 §4.2)', (from, to) => {
    const box = nat64();
    const quotedBytes = out(box, 0).ip.bytes.slice(0, 28);
    const { inward } = cross(box, 0, icmp('192.0.2.254', shown, { ...from, quotedBytes }), 'inward');
    expect(inward.map((packet) => readIcmp(packet).error)).toMatchObject(to === undefined ? [] : [to]);
  });

  it.each([
    [
      { type: 'unreachable', code: Icmpv6UnreachableCode.NO_ROUTE },
      { type: 'unreachable', code: IcmpUnreachableCode.HOST },
    ],
    [
      { type: 'unreachable', code: Icmpv6UnreachableCode.PORT },
      { type: 'unreachable', code: IcmpUnreachableCode.PORT },
    ],
    [
      { type: 'parameter-problem', code: 1, pointer: 6 },
      { type: 'unreachable', code: IcmpUnreachableCode.PROTOCOL },
    ],
    [
      { type: 'parameter-problem', code: 0, pointer: 7 },
      { type: 'parameter-problem', code: 0, pointer: 8 },
    ],
    [
      { type: 'time-exceeded', code: 0 },
      { type: 'time-exceeded', code: 0 },
    ],
    [{ type: 'parameter-problem', code: 2, pointer: 0 }, undefined],
  ] as const)('translates %o of a host into %o (RFC 7915 §5.2)', (from, to) => {
    const box = nat64();
    const quotedBytes = back(box, 0, out(box, 0).tcp.sourcePort)!.ip.bytes.slice(0, 48);
    const { outward } = cross(box, 0, icmp(inside, synthesised, { ...from, quotedBytes }), 'outward');
    expect(outward.map((packet) => readIcmp(packet).error)).toMatchObject(to === undefined ? [] : [to]);
  });

  it('drops those about nothing it knows', () => {
    const box = nat64();
    const quotedBytes = tcpPacket({ source: shown, destination: server });
    const error = { type: 'unreachable', code: 1, quotedBytes } as const;
    expect(cross(box, 0, icmp('192.0.2.254', shown, error), 'inward').inward).toEqual([]);
    const quoted6 = tcpPacket({ source: synthesised, destination: inside });
    const error6 = { type: 'unreachable', code: 1, quotedBytes: quoted6 } as const;
    expect(cross(box, 0, icmp(inside, synthesised, error6), 'outward').outward).toEqual([]);
    expect(box.counters).toMatchObject({ droppedOther: 2, errorsTranslated: 0 });
  });
});
