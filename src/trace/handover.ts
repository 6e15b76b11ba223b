/**
 * Finds the moments at which a host's data moved from one subflow to another. Data that alternates between subflows is no
 * handover: the old one must send nothing new for a while, or have ended.
 */
import { asDouble } from './double.js';
import { MILLISECOND } from '../base/index.js';
import type { Segment } from './segment.js';

/** How long the old subflow must be silent while data flows on another. */
const SILENCE_NS = 500 * MILLISECOND;
/** The same at the end of the capture. */
const FINAL_SILENCE_NS = 50 * MILLISECOND;
/** Segments on another subflow that show that the data moved when the old one has ended. */
const ENOUGH_SEGMENTS = 16;

/** A handover, times in nanoseconds since the first frame. */
export interface Handover {
  readonly from: number;
  readonly to: number;
  readonly atNs: number;
  readonly gapNs: number;
  /** Of the gap, how long all that was seen had been acknowledged. */
  readonly idleNs: number;
  readonly packet: number;
}

export class HandoverWatch {
  readonly found: Handover[] = [];
  forgotten = 0;
  /** Subflow that carried new data last, and when; -1 before. */
  private carrier = -1;
  private lastNs = asDouble;
  /** The last change of carrier that may become a handover; `from` is -1 without one. */
  private from = -1;
  private to = -1;
  private atNs = asDouble;
  private gapNs = asDouble;
  private idleNs = asDouble;
  /** When all the data was acknowledged last. */
  private settledNs = asDouble;
  private packet = 0;
  /** Segments since then, and whether the old subflow has ended. */
  private segments = 0;
  private hasEnded = false;
  private readonly limit: number;

  constructor(limit: number) {
    this.lastNs = 0;
    this.atNs = 0;
    this.gapNs = 0;
    this.idleNs = 0;
    this.settledNs = -1;
    this.limit = limit;
  }

  /** Subflow `subflow` carries data that none had carried before. */
  carry(subflow: number, segment: Segment): void {
    const { atNs } = segment;
    if (subflow !== this.carrier) this.change(subflow, segment);
    else if (this.from >= 0 && this.isCertain(segment)) this.confirm();
    this.segments++;
    this.lastNs = atNs;
  }

  /** All data that was seen is acknowledged. */
  settle({ atNs }: Segment): void {
    this.settledNs = atNs;
  }

  /** A subflow sends nothing more. */
  end(subflow: number): void {
    if (subflow === this.from) this.hasEnded = true;
  }

  /** The capture is over. */
  finish(): void {
    if (this.from >= 0 && this.lastNs - this.atNs >= FINAL_SILENCE_NS) this.confirm();
  }

  private change(subflow: number, segment: Segment): void {
    const { atNs, packet } = segment;
    if (this.from >= 0 && subflow !== this.from && this.isCertain(segment)) this.confirm();
    if (this.carrier >= 0) {
      // The subflow that had been given up sends again: its data moved nowhere, but the other's may do so now.
      this.from = this.carrier;
      this.to = subflow;
      this.atNs = atNs;
      this.gapNs = atNs - this.lastNs;
      this.idleNs = this.settledNs >= this.lastNs ? atNs - this.settledNs : 0;
      this.packet = packet;
      this.segments = 0;
      this.hasEnded = false;
    }
    this.carrier = subflow;
  }

  private isCertain({ atNs }: Segment): boolean {
    return atNs - this.atNs >= SILENCE_NS || (this.hasEnded && this.segments >= ENOUGH_SEGMENTS);
  }

  private confirm(): void {
    if (this.found.length < this.limit) {
      const { from, to, atNs, gapNs, idleNs, packet } = this;
      this.found.push({ from, to, atNs, gapNs, idleNs, packet });
    } else {
      this.forgotten++;
    }
    this.from = -1;
  }
}
