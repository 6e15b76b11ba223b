import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countingBytes,
  readTcpPacket,
  tcpPacket,
  type TcpPacketFields,
} from '../../test/simulation/packets.js';
import { TcpFlag } from '../wire/index.js';
import { Packet } from './device.js';
import { coalescePackets } from './gro.js';
import { segmentPacket } from './gso.js';
import { PacketSlab } from './packet-slab.js';

const slab = new PacketSlab(1 << 16);
const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };

function coalesce(packets: readonly Packet[]): Packet[] {
  const out: Packet[] = [];
  coalescePackets(packets, slab, out);
  return out;
}

/** A segment with `length` bytes at `seq`. */
function segment(seq: number, length: number, fields: Partial<TcpPacketFields> = {}): Packet {
  return new Packet(tcpPacket({ seq, payload: countingBytes(length, seq), ...fields }));
}

function sizes(packets: readonly Packet[]): number[] {
  return packets.map(({ bytes }) => readTcpPacket(bytes).payload.length);
}

describe('coalescePackets', () => {
  it('undoes segmentation, whatever the packet was', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 100, max: 1460 }),
        fc.nat(10),
        fc.boolean(),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (payloadBytes, segmentSize, optionWords, isV6, seq) => {
          const options = countingBytes(optionWords * 4, 2);
          const flags = TcpFlag.ACK | TcpFlag.PSH;
          const whole = tcpPacket({
            ...(isV6 && v6),
            seq,
            flags,
            options,
            payload: countingBytes(payloadBytes, seq),
          });
          const parts: Packet[] = [];
          segmentPacket(new Packet(whole.slice(), segmentSize), slab, parts);
          const [merged, ...others] = coalesce(parts);
          expect(others).toEqual([]);
          if (parts.length === 1) {
            expect(merged).toBe(parts[0]);
            return;
          }
          expect(merged).toMatchObject({ segmentSize, needsChecksum: true });
          // All is as it was but for the checksum, which is now the device's business.
          const found = merged!.bytes.slice();
          const checksumAt = isV6 ? 56 : 36;
          found.set(whole.subarray(checksumAt, checksumAt + 2), checksumAt);
          expect(Buffer.compare(found, whole)).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps the order of what it merges and what it does not', () => {
    const packets = [
      segment(1, 100),
      segment(101, 100),
      segment(900, 100),
      segment(201, 100),
      segment(301, 100),
    ];
    const seen = coalesce(packets).map(({ bytes }) => readTcpPacket(bytes));
    expect(seen.map(({ tcp, payload }) => [tcp.seq, payload.length])).toEqual([
      [1, 200],
      [900, 100],
      [201, 200],
    ]);
  });

  it('ends a super-segment with a shorter part, with PSH and with FIN', () => {
    expect(sizes(coalesce([segment(1, 100), segment(101, 50), segment(151, 50)]))).toEqual([150, 50]);
    expect(sizes(coalesce([segment(1, 100), segment(101, 101)]))).toEqual([100, 101]);
    for (const flag of [TcpFlag.PSH, TcpFlag.FIN]) {
      const flags = TcpFlag.ACK | flag;
      const merged = coalesce([segment(1, 100), segment(101, 100, { flags }), segment(201, 100)]);
      expect(sizes(merged)).toEqual([200, 100]);
      expect(readTcpPacket(merged[0]!.bytes).tcp.flags).toBe(flags);
    }
  });

  it('merges nothing that differs in more than its place', () => {
    const different: Partial<TcpPacketFields>[] = [
      { source: '10.0.0.9' },
      { sourcePort: 1001 },
      { destinationPort: 81 },
      { ack: 100 },
      { window: 1001 },
      { hopLimit: 63 },
      { dontFragment: false },
      { flags: TcpFlag.ACK | TcpFlag.ECE },
      { flags: TcpFlag.ACK | TcpFlag.SYN },
      { flags: TcpFlag.ACK | TcpFlag.RST },
      { options: countingBytes(4, 1) },
      v6,
    ];
    for (const fields of different) {
      expect(sizes(coalesce([segment(1, 100), segment(101, 100, fields)])), JSON.stringify(fields)).toEqual([
        100, 100,
      ]);
    }
  });

  it('merges nothing that is damaged, a piece of something, empty or no TCP', () => {
    const damaged = segment(101, 100);
    damaged.bytes[100]! ^= 1;
    const header = segment(101, 100);
    header.bytes[10]! ^= 1;
    const padded = new Packet(Uint8Array.from([...segment(101, 100).bytes, 0]));
    const others = [
      damaged,
      header,
      padded,
      segment(101, 0),
      new Packet(new Uint8Array(50)),
      new Packet(new Uint8Array(0)),
    ];
    for (const other of others) expect(coalesce([segment(1, 100), other])).toHaveLength(2);
    for (const other of others) expect(coalesce([other, segment(201, 100)])).toHaveLength(2);
  });

  it('makes no packet longer than an IP packet can be', () => {
    const packets = Array.from({ length: 60 }, (_, i) => segment(1 + i * 1400, 1400));
    const merged = coalesce(packets);
    expect(merged.every(({ bytes }) => bytes.length <= 65_535)).toBe(true);
    expect(merged).toHaveLength(2);
  });
});
