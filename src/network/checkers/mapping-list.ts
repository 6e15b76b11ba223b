/** Which bytes of a flow stand for which bytes of the connection, as the wire has shown it. */

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly data: number;
}

/** Mappings kept for one flow; the oldest goes beyond that, and its bytes are not judged any more. */
const maxMappings = 4096;

/** Mappings of one direction of a flow, oldest first. */
export class MappingList {
  private mappings: Mapping[] = [];

  /** `length` bytes from the offset `start` of the flow stand for those from the data offset `data` on. */
  add(start: number, length: number, data: number): void {
    const last = this.mappings[this.mappings.length - 1];
    if (last !== undefined && last.start === start && last.data === data && last.end === start + length)
      return;
    if (length <= 0) return;
    this.mappings.push({ start, end: start + length, data });
    if (this.mappings.length > maxMappings) this.mappings = this.mappings.slice(maxMappings / 2);
  }

  /** The data offset of the `length` bytes at `start`; -1 when no single mapping covers them. */
  find(start: number, length: number): number {
    for (let i = this.mappings.length - 1; i >= 0; i--) {
      const mapping = this.mappings[i]!;
      if (mapping.start <= start && mapping.end >= start + length)
        return mapping.data + start - mapping.start;
    }
    return -1;
  }

  /** One past the highest data offset that any of the `length` bytes at `start` stand for; -1 for none. */
  reach(start: number, length: number): number {
    let highest = -1;
    for (const mapping of this.mappings) {
      if (mapping.end <= start || mapping.start >= start + length) continue;
      highest = Math.max(highest, mapping.data + Math.min(mapping.end, start + length) - mapping.start);
    }
    return highest;
  }

  /** Forgets old mappings of bytes before `offset`, which will hardly come again. */
  release(offset: number): void {
    if (this.mappings.length < 128) return;
    this.mappings = this.mappings.filter((mapping) => mapping.end > offset);
  }
}
