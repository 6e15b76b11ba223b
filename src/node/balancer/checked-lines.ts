/**
 * Lines of JSON with a checksum each: `CRC32 JSON`, the checksum as eight digits, over the JSON's bytes. A writer that was stopped at any
 * byte leaves whole lines and perhaps a torn one at the end, which a reader tells from the others.
 */
import { crc32 } from 'node:zlib';

const CHECKSUM_BYTES = 8;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** A value as a line, with its newline. */
export function checkedLine(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.of(NEWLINE)]);
}

/** What a file of such lines holds. */
export interface CheckedLines {
  /** Values of the lines up to the first that is not whole. */
  readonly values: readonly unknown[];
  /** Bytes of those lines. */
  readonly goodBytes: number;
  /**
   * What follows them: nothing, one torn line at the end, or a damaged line that others follow or that has a whole line's end, which no
   * writer that was stopped leaves behind.
   */
  readonly rest: 'none' | 'torn' | 'damaged';
}

/** Reads lines. Never throws. */
export function readCheckedLines(bytes: Buffer): CheckedLines {
  const values: unknown[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) return { values, goodBytes: at, rest: 'torn' };
    const line = readLine(bytes.subarray(at, end));
    if (line === undefined) return { values, goodBytes: at, rest: 'damaged' };
    values.push(line.value);
    at = end + 1;
  }
  return { values, goodBytes: at, rest: 'none' };
}

function readLine(line: Buffer): { readonly value: unknown } | undefined {
  if (line.length <= CHECKSUM_BYTES || line[CHECKSUM_BYTES] !== SPACE) return undefined;
  const json = line.subarray(CHECKSUM_BYTES + 1);
  if (line.toString('latin1', 0, CHECKSUM_BYTES) !== checksum(json)) return undefined;
  try {
    return { value: JSON.parse(json.toString()) as unknown };
  } catch {
    return undefined;
  }
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(CHECKSUM_BYTES, '0');
}
