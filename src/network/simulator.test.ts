import { describe, expect, it } from 'vitest';
import { NEVER, SECOND } from '../base/index.js';
import type { EventItem } from './event-queue.js';
import { Simulator } from './simulator.js';

describe('Simulator', () => {
  it('does what is due in order and sets the clock to each instant', () => {
    const simulator = new Simulator(1);
    const seen: [string, number][] = [];
    simulator.at(20, (now) => seen.push(['b', now]));
    simulator.at(10, (now) => {
      seen.push(['a', now]);
      simulator.after(10, (later) => seen.push(['c', later]));
      simulator.at(3, (late) => seen.push(['past', late]));
    });
    expect(simulator.run()).toBe('idle');
    expect(seen).toEqual([
      ['a', 10],
      ['past', 10],
      ['b', 20],
      ['c', 20],
    ]);
    expect(simulator.now).toBe(20);
    expect(simulator.nextEventAt()).toBe(NEVER);
  });

  it('stops at a deadline with the clock there, and goes on from it', () => {
    const simulator = new Simulator(1);
    const seen: number[] = [];
    for (const at of [1, 2, 3]) simulator.at(at * SECOND, (now) => seen.push(now));
    simulator.runUntil(2 * SECOND);
    expect(seen).toEqual([SECOND, 2 * SECOND]);
    simulator.runUntil(2.5 * SECOND);
    expect(simulator.now).toBe(2.5 * SECOND);
    expect(simulator.nextEventAt()).toBe(3 * SECOND);
  });

  it('wakes an item again at the same instant when it asks for that, after those that were due then already', () => {
    const simulator = new Simulator(1);
    const seen: string[] = [];
    const item: EventItem = {
      dueAt: NEVER,
      dueOrder: 0,
      queueIndex: -1,
      handleDue: (now) => {
        seen.push(`item ${now}`);
        if (seen.length < 4) simulator.schedule(item, now);
        else if (seen.length === 4) simulator.cancel(item);
      },
    };
    simulator.schedule(item, 5);
    simulator.at(5, (now) => seen.push(`other ${now}`));
    expect(simulator.run()).toBe('idle');
    expect(seen).toEqual(['item 5', 'other 5', 'item 5', 'item 5']);
    expect([item.dueAt, item.queueIndex]).toEqual([NEVER, -1]);
  });

  it('ends a run after so many events, and when it is told to', () => {
    const simulator = new Simulator(1);
    const again = (): void => simulator.after(1, again);
    again();
    expect(simulator.run({ maxEvents: 100 })).toBe('event-limit');
    expect(simulator.eventCount).toBe(100);
    simulator.after(0.5, () => simulator.stop());
    expect(simulator.run()).toBe('stopped');
  });

  it('refuses an instant that is not a number', () => {
    expect(() => new Simulator(1).at(Number.NaN, () => undefined)).toThrow(/not a number/);
  });
});
