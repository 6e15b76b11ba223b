import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { Timestamps } from './timestamps.js';

describe('the timestamp clock (RFC 7323 §5.4)', () => {
  it('follows real time, a tick each millisecond, from where its offset says', () => {
    const clock = new Timestamps(1000);
    expect([0, 0.9, 1, 1.5, 250].map((ms) => clock.value(ms * MILLISECOND))).toEqual([
      1000, 1000, 1001, 1001, 1250,
    ]);
  });

  it('goes on through zero, and does not come round for weeks, far longer than a segment lives', () => {
    const clock = new Timestamps(0xffff_ffff);
    expect(clock.value(0)).toBe(0xffff_ffff);
    expect(clock.value(MILLISECOND)).toBe(0);
    const day = 24 * 3600 * SECOND;
    expect(new Timestamps(0).value(49 * day)).toBe(49 * 24 * 3600 * 1000);
    expect(new Timestamps(0).value(50 * day)).toBe(50 * 24 * 3600 * 1000 - 2 ** 32);
  });
});

describe('a timestamp clock with a mark', () => {
  const mark = { bits: 4, value: 5 };

  it('has the mark in every value, and never goes back', () => {
    const clock = new Timestamps(0xffff_fff9, mark);
    let before = clock.value(0);
    for (let ms = 0; ms < 200; ms++) {
      const value = clock.value(ms * MILLISECOND);
      expect(value & 15).toBe(5);
      expect((value - before) | 0).toBeGreaterThanOrEqual(0);
      before = value;
    }
  });

  it('reads an echo as the end of the step that it is of', () => {
    const clock = new Timestamps(1000, mark);
    const sentAt = 100 * MILLISECOND;
    const echo = clock.value(sentAt);
    // 1100 lies in the step from 1088 to 1103, which ends with the tick at 103 ms.
    expect(clock.echoedAt(echo, 500 * MILLISECOND)).toBe(104 * MILLISECOND - 1);
    expect(clock.echoedAt(echo, sentAt)).toBe(sentAt);
  });

  it('takes no echo for its own that has another mark, or was not sent yet', () => {
    const clock = new Timestamps(1000, mark);
    const echo = clock.value(100 * MILLISECOND);
    expect(clock.echoedAt(echo + 1, 500 * MILLISECOND)).toBe(NEVER);
    expect(clock.echoedAt(clock.value(600 * MILLISECOND), 500 * MILLISECOND)).toBe(NEVER);
  });
});
