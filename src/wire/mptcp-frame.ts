/**
 * What all MPTCP options have in common: kind, length, subtype and the four bits beside it. Shared by the modules that
 * read and write single options; not part of the layer's face.
 */
import { SubflowError } from '../base/index.js';
import type { ParseError } from '../base/index.js';
import { parseError } from '../base/index.js';
import { TcpOptionKind } from './tcp-segment.js';

/** Writes the first three bytes of an option. */
export function writeFrame(
  bytes: Uint8Array,
  offset: number,
  length: number,
  subtype: number,
  nibble: number,
): void {
  bytes[offset] = TcpOptionKind.MPTCP;
  bytes[offset + 1] = length;
  bytes[offset + 2] = (subtype << 4) | nibble;
}

/** The error of an option whose length fits no layout of its subtype. */
export function badOptionLength(subtype: string, length: number): ParseError {
  return parseError('bad-length', 1, `${subtype} cannot be ${length} bytes`);
}

/** Throws unless `condition` holds: the caller asked for an option that no bytes can express. */
export function requireOption(condition: boolean, message: string): asserts condition {
  if (!condition) throw new SubflowError('ERR_SUBFLOW_BAD_OPTION', message);
}
