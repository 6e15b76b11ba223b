/** The frame that is being taken apart: what all layers read from and add to. */
import { FieldList } from './field-list.js';
import type { DissectedLayer, Dissection } from './model.js';

export class Frame {
  readonly bytes: Uint8Array;
  private readonly layers: DissectedLayer[] = [];
  /** What lies behind the packet. */
  private trailer: DissectedLayer | null = null;
  private problem: string | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** A list for the fields of a layer that ends at `end`, or where the frame does. */
  list(end: number): FieldList {
    return new FieldList(this.bytes, end);
  }

  /** Adds a layer of which some bytes are there. */
  add(name: string, summary: string, offset: number, list: FieldList): void {
    const length = list.end - offset;
    if (length > 0) this.layers.push({ name, summary, offset, length, fields: list.fields });
  }

  /** Adds a layer that is to come last, of which some bytes are there. */
  addLast(name: string, summary: string, offset: number, list: FieldList): void {
    this.trailer = { name, summary, offset, length: list.end - offset, fields: list.fields };
  }

  /** Keeps what hinders reading on; the first counts. */
  hinder(problem: string): void {
    this.problem ??= problem;
  }

  finish(): Dissection {
    const { layers, trailer, problem } = this;
    return { layers: trailer === null ? layers : [...layers, trailer], problem };
  }
}
