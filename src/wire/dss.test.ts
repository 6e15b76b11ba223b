import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dssChecksum, dssHeaderSum, verifyDssChecksum } from './dss-checksum.js';
import { DssFields, dssLength, emitDss, parseDss } from './dss.js';
import { foldChecksum, onesComplementSum } from './checksum.js';
import { writeU16, writeU32 } from './bytes.js';

const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0x8000_0000, 0xffff_ffff));
const u16 = fc.nat(0xffff);

/** Fields in which a number that is not carried is 0, as after a parse. */
const fields = fc
  .record({
    dataFin: fc.boolean(),
    hasAck: fc.boolean(),
    ack64: fc.boolean(),
    ackHi: u32,
    ackLo: u32,
    hasMapping: fc.boolean(),
    seq64: fc.boolean(),
    seqHi: u32,
    seqLo: u32,
    subflowSeq: u32,
    dataLength: u16,
    hasChecksum: fc.boolean(),
    checksum: u16,
  })
  .map((all): DssFields => {
    const ack64 = all.hasAck && all.ack64;
    const seq64 = all.hasMapping && all.seq64;
    const hasChecksum = all.hasMapping && all.hasChecksum;
    return Object.assign(new DssFields(), {
      dataFin: all.dataFin,
      hasAck: all.hasAck,
      ack64,
      ackHi: ack64 ? all.ackHi : 0,
      ackLo: all.hasAck ? all.ackLo : 0,
      hasMapping: all.hasMapping,
      seq64,
      seqHi: seq64 ? all.seqHi : 0,
      seqLo: all.hasMapping ? all.seqLo : 0,
      subflowSeq: all.hasMapping ? all.subflowSeq : 0,
      dataLength: all.hasMapping ? all.dataLength : 0,
      hasChecksum,
      checksum: hasChecksum ? all.checksum : 0,
    });
  });

describe('the DSS', () => {
  it('is read back as it was written, into fields that held another', () => {
    fc.assert(
      fc.property(fields, fields, fc.nat(3), (written, before, offset) => {
        const bytes = new Uint8Array(36).fill(0xee);
        const length = emitDss(written, bytes, offset);
        expect(length).toBe(dssLength(written));
        expect(bytes[offset + length]).toBe(0xee);
        const into = Object.assign(new DssFields(), before);
        expect(parseDss(bytes, offset, length, into)).toBeUndefined();
        expect(into).toEqual(written);
      }),
    );
  });

  it('has no other length than its flags allow', () => {
    const bytes = new Uint8Array(40);
    bytes.set([30, 0, 0x20, 0]);
    const lengths = (flags: number): number[] => {
      bytes[3] = flags;
      const accepted: number[] = [];
      for (let length = 0; length <= 40; length++) {
        if (parseDss(bytes, 0, length, new DssFields()) === undefined) accepted.push(length);
      }
      return accepted;
    };
    expect(lengths(0x00)).toEqual([4]);
    expect(lengths(0x01)).toEqual([8]);
    expect(lengths(0x03)).toEqual([12]);
    expect(lengths(0x04)).toEqual([14, 16]);
    expect(lengths(0x0c)).toEqual([18, 20]);
    expect(lengths(0x1f)).toEqual([26, 28]);
    // The size bits mean nothing without the field they size.
    expect(lengths(0x0a)).toEqual([4]);
  });

  it('writes reserved bits as zero', () => {
    fc.assert(
      fc.property(fields, (written) => {
        const bytes = new Uint8Array(36).fill(0xee);
        emitDss(written, bytes, 0);
        expect([bytes[2], bytes[3]! & 0xe0]).toEqual([0x20, 0]);
      }),
    );
  });

  it('ignores reserved bits', () => {
    const into = new DssFields();
    expect(parseDss(Uint8Array.from([30, 8, 0x2f, 0xe1, 0, 0, 0, 9]), 0, 8, into)).toBeUndefined();
    expect(into).toMatchObject({ hasAck: true, ackLo: 9, dataFin: false, hasMapping: false });
  });
});

describe('the DSS checksum', () => {
  it('is the Internet checksum over pseudo-header and bytes', () => {
    fc.assert(
      fc.property(u32, u32, u32, fc.uint8Array({ maxLength: 100 }), (hi, lo, subflowSeq, data) => {
        const whole = new Uint8Array(16 + data.length);
        writeU32(whole, 0, hi);
        writeU32(whole, 4, lo);
        writeU32(whole, 8, subflowSeq);
        writeU16(whole, 12, data.length);
        whole.set(data, 16);
        const expected = foldChecksum(onesComplementSum(whole, 0, whole.length));
        const checksum = dssChecksum({ hi, lo }, subflowSeq, data.length, [data]);
        expect(checksum % 0xffff).toBe(expected % 0xffff);
        expect(verifyDssChecksum({ hi, lo }, subflowSeq, data.length, [data], checksum)).toBe(true);
        expect(dssHeaderSum(hi, lo, subflowSeq, data.length)).toBeLessThanOrEqual(0xffff);
      }),
    );
  });

  it('finds a changed byte', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 50 }),
        fc.nat(),
        fc.integer({ min: 1, max: 254 }),
        (data, at, change) => {
          const seq = { hi: 7, lo: 8 };
          const checksum = dssChecksum(seq, 1, data.length, [data]);
          const altered = data.slice();
          altered[at % data.length]! ^= change;
          expect(verifyDssChecksum(seq, 1, data.length, [altered], checksum)).toBe(false);
        },
      ),
    );
  });
});
