import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countingBytes, readTcpPacket, tcpPacket } from '../../test/simulation/packets.js';
import { foldSum, pseudoHeaderSum, readU16, TcpFlag } from '../wire/index.js';
import { Packet } from './device.js';
import { segmentPacket } from './gso.js';
import { PacketSlab } from './packet-slab.js';

const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };
const allFlags = TcpFlag.ACK | TcpFlag.PSH | TcpFlag.FIN | TcpFlag.CWR | TcpFlag.ECE;

function cut(bytes: Uint8Array, segmentSize: number, needsChecksum = false): Packet[] {
  const out: Packet[] = [];
  const parts = segmentPacket(new Packet(bytes, segmentSize, needsChecksum), new PacketSlab(4096), out);
  expect(out).toHaveLength(parts);
  return out;
}

describe('segmentPacket', () => {
  it('gives parts that carry the payload and the options, each with right lengths and checksums', () => {
    fc.assert(
      fc.property(
        fc.nat(3000),
        fc.integer({ min: 40, max: 1500 }),
        fc.nat(10),
        fc.boolean(),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (payloadBytes, segmentSize, optionWords, isV6, seq) => {
          const payload = countingBytes(payloadBytes, seq);
          const options = countingBytes(optionWords * 4, 2);
          const bytes = tcpPacket({ ...(isV6 && v6), payload, options, seq, identification: 0xffff });
          const parts = cut(bytes, segmentSize).map((part) => readTcpPacket(part.bytes));
          expect(parts).toHaveLength(Math.max(1, Math.ceil(payloadBytes / segmentSize)));
          let at = 0;
          parts.forEach((part, index) => {
            expect(part.checksumsRight).toBe(true);
            expect(part.ip.totalLength).toBe(part.ip.bytes.length);
            expect(part.tcp.seq).toBe((seq + at) >>> 0);
            expect(part.tcp.headerLength).toBe(20 + options.length);
            if (!isV6) expect(part.ip.identification).toBe((0xffff + index) & 0xffff);
            expect(Buffer.compare(part.payload, payload.subarray(at, at + part.payload.length))).toBe(0);
            expect(
              Buffer.compare(part.ip.bytes.subarray(part.tcp.offset + 20, part.tcp.payloadOffset), options),
            ).toBe(0);
            at += part.payload.length;
          });
          expect(at).toBe(payloadBytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves FIN and PSH to the last part and CWR to the first', () => {
    const parts = cut(tcpPacket({ payload: countingBytes(250), flags: allFlags }), 100);
    const flags = parts.map((part) => readTcpPacket(part.bytes).tcp.flags);
    const { ACK, ECE, CWR, PSH, FIN } = TcpFlag;
    expect(flags).toEqual([ACK | ECE | CWR, ACK | ECE, ACK | ECE | PSH | FIN]);
  });

  it('leaves the checksum of parts to the device when that of the whole was left to it', () => {
    const parts = cut(tcpPacket({ payload: countingBytes(250) }), 100, true);
    for (const part of parts) {
      const { ip } = readTcpPacket(part.bytes);
      expect(part.needsChecksum).toBe(true);
      const pseudo = pseudoHeaderSum(ip.source, ip.destination, 6, ip.payloadLength);
      expect(readU16(part.bytes, ip.payloadOffset + 16)).toBe(foldSum(pseudo));
    }
  });

  it('hands on what needs no cut and refuses what is no TCP packet', () => {
    const small = new Packet(tcpPacket({ payload: countingBytes(10) }), 0);
    const out: Packet[] = [];
    expect(segmentPacket(small, new PacketSlab(64), out, 100)).toBe(1);
    expect(out[0]).toBe(small);
    expect(cut(new Uint8Array(100), 10)).toEqual([]);
    const cutShort = tcpPacket({ payload: countingBytes(10) });
    cutShort[32] = 0xf0;
    expect(cut(cutShort.subarray(0, 50), 10)).toEqual([]);
  });
});
