/**
 * What each uplink carried since the beginning, and how fast it does now, from counters that are looked at now and then; and which metered
 * uplinks have had all that they may have. Pure: counters and times in, figures out.
 */
import type { InterfaceBytes } from '../../linux/index.js';

/** What an uplink carried. */
export interface UplinkUse {
  /** Bytes since the beginning, headers included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Bit/s between the last two looks. */
  readonly sendBps: number;
  readonly receiveBps: number;
  /** Part of all that uplinks sent between the last two looks, 0 to 1. */
  readonly share: number;
}

const nothing: UplinkUse = { sentBytes: 0, receivedBytes: 0, sendBps: 0, receiveBps: 0, share: 0 };
/** Uplinks that are remembered, those among them that are gone: of more, the one that went first is forgotten. */
export const MAX_UPLINKS = 256;

/** What is remembered of one uplink. */
interface Meter {
  /** Counters at the last look. */
  readonly last: InterfaceBytes;
  use: UplinkUse;
}

/** See the module. */
export class UplinkMeter {
  /** Those that were there last stand last. */
  private readonly meters = new Map<string, Meter>();
  private readonly isKept: (name: string) => boolean;
  private lastAtMs: number | undefined = undefined;
  private grown: ReadonlyMap<string, InterfaceBytes> = new Map();

  /** Uplinks that are to be remembered whatever comes, such as those with a cap of their own; few. */
  constructor(isKept: (name: string) => boolean = () => false) {
    this.isKept = isKept;
  }

  /** Takes what the counters of uplinks show at `nowMs`. */
  look(nowMs: number, counters: ReadonlyMap<string, InterfaceBytes>): void {
    const seconds = this.lastAtMs === undefined ? 0 : Math.max(0, nowMs - this.lastAtMs) / 1000;
    this.lastAtMs = nowMs;
    let sentByAll = 0;
    const grown = new Map<string, InterfaceBytes>();
    for (const [name, now] of counters) {
      const meter = this.meters.get(name);
      const grew = meter === undefined ? { sent: 0, received: 0 } : growth(meter.last, now);
      sentByAll += grew.sent;
      grown.set(name, grew);
      this.note(name, now);
    }
    this.grown = grown;
    this.forget(counters);
    for (const [name, meter] of this.meters) {
      const { sent, received } = grown.get(name) ?? { sent: 0, received: 0 };
      meter.use = {
        sentBytes: meter.use.sentBytes + sent,
        receivedBytes: meter.use.receivedBytes + received,
        sendBps: seconds === 0 ? 0 : (sent * 8) / seconds,
        receiveBps: seconds === 0 ? 0 : (received * 8) / seconds,
        share: sentByAll === 0 ? 0 : sent / sentByAll,
      };
    }
  }

  private note(name: string, now: InterfaceBytes): void {
    const use = this.meters.get(name)?.use ?? nothing;
    this.meters.delete(name);
    this.meters.set(name, { last: now, use });
  }

  /** Of too many, those that went first: what is there, or has to be kept, stays. */
  private forget(there: ReadonlyMap<string, InterfaceBytes>): void {
    for (const name of this.meters.keys()) {
      if (this.meters.size <= MAX_UPLINKS) return;
      if (!there.has(name) && !this.isKept(name)) this.meters.delete(name);
    }
  }

  /** Uplinks that are remembered. */
  get size(): number {
    return this.meters.size;
  }

  /** Whether an uplink is remembered. */
  has(name: string): boolean {
    return this.meters.has(name);
  }

  /** Bytes that went over an uplink between the last two looks, both ways together. */
  grownBytes(name: string): number {
    const { sent, received } = this.grown.get(name) ?? { sent: 0, received: 0 };
    return sent + received;
  }

  /** What an uplink carried; nothing where it was never seen, or is forgotten. */
  useOf(name: string): UplinkUse {
    return this.meters.get(name)?.use ?? nothing;
  }

  /** Those of the uplinks with a cap, in bytes both ways, that have reached it. */
  exhausted(caps: ReadonlyMap<string, number>): string[] {
    return [...caps]
      .filter(([name, capBytes]) => {
        const { sentBytes, receivedBytes } = this.useOf(name);
        return sentBytes + receivedBytes >= capBytes;
      })
      .map(([name]) => name);
  }
}

/** What came between two looks; an interface that was made anew counts from 0. */
function growth(before: InterfaceBytes, now: InterfaceBytes): InterfaceBytes {
  const isNew = now.sent < before.sent || now.received < before.received;
  return isNew ? now : { sent: now.sent - before.sent, received: now.received - before.received };
}
