import { describe, expect, it } from 'vitest';
import { UsageError } from './errors.js';
import * as units from './units.js';

describe('quantities on the command line', () => {
  it('reads sizes in powers of 1000 and of 1024', () => {
    expect(units.parseSize('1500')).toBe(1500);
    expect(units.parseSize('24M')).toBe(24e6);
    expect(units.parseSize('64Ki')).toBe(65536);
    expect(units.parseSize('1.5G')).toBe(1.5e9);
    expect(units.parseSize('2kB')).toBe(2000);
  });

  it('reads rates in bit/s and durations in ms unless a unit is given', () => {
    expect(units.parseRate('50M')).toBe(50e6);
    expect(units.parseRate('10Mbit/s')).toBe(10e6);
    expect(units.parseDuration('20')).toBe(20e6);
    expect(units.parseDuration('1.5s')).toBe(1.5e9);
    expect(units.parseDuration('300us')).toBe(3e5);
  });

  it('reads times for timers, which are over at once when they are longer than 24 days', () => {
    expect(units.parseTimer('1.5s')).toBe(1500);
    expect(units.parseTimer('2147483647')).toBe(2_147_483_647);
    expect(units.parseTimer('0', 0)).toBe(0);
    for (const text of ['0', '2147483648', '99999999999999999999', '-1', ''])
      expect(() => units.parseTimer(text)).toThrow(UsageError);
  });

  it('reads shares as percent or fraction', () => {
    expect(units.parseProbability('1%')).toBe(0.01);
    expect(units.parseProbability('0.25')).toBe(0.25);
    expect(units.parseProbability('0')).toBe(0);
  });

  it.each(['', 'fast', '-1', '1e9', '10X', '5 0', '0x10', 'NaN', 'Infinity'])(
    'refuses %j as a size',
    (text) => {
      expect(() => units.parseSize(text)).toThrow(UsageError);
      expect(() => units.parseRate(text)).toThrow(UsageError);
      expect(() => units.parseDuration(text)).toThrow(UsageError);
    },
  );

  it.each(['101%', '1.1', '-0.1', 'x'])('refuses %j as a share', (text) => {
    expect(() => units.parseProbability(text)).toThrow(UsageError);
  });

  it('writes them back for a person', () => {
    expect(units.formatSize(12_400_000)).toBe('12.4 MB');
    expect(units.formatRate(48_100_000)).toBe('48.1 Mbit/s');
    expect(units.formatDuration(412e6)).toBe('412 ms');
    expect(units.formatDuration(3.2e9)).toBe('3.20 s');
    expect(units.formatDuration(1.5e6)).toBe('1.5 ms');
    expect(units.formatDuration(42_300)).toBe('42 us');
    expect(units.formatDuration(0)).toBe('0.0 ms');
    expect(units.formatShare(0.713)).toBe('71 %');
    expect([0, 999, 1000, 1_234_567, -12_345].map(units.formatCount)).toEqual([
      ...['0', '999', '1,000', '1,234,567', '-12,345'],
    ]);
  });
});
