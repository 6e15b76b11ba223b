/**
 * Moves sequence numbers by a random amount that stays the same for a flow and a direction: what firewalls do that
 * give weak hosts better initial sequence numbers. Honda et al. (IMC 2011, §4.3) saw it on 10 % of paths to port 80.
 * MPTCP's mappings are relative to the subflow's first number for this reason (RFC 8684 §3.3.1). Some of these boxes
 * forget the numbers inside SACK blocks, which then name data that was never sent.
 */

import { type RandomSource, seq32, seqAt } from '../../base/index.js';
import { readU32, TcpFlag, TcpOptionKind, writeU32 } from '../../wire/index.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { optionPlaces, type OpenedSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface SequenceRewritingOptions {
  /** Whether SACK blocks are moved as well. Default true. */
  readonly rewritesSack?: boolean;
}

/** By how much the numbers of each direction are moved. */
interface Shifts {
  readonly outward: number;
  readonly inward: number;
}

/** See the module. */
export class SequenceRewriting extends SegmentBox {
  private readonly random: RandomSource;
  private readonly rewritesSack: boolean;
  private readonly flows = new FlowTable<Shifts>();

  constructor(random: RandomSource, options: SequenceRewritingOptions = {}) {
    super('whole');
    this.random = random;
    this.rewritesSack = options.rewritesSack ?? true;
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const shifts = this.shiftsOf(segment, direction);
    if (shifts === undefined) {
      out.pass(segment.packet, direction);
      return;
    }
    const own = shifts[direction];
    const other = shifts[opposite(direction)];
    const { tcp } = segment;
    out.pass(
      rewritten(segment, {
        seq: seqAt(seq32(tcp.seq), own),
        ack: segment.has(TcpFlag.ACK) ? seqAt(seq32(tcp.ack), -other) : tcp.ack,
        options: this.rewritesSack
          ? movedSack(segment.options, (edge) => seqAt(seq32(edge), -other))
          : segment.options,
      }),
      direction,
    );
  }

  /** A flow that it sees from its SYN is moved; one that began before is left alone. */
  private shiftsOf(segment: OpenedSegment, direction: Direction): Shifts | undefined {
    const known = this.flows.find(segment, direction);
    if (known !== undefined || !segment.has(TcpFlag.SYN)) return known;
    const shifts = { outward: this.random.nextUint32(), inward: this.random.nextUint32() };
    return this.flows.set(segment, direction, shifts);
  }
}

/** `options`, changed in place, with every edge of its SACK blocks replaced by what `move` makes of it. */
export function movedSack(options: Uint8Array, move: (edge: number) => number): Uint8Array {
  for (const { at, kind, length } of optionPlaces(options)) {
    if (kind !== TcpOptionKind.SACK) continue;
    for (let edge = at + 2; edge + 4 <= at + length; edge += 4) {
      writeU32(options, edge, move(readU32(options, edge)));
    }
  }
  return options;
}
