/**
 * A box, or an old server behind one, that does not know Multipath TCP and copies options it does not know from what
 * it got into what it sends. Honda et al. (IMC 2011, §4.2) looked for it in SYN+ACKs; a client that took the echo for
 * an answer would believe in a peer that is not there (RFC 8684 §3.1: the key makes the difference).
 */

import { TcpFlag } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { mptcpPlaces, removeOptions } from './option-removal.js';
import { maxOptionBytes, type OpenedSegment, paddedOptions, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

/** See the module: options do not get past it; the last ones that came are sent back. */
export class OptionEcho extends SegmentBox {
  /** Segments that got an echo. */
  echoed = 0;
  private readonly flows = new FlowTable<{ options: Uint8Array }>();
  private readonly synOnly: boolean;

  /** `scope`: whether options come back in the SYN+ACK only, or in every segment. Default: all. */
  constructor(scope: 'syn' | 'all' = 'all') {
    super('cut');
    this.synOnly = scope === 'syn';
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const { options } = segment;
    const places = mptcpPlaces(options);
    if (direction === 'outward') {
      const unknown = places.flatMap(({ at, length }) => [...options.subarray(at, at + length)]);
      this.flows.set(segment, direction, { options: Uint8Array.from(unknown) });
      out.pass(rewritten(segment, { options: removeOptions(options, places, 'nop') }), direction);
      return;
    }
    const stripped = removeOptions(options, places, 'shorten');
    const isEchoed = !this.synOnly || segment.has(TcpFlag.SYN);
    const echo = isEchoed ? this.flows.find(segment, direction)?.options : undefined;
    out.pass(rewritten(segment, { options: this.withEcho(stripped, echo) }), direction);
  }

  private withEcho(options: Uint8Array, echo: Uint8Array | undefined): Uint8Array {
    if (echo === undefined || echo.length === 0) return options;
    const padded = paddedOptions(echo);
    if (options.length + padded.length > maxOptionBytes) return options;
    this.echoed++;
    const both = new Uint8Array(options.length + padded.length);
    both.set(options);
    both.set(padded, options.length);
    return both;
  }
}
