/**
 * Merges two segments that continue each other into one and keeps the options of one of them only: what proxies and
 * traffic normalisers do that see a stream of bytes (Hesmans et al. 2013, §4.3: with a mapping per segment the second
 * mapping is lost). So that the result fits the path, it lowers the segment size that both ends announce to less than
 * half. Unlike a network card (see offload.ts) it does not care whether the options are the same.
 */

import { NEVER, seq32, seqAt, MILLISECOND } from '../../base/index.js';
import { readU16, TcpFlag, TcpOptionKind, writeU16 } from '../../wire/index.js';
import type { Packet } from '../device.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { flowKey } from './flow-table.js';
import { OpenedSegment, optionPlaces, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface CoalescingOptions {
  /** Whose options the merged segment has. */
  readonly keeps: 'first' | 'last';
  /** How long a segment waits for the next one, in ns. Default 1 ms. */
  readonly holdNs?: number;
  /** Most segments that wait at once; more are let go early. Default 1024. */
  readonly maxHeld?: number;
}

/** Bytes of options that a data segment may have, kept free when the segment size is halved. */
const optionRoomBytes = 40;

/** A segment that waits for the one behind it. */
interface HeldSegment {
  readonly packet: Packet;
  readonly direction: Direction;
  readonly dueAt: number;
}

/** With one of these a segment is not merged with the next. */
const endsRun = TcpFlag.SYN | TcpFlag.RST | TcpFlag.FIN | TcpFlag.URG;

/** See the module. */
export class Coalescing extends SegmentBox {
  /** Pairs of segments that became one. */
  merged = 0;
  private readonly keepsFirst: boolean;
  private readonly holdNs: number;
  private readonly maxHeld: number;
  /** By flow and direction, in the order in which they came. */
  private readonly held = new Map<string, HeldSegment>();
  private readonly first = new OpenedSegment();

  constructor(options: CoalescingOptions) {
    super('cut');
    this.keepsFirst = options.keeps === 'first';
    this.holdNs = options.holdNs ?? MILLISECOND;
    this.maxHeld = options.maxHeld ?? 1024;
  }

  override pollTimeout(): number {
    for (const { dueAt } of this.held.values()) return dueAt;
    return NEVER;
  }

  override handleTimeout(now: number, out: MiddleboxOutput): void {
    for (const [key, { direction, dueAt, packet }] of this.held) {
      if (dueAt > now) return;
      this.held.delete(key);
      out.pass(packet, direction);
    }
  }

  protected handleSegment(
    now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    if (segment.has(TcpFlag.SYN)) {
      out.pass(rewritten(segment, { options: halvedSegmentSize(segment.options) }), direction);
      return;
    }
    const key = `${direction} ${flowKey(segment, direction)}`;
    const waiting = this.held.get(key);
    if (waiting !== undefined) {
      this.held.delete(key);
      if (this.continues(waiting.packet, segment)) {
        this.merged++;
        out.pass(this.merge(segment), direction);
        return;
      }
      out.pass(waiting.packet, direction);
    }
    if (segment.tcp.payloadLength === 0 || segment.has(endsRun)) {
      out.pass(segment.packet, direction);
      return;
    }
    if (this.held.size >= this.maxHeld) this.handleTimeout(this.pollTimeout(), out);
    this.held.set(key, { packet: segment.packet, direction, dueAt: now + this.holdNs });
  }

  /** Whether `segment` carries the bytes behind those of `packet`, which stays open in `first`. */
  private continues(packet: Packet, segment: OpenedSegment): boolean {
    const { first } = this;
    if (!first.open(packet) || segment.tcp.payloadLength === 0 || segment.has(TcpFlag.RST | TcpFlag.URG))
      return false;
    return seqAt(seq32(first.tcp.seq), first.tcp.payloadLength) === seq32(segment.tcp.seq);
  }

  private merge(second: OpenedSegment): Packet {
    const { first } = this;
    const payload = new Uint8Array(first.tcp.payloadLength + second.tcp.payloadLength);
    payload.set(first.payload);
    payload.set(second.payload, first.tcp.payloadLength);
    return rewritten(first, {
      ack: second.tcp.ack,
      flags: first.tcp.flags | second.tcp.flags,
      window: second.tcp.window,
      options: this.keepsFirst ? first.options : second.options,
      payload,
    });
  }
}

/** `options`, changed in place: a segment size so small that two segments with options fit where one did. */
function halvedSegmentSize(options: Uint8Array): Uint8Array {
  for (const { at, kind, length } of optionPlaces(options)) {
    if (kind !== TcpOptionKind.MSS || length !== 4) continue;
    writeU16(options, at + 2, Math.max(88, (readU16(options, at + 2) >> 1) - optionRoomBytes));
  }
  return options;
}
