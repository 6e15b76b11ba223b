/**
 * Puts ranges of a stream that arrive in any order, more than once and overlapping, back in order. Bytes are kept as
 * views of what was handed in. Where two ranges overlap the bytes that came first stay (RFC 9293 §3.10.7.4 leaves it
 * open; keeping the first makes a later forgery harmless).
 */

/** One run of bytes that follow each other in the stream, held because something before it is missing. */
interface Run {
  start: number;
  end: number;
  pieces: Uint8Array[];
}

export class ReassemblyQueue {
  /** Offset of the next byte in order. */
  private nextOffset: number;
  /** Runs beyond `nextOffset`, by offset, neither touching nor overlapping. */
  private runs: Run[] = [];
  private buffered = 0;

  constructor(origin = 0) {
    this.nextOffset = origin;
  }

  /** Offset of the first byte not yet delivered in order. */
  get next(): number {
    return this.nextOffset;
  }

  /** Bytes held out of order. */
  get bufferedBytes(): number {
    return this.buffered;
  }

  /** Number of separate runs held out of order. */
  get runCount(): number {
    return this.runs.length;
  }

  /** The `index`-th run held, lowest offset first. */
  runAt(index: number): { readonly start: number; readonly end: number } | undefined {
    return this.runs[index];
  }

  /** One past the highest offset held or delivered. */
  get highest(): number {
    return this.runs.length === 0 ? this.nextOffset : this.runs[this.runs.length - 1]!.end;
  }

  /**
   * Takes the bytes at `start`. Those that are now in order are appended to `out`, without copies, and `next` moves
   * past them. Returns how many bytes were new.
   */
  insert(start: number, bytes: Uint8Array, out: Uint8Array[]): number {
    let from = start;
    let piece = bytes;
    if (from < this.nextOffset) {
      const stale = this.nextOffset - from;
      if (stale >= piece.length) return 0;
      piece = piece.subarray(stale);
      from = this.nextOffset;
    }
    if (this.runs.length === 0 && from === this.nextOffset) {
      if (piece.length > 0) out.push(piece);
      this.nextOffset += piece.length;
      return piece.length;
    }
    const added = this.store(from, piece);
    this.buffered += added;
    this.deliver(out);
    return added;
  }

  /** Drops everything held out of order; what was delivered stays delivered. Returns the bytes let go. */
  discard(): number {
    const dropped = this.buffered;
    this.runs = [];
    this.buffered = 0;
    return dropped;
  }

  private deliver(out: Uint8Array[]): void {
    const run = this.runs[0];
    if (run?.start !== this.nextOffset) return;
    for (const piece of run.pieces) out.push(piece);
    this.nextOffset = run.end;
    this.buffered -= run.end - run.start;
    this.runs.shift();
  }

  /** Merges the bytes into the runs; returns how many were new. */
  private store(start: number, bytes: Uint8Array): number {
    const end = start + bytes.length;
    if (bytes.length === 0) return 0;
    const first = this.firstTouching(start);
    const touched = this.runs[first];
    if (touched === undefined || touched.start > end) {
      this.runs.splice(first, 0, { start, end, pieces: [bytes] });
      return bytes.length;
    }
    if (touched.end === start && (this.runs[first + 1]?.start ?? Infinity) > end) {
      // The common case under loss: the next segment after the newest one held.
      touched.pieces.push(bytes);
      touched.end = end;
      return bytes.length;
    }
    return this.merge(first, start, bytes);
  }

  /** Merges into the run at `first` and those after it that the bytes touch. */
  private merge(first: number, start: number, bytes: Uint8Array): number {
    const end = start + bytes.length;
    const merged: Run = { start: Math.min(start, this.runs[first]!.start), end: start, pieces: [] };
    let added = 0;
    let at = start;
    let last = first;
    for (; last < this.runs.length && this.runs[last]!.start <= end; last++) {
      const run = this.runs[last]!;
      if (run.start > at) {
        merged.pieces.push(bytes.subarray(at - start, run.start - start));
        added += run.start - at;
      }
      for (const piece of run.pieces) merged.pieces.push(piece);
      at = Math.max(at, run.end);
    }
    if (at < end) {
      merged.pieces.push(bytes.subarray(at - start));
      added += end - at;
      at = end;
    }
    merged.end = at;
    this.runs.splice(first, last - first, merged);
    return added;
  }

  /** Index of the first run that ends at or after `offset`. */
  private firstTouching(offset: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.runs[middle]!.end < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
