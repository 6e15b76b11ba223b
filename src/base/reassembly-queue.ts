/**
 * Puts ranges of a stream that arrive in any order, more than once and overlapping, back in order. Bytes are kept as
 * views of what was handed in. Where two ranges overlap the bytes that came first stay (RFC 9293 §3.10.7.4 leaves it
 * open; keeping the first makes a later forgery harmless).
 */

/**
 * One run of bytes that follow each other in the stream, held because something before it is missing. It can grow at
 * either end and take in its neighbour without moving what it holds: a sender of single bytes in the worst of orders
 * must not cost more than one of whole segments.
 */
interface Run {
  start: number;
  end: number;
  /** Pieces that stand before those of `back`, last one first. */
  front: Uint8Array[];
  /** The rest of the pieces, in order. */
  back: Uint8Array[];
}

export class ReassemblyQueue {
  /** Offset of the next byte in order. */
  private nextOffset: number;
  /** Runs beyond `nextOffset`, by offset, neither touching nor overlapping. */
  private runs: Run[] = [];
  private buffered = 0;
  private pieces = 0;

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

  /** Number of views held out of order; each costs its owner memory beyond the bytes it shows. */
  get pieceCount(): number {
    return this.pieces;
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
   * Moves past `length` bytes at `start` if they are next and nothing is held: then the caller has them, in order, and
   * there is nothing to put together. False, and nothing done, otherwise.
   */
  advance(start: number, length: number): boolean {
    if (start !== this.nextOffset || this.runs.length > 0) return false;
    this.nextOffset += length;
    return true;
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
    this.pieces = 0;
    return dropped;
  }

  private deliver(out: Uint8Array[]): void {
    const run = this.runs[0];
    if (run?.start !== this.nextOffset) return;
    for (let i = run.front.length - 1; i >= 0; i--) out.push(run.front[i]!);
    for (const piece of run.back) out.push(piece);
    this.pieces -= run.front.length + run.back.length;
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
      const run: Run = { start, end, front: [], back: [bytes] };
      // Mostly it is the last one: what is ahead of a gap is followed by more of the same.
      if (touched === undefined) this.runs.push(run);
      else this.runs.splice(first, 0, run);
      this.pieces++;
      return bytes.length;
    }
    return this.merge(first, start, bytes);
  }

  /** Fills the gaps before, between and after the run at `first` and those that follow, as far as the bytes reach. */
  private merge(first: number, start: number, bytes: Uint8Array): number {
    const end = start + bytes.length;
    const run = this.runs[first]!;
    let added = 0;
    if (start < run.start) {
      added += run.start - start;
      run.front.push(bytes.subarray(0, run.start - start));
      run.start = start;
      this.pieces++;
    }
    let last = first + 1;
    while (run.end < end) {
      const next = this.runs[last];
      const joins = next !== undefined && next.start <= end;
      const gapEnd = joins ? next.start : end;
      added += gapEnd - run.end;
      run.back.push(
        run.end === start && gapEnd === end ? bytes : bytes.subarray(run.end - start, gapEnd - start),
      );
      run.end = gapEnd;
      this.pieces++;
      if (!joins) break;
      absorb(run, next);
      last++;
    }
    if (last > first + 1) this.runs.splice(first + 1, last - first - 1);
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

/** Adds `next`, which starts where `run` ends, to `run`. The smaller of the two is what moves. */
function absorb(run: Run, next: Run): void {
  run.end = next.end;
  if (run.front.length + run.back.length >= next.front.length + next.back.length) {
    for (let i = next.front.length - 1; i >= 0; i--) run.back.push(next.front[i]!);
    for (const piece of next.back) run.back.push(piece);
    return;
  }
  for (let i = run.back.length - 1; i >= 0; i--) next.front.push(run.back[i]!);
  for (const piece of run.front) next.front.push(piece);
  run.front = next.front;
  run.back = next.back;
}
