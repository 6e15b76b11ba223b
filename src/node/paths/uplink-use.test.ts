import { describe, expect, it } from 'vitest';
import { MAX_UPLINKS, UplinkMeter } from './uplink-use.js';

const counters = (...list: [string, number, number][]) =>
  new Map(list.map(([name, sent, received]) => [name, { sent, received }]));

describe('the meter of uplinks', () => {
  it('counts from the first look on, and tells rates and shares between the last two', () => {
    const meter = new UplinkMeter();
    meter.look(1000, counters(['a', 5000, 700], ['b', 1, 1]));
    expect(meter.useOf('a')).toEqual({ sentBytes: 0, receivedBytes: 0, sendBps: 0, receiveBps: 0, share: 0 });
    meter.look(3000, counters(['a', 8000, 950], ['b', 1001, 1]));
    expect(meter.useOf('a')).toEqual({
      ...{ sentBytes: 3000, receivedBytes: 250, sendBps: 12_000, receiveBps: 1000, share: 0.75 },
    });
    expect(meter.useOf('b').share).toBe(0.25);
  });

  it('keeps what an uplink that went carried, and counts on when its interface comes back anew', () => {
    const meter = new UplinkMeter();
    meter.look(0, counters(['a', 0, 0]));
    meter.look(1000, counters(['a', 100, 10]));
    meter.look(2000, counters());
    expect(meter.useOf('a')).toEqual({
      ...{ sentBytes: 100, receivedBytes: 10, sendBps: 0, receiveBps: 0, share: 0 },
    });
    meter.look(3000, counters(['a', 40, 4]));
    expect(meter.useOf('a')).toMatchObject({ sentBytes: 140, receivedBytes: 14 });
  });

  it('names metered uplinks whose cap is reached, in both directions together, and those that may carry nothing', () => {
    const meter = new UplinkMeter();
    const caps = new Map([
      ['a', 100],
      ['b', 101],
      ['c', 0],
    ]);
    meter.look(0, counters(['a', 0, 0], ['b', 0, 0]));
    expect(meter.exhausted(caps)).toEqual(['c']);
    meter.look(1000, counters(['a', 60, 40], ['b', 60, 40]));
    expect(meter.exhausted(caps)).toEqual(['a', 'c']);
  });

  it('meters an uplink that comes after many others went, and forgets the one that went first', () => {
    const meter = new UplinkMeter();
    for (let i = 0; i < 1000; i++) meter.look(i, counters(['eth0', i, 0], [`ppp${i}`, 10, 0]));
    expect(meter.size).toBe(MAX_UPLINKS);
    expect(meter.useOf('eth0').sentBytes).toBe(999);
    meter.look(1000, counters(['eth0', 999, 0], ['ppp999', 17, 0]));
    expect(meter.useOf('ppp999').sentBytes).toBe(7);
    expect([meter.has('ppp0'), meter.has('ppp998')]).toEqual([false, true]);
  });

  it('keeps what an uplink with a cap carried, however many others came and went since', () => {
    const meter = new UplinkMeter((name) => name === 'wwan0');
    meter.look(0, counters(['wwan0', 0, 0]));
    meter.look(1, counters(['wwan0', 100, 0]));
    for (let i = 0; i < 1000; i++) meter.look(2 + i, counters([`ppp${i}`, 10, 0]));
    expect(meter.size).toBe(MAX_UPLINKS);
    expect(meter.exhausted(new Map([['wwan0', 100]]))).toEqual(['wwan0']);
  });
});
