/**
 * Mappings of one subflow's stream to data, as received: kept until their bytes have come and gone. Mappings may come
 * with their bytes, before them, again, or after them; they may be longer or shorter than the segment (RFC 8684 §3.3.1).
 * Knows nothing of what the data is for.
 */

import { Deque } from '../base/index.js';

/** One mapping, valid until its last byte was delivered. */
export interface Mapping {
  /** Subflow offset of its first byte. */
  readonly start: number;
  /** Payload bytes mapped, a DATA_FIN not counted. */
  readonly length: number;
  /** Data offset of its first byte. */
  readonly dataStart: number;
  /** Whether a DATA_FIN follows the last byte: the checksum counts it in the length. */
  readonly dataFin: boolean;
  /** Checksum as it stood in the option; -1 for none. */
  readonly checksum: number;
  /** Bytes that wait for the rest so that the checksum can be verified; undefined while there are none. */
  held: Uint8Array[] | undefined;
  /** Sum of the lengths in `held`. */
  heldBytes: number;
}

/** Bytes of the subflow's stream that no mapping covers yet. */
export interface UnmappedRun {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** What became of a mapping that was declared. */
export type DeclareResult = 'added' | 'known' | 'conflict' | 'full';

export class MappingTable {
  /** Bytes held until a mapping covers them, by offset. */
  readonly unmapped: UnmappedRun[] = [];
  /** Sum of the lengths in `unmapped`. */
  unmappedBytes = 0;
  /** Mappings by start; they do not overlap. */
  private readonly mappings = new Deque<Mapping>();
  /** The mapping declared last, held or not: most segments repeat it. */
  private recent: Mapping | undefined = undefined;

  /** Number of mappings held. */
  get size(): number {
    return this.mappings.length;
  }

  /** Whether the mapping declared last said the same: then there is nothing to declare. */
  isRepetition(start: number, length: number, dataStart: number, checksum: number): boolean {
    const recent = this.recent;
    return (
      recent !== undefined &&
      recent.start === start &&
      recent.length === length &&
      recent.dataStart === dataStart &&
      recent.checksum === checksum
    );
  }

  /** The mapping that covers subflow offset `at`. */
  find(at: number): Mapping | undefined {
    // Nearly always the oldest one: the stream is read in order.
    const first = this.mappings.at(0);
    if (first === undefined || at < first.start) return undefined;
    if (at < first.start + first.length) return first;
    const mapping = this.mappings.at(this.lastStartingBy(at))!;
    return at < mapping.start + mapping.length ? mapping : undefined;
  }

  /** Start of the first mapping after subflow offset `at`; Infinity when there is none. */
  nextStart(at: number): number {
    return this.mappings.at(this.lastStartingBy(at) + 1)?.start ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Adds a mapping. The same one again is `known`. One that says something else about bytes that an earlier one maps
   * is a `conflict`, but a part of it that continues an earlier one without a checksum is taken.
   */
  declare(mapping: Mapping, limit: number): DeclareResult {
    this.recent = mapping;
    const count = this.mappings.length;
    const last = this.mappings.at(count - 1);
    if (last === undefined || mapping.start >= last.start + last.length) {
      if (count >= limit) return 'full';
      this.mappings.push(mapping);
      return 'added';
    }
    return this.insert(mapping, limit);
  }

  /** Forgets the mappings that end at or before subflow offset `delivered`. */
  release(delivered: number): void {
    const { mappings } = this;
    for (let first = mappings.at(0); first !== undefined; first = mappings.at(0)) {
      if (first.start + first.length > delivered) return;
      mappings.shift();
    }
  }

  /** Takes out the runs that wait for a mapping, if `mapping` covers any of them. */
  takeUnmapped(mapping: Mapping): UnmappedRun[] {
    const end = mapping.start + mapping.length;
    const isCovered = this.unmapped.some(
      ({ start, bytes }) => start < end && start + bytes.length > mapping.start,
    );
    if (!isCovered) return [];
    this.unmappedBytes = 0;
    return this.unmapped.splice(0);
  }

  /** Takes out everything that waits, for a mapping or for the rest of one, in the order of the stream. */
  takeWaiting(): UnmappedRun[] {
    const runs = this.unmapped.splice(0);
    this.unmappedBytes = 0;
    for (let i = 0; i < this.mappings.length; i++) {
      const mapping = this.mappings.at(i)!;
      let start = mapping.start;
      for (const bytes of mapping.held ?? []) {
        runs.push({ start, bytes });
        start += bytes.length;
      }
      mapping.held = undefined;
      mapping.heldBytes = 0;
    }
    return runs.sort((a, b) => a.start - b.start);
  }

  /** Places a mapping among those held. */
  private insert(mapping: Mapping, limit: number): DeclareResult {
    const before = this.lastStartingBy(mapping.start);
    const end = mapping.start + mapping.length;
    let from = mapping.start;
    for (let i = Math.max(before, 0); i < this.mappings.length; i++) {
      const held = this.mappings.at(i)!;
      if (held.start >= end) break;
      if (held.start + held.length <= mapping.start) continue;
      if (isSame(held, mapping)) return 'known';
      const agrees = held.dataStart - held.start === mapping.dataStart - mapping.start;
      if (!agrees || held.checksum >= 0 || mapping.checksum >= 0 || held.start > from) return 'conflict';
      from = held.start + held.length;
    }
    if (from >= end) return 'known';
    if (this.mappings.length >= limit) return 'full';
    const rest = from === mapping.start ? mapping : tail(mapping, from);
    this.mappings.insert(this.lastStartingBy(from) + 1, rest);
    return 'added';
  }

  /** Index of the last mapping that starts at or before `at`; -1 when all start after it. */
  private lastStartingBy(at: number): number {
    let low = -1;
    let high = this.mappings.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.mappings.at(middle)!.start <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * Whether both say the same of the same bytes. Linux adds the DATA_FIN to a mapping whose first segments have left: the
 * length then counts one more, and the checksum, which covers the length, changes with it (RFC 8684 §3.3.3). The bytes
 * are judged by the one that came first.
 */
function isSame(a: Mapping, b: Mapping): boolean {
  const isSameRange = a.start === b.start && a.length === b.length && a.dataStart === b.dataStart;
  return isSameRange && (a.checksum === b.checksum || a.dataFin !== b.dataFin);
}

/** The part of `mapping` from subflow offset `from` on. */
function tail(mapping: Mapping, from: number): Mapping {
  const skipped = from - mapping.start;
  return {
    ...mapping,
    start: from,
    length: mapping.length - skipped,
    dataStart: mapping.dataStart + skipped,
    held: undefined,
    heldBytes: 0,
  };
}
