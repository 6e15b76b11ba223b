/** Quantities as people read them: `12.4 MB`, `48.1 Mbit/s`, `412 ms`. */
import { MICROSECOND, MILLISECOND, SECOND } from './time.js';

function scaled(value: number, step: number, units: readonly string[], digits: number): string {
  let rest = value;
  let index = 0;
  while (rest >= step && index < units.length - 1) {
    rest /= step;
    index++;
  }
  return `${index === 0 ? Math.round(rest) : rest.toFixed(digits)} ${units[index]}`;
}

/** Bytes for a person: `12.4 MB`. */
export function formatSize(bytes: number): string {
  return scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB'], 1);
}

/** Bit/s for a person: `48.1 Mbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'], 1);
}

/** Nanoseconds for a person: `412 ms`, `3.20 s`, `40 us`. */
export function formatDuration(ns: number): string {
  if (ns > 0 && ns < MILLISECOND / 10) return `${(ns / MICROSECOND).toFixed(ns < MICROSECOND ? 1 : 0)} us`;
  if (ns >= SECOND) return `${(ns / SECOND).toFixed(2)} s`;
  const ms = ns / MILLISECOND;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** A share from 0 to 1 for a person: `71 %`. */
export function formatShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A whole number for a person: `1,234,567`. The runtime's own formatter would load the tables of every language first. */
export function formatCount(count: number): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ',');
}
