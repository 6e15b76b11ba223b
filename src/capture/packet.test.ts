import { describe, expect, it } from 'vitest';
import { CapturedPacket, elapsedNs } from './packet.js';

describe('CapturedPacket', () => {
  it('takes the time of a clock in nanoseconds', () => {
    const packet = new CapturedPacket();
    packet.setTime(1_500_000_001, 1_700_000_000);
    expect([packet.seconds, packet.nanoseconds]).toEqual([1_700_000_001, 500_000_001]);
    packet.setTime(999_999_999.9);
    expect([packet.seconds, packet.nanoseconds]).toEqual([0, 999_999_999]);
    packet.setTime(-250_000_000);
    expect([packet.seconds, packet.nanoseconds]).toEqual([-1, 750_000_000]);
  });

  it('copies into bytes of its own', () => {
    const packet = new CapturedPacket();
    const shared = Uint8Array.of(0, 1, 2, 3, 4);
    packet.setBytes(shared, 1, 3);
    packet.comments = ['kept'];
    packet.direction = 'inbound';
    const copy = packet.copy();
    shared.fill(9);
    packet.clear();
    expect([...copy.data()]).toEqual([1, 2, 3]);
    expect([copy.offset, copy.length, copy.originalLength]).toEqual([0, 3, 3]);
    expect([copy.comments, copy.direction]).toEqual([['kept'], 'inbound']);
    expect([...packet.data()]).toEqual([9, 9, 9]);
  });
});

describe('elapsedNs', () => {
  it('is exact between two instants far from 1970', () => {
    const origin = { seconds: 1_795_231_904, nanoseconds: 999_999_999 };
    expect(elapsedNs({ seconds: 1_795_231_905, nanoseconds: 0 }, origin)).toBe(1);
    expect(elapsedNs({ seconds: 1_795_231_904, nanoseconds: 999_999_998 }, origin)).toBe(-1);
    const days = 100 * 86_400;
    expect(elapsedNs({ seconds: origin.seconds + days, nanoseconds: 0 }, origin)).toBe(
      days * 1e9 - 999_999_999,
    );
  });
});
