import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { Pacer } from './pacer.js';

describe('a pacer', () => {
  /** Two segments at once, a million bytes a second. */
  const pacing = { rate: 1e6, quantumBytes: 2000 };

  it('lets a quantum leave at once, then nothing for as long as it stands for, and says when to ask again', () => {
    const pacer = new Pacer(pacing);
    const start = SECOND;
    pacer.onSent(start, 1000);
    // What was late is made up for by a millisecond at most.
    expect(pacer.roomBytes(start)).toBe(2000);
    pacer.onSent(start, 1000);
    pacer.onSent(start, 1000);
    expect([pacer.roomBytes(start), pacer.isClosed(start)]).toEqual([0, true]);
    expect(pacer.wakeAt).toBe(start + 2 * MILLISECOND);
    pacer.onTime(start + MILLISECOND);
    expect(pacer.wakeAt).toBe(start + 2 * MILLISECOND);
    pacer.onTime(start + 2 * MILLISECOND);
    expect([pacer.wakeAt, pacer.roomBytes(start + 2 * MILLISECOND)]).toEqual([NEVER, 2000]);
  });

  it('keeps the rate over time, with timers that are late by up to a millisecond', () => {
    const pacer = new Pacer(pacing);
    let now = SECOND;
    let sent = 0;
    for (let i = 0; now < 11 * SECOND; i++) {
      while (pacer.roomBytes(now) > 0) {
        pacer.onSent(now, 1000);
        sent += 1000;
      }
      now = pacer.wakeAt + ((i * 7919) % 1000) * 1000;
      pacer.onTime(now);
    }
    expect(sent / 10).toBeGreaterThan(0.999e6);
    expect(sent / 10).toBeLessThan(1.001e6 + 300);
  });

  it('counts what left without room, and does not save up while nothing leaves', () => {
    const pacer = new Pacer(pacing);
    pacer.onSent(SECOND, 10_000);
    expect(pacer.roomBytes(SECOND + MILLISECOND)).toBe(0);
    expect(pacer.wakeAt).toBe(SECOND + 9 * MILLISECOND);
    let sent = 0;
    while (pacer.roomBytes(5 * SECOND) > 0) {
      pacer.onSent(5 * SECOND, 1000);
      sent += 1000;
    }
    expect(sent).toBeLessThanOrEqual(3000);
  });

  it('is open after a pause, with nothing to wake for', () => {
    const pacer = new Pacer(pacing);
    expect([pacer.isClosed(0), pacer.wakeAt]).toEqual([false, NEVER]);
  });
});
