/** What a box remembers of each flow, bounded: the flow that was silent longest is forgotten for a new one. */

import { NEVER, SubflowError } from '../../base/index.js';
import { readU16 } from '../../wire/index.js';
import type { Direction } from '../middlebox.js';
import { endpointKey } from '../packet-edit.js';
import type { OpenedSegment } from './segment.js';

/** Flows that a box remembers unless it was told otherwise. */
export const defaultMaxFlows = 1024;

/** State by flow. A flow is the same in both directions; the host behind the box is named first. */
export class FlowTable<T> {
  private readonly flows = new Map<string, T>();
  private readonly maxFlows: number;

  /** `maxFlows`: 1 or more. Throws ERR_SUBFLOW_ARGUMENT. */
  constructor(maxFlows = defaultMaxFlows) {
    if (!(maxFlows >= 1)) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `a box remembers at least one flow, not ${maxFlows}`);
    }
    this.maxFlows = maxFlows;
  }

  get size(): number {
    return this.flows.size;
  }

  /** The state of every flow, the one silent longest first. */
  values(): Iterable<T> {
    return this.flows.values();
  }

  /** The state of the flow of `segment`, which crosses in `direction`; undefined when there is none. */
  find(segment: OpenedSegment, direction: Direction): T | undefined {
    const key = flowKey(segment, direction);
    const state = this.flows.get(key);
    if (state !== undefined) {
      this.flows.delete(key);
      this.flows.set(key, state);
    }
    return state;
  }

  /** Remembers `state` for the flow of `segment` in place of what there was. */
  set(segment: OpenedSegment, direction: Direction, state: T): T {
    const key = flowKey(segment, direction);
    if (!this.flows.delete(key) && this.flows.size >= this.maxFlows) {
      for (const oldest of this.flows.keys()) {
        this.flows.delete(oldest);
        break;
      }
    }
    this.flows.set(key, state);
    return state;
  }

  /** Forgets the flow of `segment`. */
  delete(segment: OpenedSegment, direction: Direction): void {
    this.flows.delete(flowKey(segment, direction));
  }
}

/** When the first of both directions of all flows is due, in ns; NEVER when none is. */
export function nextDue(flows: FlowTable<Record<Direction, { readonly dueAt: number }>>): number {
  let next = NEVER;
  for (const { inward, outward } of flows.values()) next = Math.min(next, inward.dueAt, outward.dueAt);
  return next;
}

/** The flow of `segment` as text: the end behind the box, then the other one. */
export function flowKey(segment: OpenedSegment, direction: Direction): string {
  const { ip, packet } = segment;
  const { bytes } = packet;
  const from = endpointKey(bytes, ip.family, ip.sourceOffset, readU16(bytes, ip.payloadOffset));
  const to = endpointKey(bytes, ip.family, ip.destinationOffset, readU16(bytes, ip.payloadOffset + 2));
  return direction === 'outward' ? `${from}>${to}` : `${to}>${from}`;
}
