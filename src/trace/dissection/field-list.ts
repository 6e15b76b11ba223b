/**
 * Collects the fields of one layer. A field that the frame has not whole is left out: so a header that was cut gives what is
 * there, and nothing is ever read beyond the end.
 */
import { formatCount } from '../../base/index.js';
import { readU16, readU32 } from '../../wire/index.js';
import type { DissectedField } from './model.js';

/** What a field is there for, and where that is laid down. */
export interface Explanation {
  readonly meaning: string;
  readonly source: string;
}

/** The bits of a field that others share the bytes with. */
interface Bits {
  readonly mask: number;
  readonly value: (bits: number) => string;
}

export class FieldList {
  readonly fields: DissectedField[] = [];
  readonly bytes: Uint8Array;
  /** Where the bytes end that may be read. */
  readonly end: number;

  constructor(bytes: Uint8Array, end: number) {
    this.bytes = bytes;
    this.end = Math.min(end, bytes.length);
  }

  /** Whether these bytes are there. */
  has(offset: number, length: number): boolean {
    return offset >= 0 && offset + length <= this.end;
  }

  /** Adds a field, unless its bytes are not all there. `value` is only called if they are. */
  add(
    name: string,
    offset: number,
    length: number,
    value: () => string,
    about?: Explanation,
    fields?: readonly DissectedField[],
  ): void {
    if (!this.has(offset, length)) return;
    const parts = fields === undefined || fields.length === 0 ? {} : { fields };
    this.fields.push({ name, value: value(), offset, length, ...about, ...parts });
  }

  /** A whole number of 1, 2 or 4 bytes; `words` says more about it. */
  number(
    name: string,
    offset: number,
    length: 1 | 2 | 4,
    about?: Explanation,
    words: (value: number) => string = String,
  ): void {
    this.add(name, offset, length, () => words(readWord(this.bytes, offset, length)), about);
  }

  /** Bytes as they stand there. */
  hex(name: string, offset: number, length: number, about?: Explanation): void {
    this.add(name, offset, length, () => hexText(this.bytes, offset, length), about);
  }

  /** Some bits of a number of 1, 2 or 4 bytes, moved down to the lowest. */
  bits(name: string, offset: number, length: 1 | 2 | 4, { mask, value }: Bits, about?: Explanation): void {
    if (!this.has(offset, length)) return;
    const bits = (readWord(this.bytes, offset, length) & mask) >>> shiftOf(mask);
    this.fields.push({ name, value: value(bits), offset, length, mask, ...about });
  }

  /** Fields of a list of their own within the same bytes. */
  nested(fill: (list: FieldList) => void): readonly DissectedField[] {
    const list = new FieldList(this.bytes, this.end);
    fill(list);
    return list.fields;
  }
}

/** How far the lowest bit of a mask stands from the right. */
function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

function readWord(bytes: Uint8Array, offset: number, length: 1 | 2 | 4): number {
  if (length === 1) return bytes[offset]!;
  return length === 2 ? readU16(bytes, offset) : readU32(bytes, offset);
}

/** Most bytes that {@link hexText} spells out. */
const mostHexBytes = 32;

/** `0x` and digits; of long strings the beginning. */
export function hexText(bytes: Uint8Array, offset: number, length: number): string {
  const shown = bytes.subarray(offset, offset + Math.min(length, mostHexBytes));
  const digits = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `0x${digits}${length > mostHexBytes ? '…' : ''}`;
}

/** A number in hexadecimal digits, `digits` of them. */
export function hexNumber(value: number | bigint, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** `set` or `not set`. */
export function setOrNot(bit: number): string {
  return bit === 0 ? 'not set' : 'set';
}

/** `1 byte`, `1,400 bytes`. */
export function bytesText(count: number): string {
  return count === 1 ? '1 byte' : `${formatCount(count)} bytes`;
}
