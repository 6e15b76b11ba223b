import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Segment } from './segment.js';
import { defaultTraceLimits } from './settings.js';
import { SubflowDirection } from './subflow-direction.js';

const ACK = 16;

function payload(seq: number, length: number): Segment {
  const segment = new Segment();
  segment.flags = ACK;
  segment.seq = seq | 0;
  segment.payloadLength = length;
  return segment;
}

function acknowledgement(ack: number): Segment {
  const segment = new Segment();
  segment.flags = ACK;
  segment.ack = ack | 0;
  return segment;
}

/** A direction whose SYN had this number. */
function begun(initial: number): SubflowDirection {
  const direction = new SubflowDirection(defaultTraceLimits);
  direction.anchor(initial | 0, true);
  return direction;
}

/** Numbers of SYNs, those among them whose streams wrap round. */
const initials = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0x7fff_fff0, 0xffff_fff0));
const sends = fc.array(fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 60 }) }), {
  maxLength: 60,
});

describe('SubflowDirection', () => {
  it('counts each byte once as unique, and again as retransmitted, wherever the numbers wrap round', () => {
    fc.assert(
      fc.property(initials, sends, (initial, all) => {
        const direction = begun(initial);
        const seen = new Set<number>();
        let bytes = 0;
        let late = 0;
        let highest = 0;
        for (const { at, length } of all) {
          let fresh = 0;
          for (let i = at; i < at + length; i++) {
            if (seen.has(i)) continue;
            seen.add(i);
            fresh++;
            if (i < highest) late++;
          }
          highest = Math.max(highest, at + length);
          bytes += length;
          expect(direction.send(payload(initial + 1 + at, length))).toBe(1 + at);
          expect(direction.freshTail + direction.freshInHoles).toBe(fresh);
          expect(direction.repeated).toBe(length - fresh);
        }
        expect(direction).toMatchObject({ bytes, uniqueBytes: seen.size, lateBytes: late });
        expect(direction.retransmittedBytes).toBe(bytes - seen.size);
        expect(direction.end).toBe(1 + highest);
      }),
    );
  });

  it('misses the bytes that were acknowledged and never seen, and no others', () => {
    fc.assert(
      fc.property(initials, sends, fc.nat(400), (initial, all, acked) => {
        const direction = begun(initial);
        const seen = new Set<number>();
        for (const { at, length } of all) {
          direction.send(payload(initial + 1 + at, length));
          for (let i = at; i < at + length; i++) seen.add(i);
        }
        direction.acknowledge(acknowledgement(initial + 1 + acked));
        const missing = Array.from({ length: acked }, (_, i) => i).filter((i) => !seen.has(i));
        expect(direction.missingBytes).toBe(missing.length);
      }),
    );
  });

  it('keeps apart what is in flight from what was acknowledged, and takes no acknowledgement back', () => {
    const direction = begun(1000);
    direction.send(payload(1001, 500));
    expect(direction.flightBytes).toBe(500);
    expect(direction.acknowledge(acknowledgement(1301))).toBe(300);
    expect(direction.acknowledge(acknowledgement(1201))).toBe(0);
    expect(direction.flightBytes).toBe(200);
  });

  it('takes a number that lies nowhere near for nonsense', () => {
    const direction = begun(1000);
    direction.send(payload(1001, 100));
    direction.send(payload(1001 + 0x7000_0000, 100));
    expect(direction).toMatchObject({ uniqueBytes: 100, strange: 1, end: 101 });
    expect(direction.acknowledge(acknowledgement(0x7000_0000))).toBe(0);
  });
});
