import { describe, expect, it } from 'vitest';
import {
  address,
  countingBytes,
  readTcpPacket,
  tcpPacket,
  type TcpPacketFields,
} from '../../test/simulation/packets.js';
import { MINUTE, SECOND, SeededRandom } from '../base/index.js';
import {
  emitIpHeader,
  foldSum,
  IpPacket,
  IpProtocol,
  onesComplementSum,
  parseIp,
  pseudoHeaderSum,
  readU16,
  TcpFlag,
  writeU16,
} from '../wire/index.js';
import { Packet } from './device.js';
import { type Direction, MiddleboxOutput } from './middlebox.js';
import { Nat, type NatOptions } from './nat.js';

const inside = '192.168.1.2';
const server = '203.0.113.9';
const shown = '198.51.100.1';

function nat(options: Partial<NatOptions> = {}): Nat {
  return new Nat({ publicAddresses: [address(shown)], random: new SeededRandom(1), ...options });
}

/** What comes out for a packet, undefined when nothing does. */
function cross(box: Nat, now: number, packet: Packet, direction: Direction): Packet | undefined {
  const out = new MiddleboxOutput();
  box.handlePacket(now, packet, direction, out);
  const passed = [...out.outward, ...out.inward];
  expect(passed.length).toBeLessThanOrEqual(1);
  return passed[0];
}

/** Sends a segment out and says which public port it got. */
function out(box: Nat, now: number, fields: Partial<TcpPacketFields> = {}): number {
  const packet = new Packet(tcpPacket({ source: inside, destination: server, ...fields }));
  const result = cross(box, now, packet, 'outward');
  const { ip, tcp, checksumsRight } = readTcpPacket(result!.bytes);
  expect(ip.source.toString()).toBe(shown);
  expect(checksumsRight).toBe(true);
  return tcp.sourcePort;
}

/** Sends a segment back to `port`; the inside endpoint it reaches, or undefined. */
function back(
  box: Nat,
  now: number,
  port: number,
  fields: Partial<TcpPacketFields> = {},
): string | undefined {
  const packet = new Packet(
    tcpPacket({ source: server, destination: shown, sourcePort: 80, destinationPort: port, ...fields }),
  );
  const result = cross(box, now, packet, 'inward');
  if (result === undefined) return undefined;
  const { ip, tcp, checksumsRight } = readTcpPacket(result.bytes);
  expect(checksumsRight).toBe(true);
  return `${ip.destination.toString()}:${tcp.destinationPort}`;
}

describe('Nat', () => {
  it('translates there and back with right checksums', () => {
    const box = nat();
    const port = out(box, 0, { payload: countingBytes(101) });
    expect(out(box, 1)).toBe(port);
    expect(back(box, 2, port, { payload: countingBytes(33) })).toBe(`${inside}:1000`);
    expect(box.counters.translated).toBe(3);
  });

  it('translates IPv6 and checksums that are left to the device', () => {
    const box = nat({ publicAddresses: [address('2001:db8:ffff::1')] });
    const fields = { source: 'fd00::2', destination: '2001:db8::9' };
    const bytes = tcpPacket(fields);
    const partial = foldSum(pseudoHeaderSum(address(fields.source), address(fields.destination), 6, 20));
    writeU16(bytes, 56, partial);
    const result = cross(box, 0, new Packet(bytes, 0, true), 'outward')!;
    const expected = pseudoHeaderSum(address('2001:db8:ffff::1'), address(fields.destination), 6, 20);
    expect(readU16(result.bytes, 56) % 0xffff).toBe(foldSum(expected) % 0xffff);
    expect(result.needsChecksum).toBe(true);
  });

  it('keeps one port for an inside endpoint only when mapping is endpoint-independent', () => {
    const other = { destination: '203.0.113.10' };
    const independent = nat({ mapping: 'endpoint-independent' });
    expect(out(independent, 0, other)).toBe(out(independent, 0));
    const dependent = nat();
    expect(out(dependent, 0, other)).not.toBe(out(dependent, 0));
  });

  it('filters by remote endpoint unless told otherwise', () => {
    const closed = nat({ mapping: 'endpoint-independent' });
    const port = out(closed, 0);
    expect(back(closed, 0, port, { sourcePort: 81 })).toBeUndefined();
    expect(closed.counters.droppedFiltered).toBe(1);
    const open = nat({ mapping: 'endpoint-independent', filtering: 'endpoint-independent' });
    expect(back(open, 0, out(open, 0), { source: '203.0.113.77' })).toBe(`${inside}:1000`);
  });

  it('lets nothing in that nobody asked for', () => {
    const box = nat();
    expect(back(box, 0, 30_000)).toBeUndefined();
    expect(box.counters.droppedUnmapped).toBe(1);
  });

  it('forgets idle connections, those that open or end sooner', () => {
    const box = nat({ idleTimeoutNs: 60 * MINUTE, transitoryTimeoutNs: MINUTE });
    const opening = out(box, 0, { flags: TcpFlag.SYN });
    expect(back(box, 2 * MINUTE, opening)).toBeUndefined();
    const port = out(box, 0, { flags: TcpFlag.SYN });
    expect(back(box, 1, port)).toBeDefined();
    expect(back(box, 50 * MINUTE, port)).toBeDefined();
    out(box, 51 * MINUTE, { flags: TcpFlag.FIN | TcpFlag.ACK });
    expect(back(box, 53 * MINUTE, port)).toBeUndefined();
    expect(box.mappingCount).toBe(0);
  });

  it('gives a connection in progress another port once it has rebound', () => {
    const box = nat();
    const before = out(box, 0);
    box.rebind();
    expect(back(box, 1, before)).toBeUndefined();
    const after = out(box, 2);
    expect(after).not.toBe(before);
    expect(back(box, 3, after)).toBe(`${inside}:1000`);
  });

  it('holds no more mappings than it may', () => {
    const box = nat({ maxMappings: 10 });
    const ports = Array.from({ length: 30 }, (_, i) => out(box, i * SECOND, { sourcePort: 2000 + i }));
    expect(box.mappingCount).toBe(10);
    expect(back(box, 31 * SECOND, ports[29]!)).toBe(`${inside}:2029`);
    expect(back(box, 31 * SECOND, ports[19]!)).toBeUndefined();
    expect(() => nat({ maxMappings: 100, ports: { first: 1, last: 50 } })).toThrow(/cannot hold/);
  });

  it('translates an ICMP error and the packet that it quotes', () => {
    const box = nat();
    const sent = cross(box, 0, new Packet(tcpPacket({ source: inside, destination: server })), 'outward')!;
    const error = icmpError('203.0.113.1', shown, sent.bytes.slice(0, 28));
    const result = cross(box, 1, new Packet(error), 'inward')!;
    const outer = new IpPacket();
    expect(parseIp(result.bytes, 0, result.bytes.length, outer)).toBeUndefined();
    expect(outer.destination.toString()).toBe(inside);
    expect(onesComplementSum(result.bytes, 20, outer.payloadLength)).toBe(0xffff);
    expect(onesComplementSum(result.bytes, 0, 20)).toBe(0xffff);
    const quoted = new IpPacket();
    expect(parseIp(result.bytes, 28, result.bytes.length - 28, quoted, 0xffff)).toBeUndefined();
    expect(quoted.source.toString()).toBe(inside);
    expect(readU16(result.bytes, quoted.payloadOffset)).toBe(1000);
    expect(onesComplementSum(result.bytes, 28, 20)).toBe(0xffff);
  });

  it('drops errors about nothing it knows, fragments and nonsense', () => {
    const box = nat();
    const unknown = icmpError(
      '203.0.113.1',
      shown,
      tcpPacket({ source: shown, destination: server }).slice(0, 28),
    );
    expect(cross(box, 0, new Packet(unknown), 'inward')).toBeUndefined();
    const fragment = tcpPacket({ source: inside, destination: server });
    writeU16(fragment, 6, 0x2000);
    expect(cross(box, 0, new Packet(fragment), 'outward')).toBeUndefined();
    expect(cross(box, 0, new Packet(new Uint8Array(3)), 'outward')).toBeUndefined();
    expect(box.counters).toMatchObject({ droppedOther: 3, translated: 0 });
  });
});

/** "Fragmentation needed" about `quoted`. */
function icmpError(source: string, destination: string, quoted: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(28 + quoted.length);
  emitIpHeader(bytes, 0, {
    source: address(source),
    destination: address(destination),
    protocol: IpProtocol.ICMP,
    payloadLength: 8 + quoted.length,
    hopLimit: 64,
  });
  bytes.set([3, 4, 0, 0, 0, 0, 5, 0], 20);
  bytes.set(quoted, 28);
  writeU16(bytes, 22, ~onesComplementSum(bytes, 20, bytes.length - 20) & 0xffff);
  return bytes;
}
