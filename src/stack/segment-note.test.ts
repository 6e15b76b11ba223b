import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seq32 } from '../base/index.js';
import { OutgoingSegment } from '../tcp/index.js';
import { DssFields, IpAddress, IpPacket, parseDss, parseIp, parseTcp, TcpSegment } from '../wire/index.js';
import { InterfaceTable } from './interface-table.js';
import { PacketWriter } from './packet-writer.js';
import { TransmitBuffer } from './transmit-buffer.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });

const dssFields = fc.record({
  ...{ dataFin: fc.boolean(), hasAck: fc.boolean(), ack64: fc.boolean(), ackHi: u32, ackLo: u32 },
  ...{ hasMapping: fc.boolean(), seq64: fc.boolean(), seqHi: u32, seqLo: u32, subflowSeq: u32 },
  ...{ dataLength: u16, hasChecksum: fc.boolean(), checksum: u16 },
});

const plainSegments = fc.record({
  ...{ seq: u32, ack: u32, flags: fc.constantFrom(0x10, 0x11, 0x18, 0x19), window: u16 },
  ...{ hasTimestamps: fc.boolean(), tsVal: u32, tsEcr: u32, dss: fc.option(dssFields) },
  ...{ pieceBytes: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }), recordOffset: fc.nat(40) },
});

function segmentOf(fields: typeof plainSegments extends fc.Arbitrary<infer F> ? F : never): OutgoingSegment {
  const out = new OutgoingSegment();
  out.seq = seq32(fields.seq);
  out.ack = seq32(fields.ack);
  out.flags = fields.flags;
  out.window = fields.window;
  out.hasTimestamps = fields.hasTimestamps;
  if (fields.hasTimestamps) [out.tsVal, out.tsEcr] = [fields.tsVal, fields.tsEcr];
  if (fields.dss !== null) Object.assign(out.dss, fields.dss);
  out.hasDss = fields.dss !== null;
  let count = 0;
  const pieces = fields.pieceBytes.map((length) => Uint8Array.from({ length }, () => (count++ * 37) & 0xff));
  out.recordOffset = Math.min(fields.recordOffset, Math.max(0, count - 1));
  out.payloadLength = count - out.recordOffset;
  if (count > 0) out.record = { start: 1, length: count, pieces };
  return out;
}

const addresses = {
  4: [IpAddress.parse('192.0.2.1')!, IpAddress.parse('198.51.100.7')!],
  6: [IpAddress.parse('2001:db8::1')!, IpAddress.parse('2001:db8::99')!],
} as const;

/** A packet with `segment`, as a buffer that takes notes or does not. */
function writtenBy(
  segment: OutgoingSegment,
  family: 4 | 6,
  offload: boolean,
  takesNotes: boolean,
): TransmitBuffer {
  const device = new InterfaceTable().add({
    ...{ name: 'a', mtu: 1500, addresses: [] },
    capabilities: { checksumOffload: offload, maxOffloadBytes: 0 },
  });
  const out = new TransmitBuffer(new Uint8Array(2000));
  out.takesNotes = takesNotes;
  const [local, remote] = addresses[family];
  new PacketWriter(61).write(out, device, local!, remote!, (4711 << 16) | 80, segment, false);
  return out;
}

describe('a note of a segment', () => {
  it('gives the bytes that the packet would have had', () => {
    fc.assert(
      fc.property(plainSegments, fc.constantFrom(4, 6), fc.boolean(), (fields, family, offload) => {
        const noted = writtenBy(segmentOf(fields), family, offload, true);
        const direct = writtenBy(segmentOf(fields), family, offload, false);
        expect(direct.note).toBe(undefined);
        const bytes = new Uint8Array(noted.length);
        new PacketWriter(1).writeNote(noted.note!, bytes, 0);
        expect(Buffer.compare(bytes, direct.packet)).toBe(0);
        const places = [
          'length',
          'segmentSize',
          'checksumStart',
          'tcpHeaderLength',
          'ipHeaderLength',
        ] as const;
        expect(places.map((place) => noted[place])).toEqual(places.map((place) => direct[place]));
      }),
    );
  });

  it('reads like the bytes of the packet', () => {
    fc.assert(
      fc.property(plainSegments, fc.constantFrom(4, 6), (fields, family) => {
        const { note } = writtenBy(segmentOf(fields), family, true, true);
        const { packet } = writtenBy(segmentOf(fields), family, true, false);
        const [ip, parsed, noted] = [new IpPacket(), new TcpSegment(), new TcpSegment()];
        parseIp(packet, 0, packet.length, ip);
        parseTcp(packet, ip.payloadOffset, ip.payloadLength, parsed);
        note!.read(noted, new DssFields());
        const says = ({ seq, ack, flags, window, ...more }: TcpSegment): readonly unknown[] => {
          const { hasTimestamps, tsVal, tsEcr, mptcpCount, sourcePort, destinationPort, payloadLength } =
            more;
          return [
            seq,
            ack,
            flags,
            window,
            hasTimestamps,
            tsVal,
            tsEcr,
            mptcpCount,
            sourcePort,
            destinationPort,
            payloadLength,
          ];
        };
        expect(says(noted)).toEqual(says(parsed));
        expect(noted.payload(noted.payloadLength)).toEqual(parsed.payload(parsed.payloadLength));
        if (parsed.mptcpCount === 0) return;
        const dss = new DssFields();
        parseDss(packet, parsed.mptcpOffsets[0]!, parsed.mptcpLengths[0]!, dss);
        expect(meaning(noted.dss!)).toEqual(meaning(dss));
      }),
    );
  });

  it('is not made of a segment with a SYN, a RST or options of another kind', () => {
    const syn = new OutgoingSegment();
    syn.flags = 2;
    expect(writtenBy(syn, 4, true, true).note).toBe(undefined);
    const sack = new OutgoingSegment();
    sack.flags = 0x10;
    sack.sackCount = 1;
    expect(writtenBy(sack, 4, true, true).note).toBe(undefined);
    const other = new OutgoingSegment();
    other.flags = 0x10;
    other.extensionLength = 4;
    expect(writtenBy(other, 4, true, true).note).toBe(undefined);
  });
});

/** What a DSS says: numbers of parts that it does not have say nothing. */
function meaning(dss: DssFields): readonly unknown[] {
  const ack = dss.hasAck ? [dss.ack64, dss.ack64 ? dss.ackHi : 0, dss.ackLo] : [];
  if (!dss.hasMapping) return [ack, dss.hasMapping, dss.dataFin];
  const { seq64, seqLo, subflowSeq, dataLength, hasChecksum } = dss;
  const seq = [seq64, seq64 ? dss.seqHi : 0, seqLo, subflowSeq, dataLength];
  return [ack, dss.dataFin, seq, hasChecksum, hasChecksum ? dss.checksum : 0];
}
