/**
 * Removes options from the segments that a rule names: what firewalls that "normalise" TCP, and many mobile and
 * enterprise boxes, do with options they do not know. Honda et al. (IMC 2011, §4.2) saw options removed from SYNs on
 * 4 to 14 % of paths to well-known ports; Hesmans et al. (2013, §4) list removal from SYN, from SYN+ACK and from data.
 */

import { MptcpSubtype, TcpFlag, TcpOptionKind } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OptionPlace, optionPlaces, type OpenedSegment, paddedOptions, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

/** What takes the place of an option that is removed. */
export type Replacement =
  /** NOPs: the header keeps its length. */
  | 'nop'
  /** The end of the list, with zeros behind: options that stood further back are lost too. */
  | 'eol'
  /** Nothing: the header becomes shorter. */
  | 'shorten';

/** Which segments a rule looks at. */
export type RemovalScope = 'all' | 'syn' | 'syn-ack' | 'not-syn' | 'data' | 'later';

export interface OptionRemovalRule {
  /** `syn`: without ACK; `syn-ack`; `not-syn`: all others; `data`: with payload; `later`: see `afterBytes`. */
  readonly scope: RemovalScope;
  /** Number of the TCP option. Default: 30, MPTCP. */
  readonly kind?: number;
  /** For MPTCP: the subtypes removed. Default: all. */
  readonly subtypes?: readonly number[];
  /** Default: both directions. */
  readonly direction?: Direction;
  /** Default: nop. */
  readonly replacement?: Replacement;
  /** With scope `later`: the payload bytes of a flow that pass before the rule holds, as after a change of route. */
  readonly afterBytes?: number;
}

/** See the module. */
export class OptionRemoval extends SegmentBox {
  /** Options removed so far. */
  removed = 0;
  private readonly rule: Required<Omit<OptionRemovalRule, 'subtypes' | 'direction'>> &
    Pick<OptionRemovalRule, 'subtypes' | 'direction'>;
  /** Payload bytes seen of each flow; used with scope `later` only. */
  private readonly flows = new FlowTable<{ bytes: number }>();

  constructor(rule: OptionRemovalRule) {
    super('whole');
    this.rule = { kind: TcpOptionKind.MPTCP, replacement: 'nop', afterBytes: 0, ...rule };
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const places = this.isInScope(segment, direction) ? this.placesToRemove(segment) : [];
    if (places.length === 0) {
      out.pass(segment.packet, direction);
      return;
    }
    this.removed += places.length;
    const options = removeOptions(segment.options, places, this.rule.replacement);
    out.pass(rewritten(segment, { options }), direction);
  }

  private isInScope(segment: OpenedSegment, direction: Direction): boolean {
    const { rule } = this;
    if (rule.direction !== undefined && rule.direction !== direction) return false;
    const isSyn = segment.has(TcpFlag.SYN);
    switch (rule.scope) {
      case 'all':
        return true;
      case 'syn':
        return isSyn && !segment.has(TcpFlag.ACK);
      case 'syn-ack':
        return isSyn && segment.has(TcpFlag.ACK);
      case 'not-syn':
        return !isSyn;
      case 'data':
        return !isSyn && segment.tcp.payloadLength > 0;
      case 'later':
        return this.isLate(segment, direction);
    }
  }

  private isLate(segment: OpenedSegment, direction: Direction): boolean {
    const flow = this.flows.find(segment, direction) ?? this.flows.set(segment, direction, { bytes: 0 });
    flow.bytes += segment.tcp.payloadLength;
    return flow.bytes > this.rule.afterBytes;
  }

  private placesToRemove(segment: OpenedSegment): OptionPlace[] {
    const { kind, subtypes } = this.rule;
    const { options } = segment;
    return optionPlaces(options).filter((place) => {
      if (place.kind !== kind) return false;
      if (kind !== TcpOptionKind.MPTCP || subtypes === undefined) return true;
      return place.length >= 3 && subtypes.includes(options[place.at + 2]! >>> 4);
    });
  }
}

/** The rules that many boxes are known for, by what they remove. */
export const removalRules = {
  capableFromSyn: { scope: 'syn', subtypes: [MptcpSubtype.MP_CAPABLE] },
  capableFromSynAck: { scope: 'syn-ack', subtypes: [MptcpSubtype.MP_CAPABLE] },
  everything: { scope: 'all' },
  afterHandshake: { scope: 'not-syn' },
  dssFromData: { scope: 'data', subtypes: [MptcpSubtype.DSS, MptcpSubtype.MP_CAPABLE] },
  addAddr: { scope: 'all', subtypes: [MptcpSubtype.ADD_ADDR] },
  joinFromSyn: { scope: 'syn', subtypes: [MptcpSubtype.MP_JOIN] },
} as const satisfies Record<string, OptionRemovalRule>;

/** Where the MPTCP options stand. */
export function mptcpPlaces(options: Uint8Array): OptionPlace[] {
  return optionPlaces(options).filter(({ kind }) => kind === TcpOptionKind.MPTCP);
}

/** `options` without what stands at `places`; a multiple of four bytes. */
export function removeOptions(
  options: Uint8Array,
  places: readonly OptionPlace[],
  replacement: Replacement,
): Uint8Array {
  if (replacement === 'nop') {
    for (const { at, length } of places) options.fill(TcpOptionKind.NOP, at, at + length);
    return options;
  }
  if (replacement === 'eol') {
    // The end of the list says that padding follows: what stood behind is not read any more (RFC 9293 §3.2).
    for (const { at, length } of places) options.fill(TcpOptionKind.END, at, at + length);
    return options;
  }
  const kept: number[] = [];
  for (const place of optionPlaces(options)) {
    if (place.kind === TcpOptionKind.NOP || places.some(({ at }) => at === place.at)) continue;
    kept.push(...options.subarray(place.at, place.at + place.length));
  }
  return paddedOptions(Uint8Array.from(kept));
}
