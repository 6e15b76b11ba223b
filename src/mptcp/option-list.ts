/** Finds and reads the MPTCP options of one segment, for everything but the hot path. Judges nothing. */
import { parseMptcpOption } from '../wire/index.js';
import type { MpCapable, MpJoin, MptcpOption, TcpSegment } from '../wire/index.js';

/** The `index`-th MPTCP option of `segment`; undefined when it is malformed. */
export function optionAt(segment: TcpSegment, index: number): MptcpOption | undefined {
  const result = parseMptcpOption(segment.bytes, segment.mptcpOffsets[index]!, segment.mptcpLengths[index]!);
  return result.ok ? result.value : undefined;
}

/** The first MP_CAPABLE of `segment`. */
export function findCapable(segment: TcpSegment): MpCapable | undefined {
  for (let i = 0; i < segment.mptcpCount; i++) {
    const option = optionAt(segment, i);
    if (option?.subtype === 'MP_CAPABLE') return option;
  }
  return undefined;
}

/** The first MP_JOIN of `segment`. */
export function findJoin(segment: TcpSegment): MpJoin | undefined {
  for (let i = 0; i < segment.mptcpCount; i++) {
    const option = optionAt(segment, i);
    if (option?.subtype === 'MP_JOIN') return option;
  }
  return undefined;
}
