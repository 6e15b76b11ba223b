/**
 * The packets of one connection as rows of a list: columns of numbers, filled in one reading of the capture, so that any part
 * of the list is there at once. A connection with more packets than are kept is kept around one of them.
 */
import type { Observation, Sender } from '../../trace/index.js';

/** Rows that are kept: 31 bytes each. */
export const MAX_ROWS = 2 ** 19;
const FIRST_ROWS = 1024;

/** A packet as the list shows it; the numbers are those of `Observation`. */
export interface PacketRow {
  readonly packet: number;
  readonly atNs: number;
  readonly subflow: number;
  readonly sender: Sender;
  /** Bits of the TCP flags byte. */
  readonly flags: number;
  /** Data-level position of its first byte; -1 without. */
  readonly dataOffset: number;
  readonly payloadLength: number;
  /** MPTCP options, a bit for each subtype. */
  readonly optionBits: number;
}

export interface PacketRowsOptions {
  /** Nanoseconds since the first frame, bounds included. */
  readonly fromNs?: number;
  readonly toNs?: number;
  /** The packet that the rows are about, where not all can be kept. Default: the first. */
  readonly around?: number;
  readonly maxRows?: number;
}

export class PacketRows {
  private readonly fromNs: number;
  private readonly toNs: number;
  private readonly around: number;
  private readonly maxRows: number;
  private room = FIRST_ROWS;
  private used = 0;
  private before = 0;
  private behind = 0;
  private packets = new Uint32Array(FIRST_ROWS);
  private times = new Float64Array(FIRST_ROWS);
  private offsets = new Float64Array(FIRST_ROWS);
  private lengths = new Uint32Array(FIRST_ROWS);
  private options = new Uint16Array(FIRST_ROWS);
  /** The subflow, and in the lowest bit whether the server sent it. */
  private places = new Uint32Array(FIRST_ROWS);
  private flags = new Uint8Array(FIRST_ROWS);
  private shown: Uint32Array | undefined = undefined;
  private hidden: readonly number[] = [];

  constructor(options: PacketRowsOptions = {}) {
    const { fromNs = 0, toNs = Number.POSITIVE_INFINITY, around = 1, maxRows = MAX_ROWS } = options;
    this.fromNs = fromNs;
    this.toNs = toNs;
    this.around = around;
    this.maxRows = maxRows;
  }

  /** Rows that were dropped before the first that is kept, and behind the last. */
  get omitted(): { readonly before: number; readonly behind: number } {
    return { before: this.before, behind: this.behind };
  }

  /** Takes in a packet of the connection. */
  take(o: Observation): void {
    if (o.atNs < this.fromNs || o.atNs > this.toNs) return;
    if (this.used === this.maxRows && !this.makeRoom(o.packet)) {
      this.behind++;
      return;
    }
    if (this.used === this.room) this.grow();
    const at = this.used++;
    this.packets[at] = o.packet;
    this.times[at] = o.atNs;
    this.offsets[at] = o.dataOffset;
    this.lengths[at] = o.payloadLength;
    this.options[at] = o.optionBits;
    this.places[at] = Math.max(0, o.subflow) * 2 + (o.sender === 'server' ? 1 : 0);
    this.flags[at] = o.flags;
  }

  /** Hides the packets of these subflows; positions below count without them. */
  hide(subflows: readonly number[]): void {
    this.hidden = subflows;
    this.shown = undefined;
  }

  /** Rows that are shown. */
  get count(): number {
    return this.hidden.length === 0 ? this.used : this.chosen().length;
  }

  /** The rows from position `from` on, `count` at most. */
  rows(from: number, count: number): readonly PacketRow[] {
    const start = Math.min(Math.max(0, Math.trunc(from) || 0), this.count);
    const end = Math.min(start + Math.max(0, Math.trunc(count) || 0), this.count);
    return Array.from({ length: end - start }, (_, index) => this.row(this.placeOf(start + index)));
  }

  /** Position of the last row that is shown and no later than a packet: of its own row, if that is shown; -1 for none. */
  positionOf(packet: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.packets[this.placeOf(middle)]! <= packet) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The row of a packet, hidden or not; undefined when it is none of the connection's, or was not kept. */
  find(packet: number): PacketRow | undefined {
    let low = 0;
    let high = this.used;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.packets[middle]! < packet) low = middle + 1;
      else high = middle;
    }
    return low < this.used && this.packets[low] === packet ? this.row(low) : undefined;
  }

  private row(at: number): PacketRow {
    const place = this.places[at]!;
    return {
      packet: this.packets[at]!,
      atNs: this.times[at]!,
      subflow: place >>> 1,
      sender: (place & 1) === 1 ? 'server' : 'client',
      flags: this.flags[at]!,
      dataOffset: this.offsets[at]!,
      payloadLength: this.lengths[at]!,
      optionBits: this.options[at]!,
    };
  }

  private placeOf(position: number): number {
    return this.hidden.length === 0 ? position : this.chosen()[position]!;
  }

  /** Places of the rows that are shown. */
  private chosen(): Uint32Array {
    if (this.shown !== undefined) return this.shown;
    const hidden = new Set(this.hidden);
    const places = new Uint32Array(this.used);
    let count = 0;
    for (let at = 0; at < this.used; at++) if (!hidden.has(this.places[at]! >>> 1)) places[count++] = at;
    return (this.shown = places.subarray(0, count));
  }

  /** Drops the earlier half, unless the packet that all is about is in it or before it. */
  private makeRoom(packet: number): boolean {
    const half = this.maxRows >>> 1;
    if (half === 0 || this.packets[half]! > this.around || packet > this.around + this.maxRows) return false;
    for (const column of this.columns()) column.copyWithin(0, half, this.used);
    this.before += half;
    this.used -= half;
    return true;
  }

  private columns(): (Uint8Array | Uint16Array | Uint32Array | Float64Array)[] {
    return [this.packets, this.times, this.offsets, this.lengths, this.options, this.places, this.flags];
  }

  private grow(): void {
    this.room = Math.min(2 * this.room, this.maxRows);
    const larger = <Column extends { set(of: Column): void }>(column: Column, made: Column): Column => {
      made.set(column);
      return made;
    };
    const { room } = this;
    this.packets = larger(this.packets, new Uint32Array(room));
    this.times = larger(this.times, new Float64Array(room));
    this.offsets = larger(this.offsets, new Float64Array(room));
    this.lengths = larger(this.lengths, new Uint32Array(room));
    this.options = larger(this.options, new Uint16Array(room));
    this.places = larger(this.places, new Uint32Array(room));
    this.flags = larger(this.flags, new Uint8Array(room));
  }
}
