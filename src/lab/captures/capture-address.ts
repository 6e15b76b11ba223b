/**
 * What somebody looks at in a capture, as text: `connection=0&by=client&from=1.5s&to=2s&packet=120`, what stands in a link
 * to the view. The file is not in it. What makes no sense in a text is as if it were not there.
 */
import type { Sender } from '../../trace/index.js';

/** A part of the capture's time, in nanoseconds since its first frame, bounds included; null where it has no end. */
export interface TimeSpan {
  readonly fromNs: number | null;
  readonly toNs: number | null;
}

export const allTime: TimeSpan = { fromNs: null, toNs: null };

/** What is looked at; undefined where the view chooses. */
export interface CaptureLook {
  readonly connection?: number | undefined;
  readonly sender?: Sender | undefined;
  readonly span: TimeSpan;
  readonly packet?: number | undefined;
  /** Whether plain TCP connections are reported too. */
  readonly includesPlain: boolean;
}

/** Characters that are looked at. */
const MAX_TEXT = 400;

export function readLook(text: string): CaptureLook {
  const fields = new Map<string, string>();
  for (const part of text.slice(0, MAX_TEXT).split('&')) {
    const [name, value = ''] = part.split('=');
    fields.set(name!, value);
  }
  const number = (name: string, least: number): number | undefined => {
    const value = /^\d{1,10}$/.test(fields.get(name) ?? '') ? Number(fields.get(name)) : Number.NaN;
    return value >= least ? value : undefined;
  };
  const by = fields.get('by');
  return {
    connection: number('connection', 0),
    sender: by === 'client' || by === 'server' ? by : undefined,
    span: readSpan(fields.get('from') ?? '', fields.get('to') ?? '') ?? allTime,
    packet: number('packet', 1),
    includesPlain: fields.get('plain') === 'on',
  };
}

export function writeLook({ connection, sender, span, packet, includesPlain }: CaptureLook): string {
  return [
    ...(connection === undefined ? [] : [`connection=${connection}`]),
    ...(sender === undefined ? [] : [`by=${sender}`]),
    ...(span.fromNs === null ? [] : [`from=${writeTime(span.fromNs)}`]),
    ...(span.toNs === null ? [] : [`to=${writeTime(span.toNs)}`]),
    ...(packet === undefined ? [] : [`packet=${packet}`]),
    ...(includesPlain ? ['plain=on'] : []),
  ].join('&');
}

/** A span from two times as people write them; empty for no bound. Undefined when one is none, or it ends before it begins. */
export function readSpan(from: string, to: string): TimeSpan | undefined {
  const [fromNs, toNs] = [readTime(from), readTime(to)];
  if (fromNs === undefined || toNs === undefined) return undefined;
  if (fromNs !== null && toNs !== null && fromNs > toNs) return undefined;
  return { fromNs: fromNs === 0 ? null : fromNs, toNs };
}

const units: Readonly<Record<string, number>> = { us: 1e3, ms: 1e6, s: 1e9 };

/** Nanoseconds; null for none, undefined for what is no time. A number alone is seconds, as the axes have it. */
function readTime(text: string): number | null | undefined {
  const trimmed = text.trim().slice(0, 40);
  if (trimmed === '') return null;
  const match = /^(\d{1,12}(?:\.\d{1,12})?)\s*(us|ms|s)?$/.exec(trimmed);
  return match === null ? undefined : Math.round(Number(match[1]) * units[match[2] ?? 's']!);
}

/** A time as the command line and {@link readSpan} read it, exact to the nanosecond. */
export function writeTime(ns: number): string {
  return `${(ns / 1e9).toFixed(9).replace(/\.?0+$/, '')}s`;
}
