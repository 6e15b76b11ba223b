import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
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
