import { describe, expect, it } from 'vitest';
import { UplinkMeter } from './uplink-use.js';

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
});
