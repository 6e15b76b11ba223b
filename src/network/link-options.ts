/** What one direction of a link does to packets, and what happened to them. */

import { SubflowError } from '../base/index.js';
import { type LossModel, noLoss, requireProbability } from './loss-model.js';

/** How much may wait at the head of a link: bytes, or the time in ns that they take to leave. */
export type QueueLimit = { readonly bytes: number } | { readonly ns: number };

/** The properties of one direction of a link; all of them may change while packets are on their way. */
export interface LinkOptions {
  /** Bits per second, more than 0; Infinity takes no time. Only the bytes of IP packets count. */
  readonly rateBps: number;
  /** Propagation delay in ns, 0 or more. */
  readonly delayNs: number;
  /** Each packet takes up to this many ns longer, drawn evenly. Packets stay in order, as behind a busy radio. */
  readonly jitterNs: number;
  /** What the medium loses, after a packet has taken its time on the link. */
  readonly loss: LossModel;
  /** Probability that a packet is held back by up to `reorderNs` and overtaken by those behind it. */
  readonly reorderProbability: number;
  /** Longest time in ns that a packet is held back. */
  readonly reorderNs: number;
  /** Probability that a packet arrives twice. */
  readonly duplicateProbability: number;
  /** Probability that one bit of a packet is flipped. */
  readonly corruptProbability: number;
  /** What may wait; more is dropped at the tail. A packet that finds the link idle is always taken. */
  readonly queue: QueueLimit;
  /**
   * How long in ns the receiving end may hold a packet, to hand it over together with those behind it, merged into
   * super-segments where they continue each other: what network cards do under load. 0 hands over each by itself.
   */
  readonly coalesceNs: number;
  /** Largest IP packet carried, in bytes. Larger ones vanish, super-segments are cut. */
  readonly mtu: number;
  /** Largest super-segment in bytes, headers counted, that is carried whole; 0 cuts them all into single packets. */
  readonly maxSuperSegmentBytes: number;
}

/** A link without limits or faults: infinitely fast, MTU 1500, 1000 full packets of room. */
export const defaultLinkOptions: LinkOptions = {
  rateBps: Number.POSITIVE_INFINITY,
  delayNs: 0,
  jitterNs: 0,
  loss: noLoss,
  reorderProbability: 0,
  reorderNs: 0,
  duplicateProbability: 0,
  corruptProbability: 0,
  queue: { bytes: 1_500_000 },
  coalesceNs: 0,
  mtu: 1500,
  maxSuperSegmentBytes: 0,
};

/** Throws ERR_SUBFLOW_ARGUMENT for a value outside its range. */
export function checkLinkOptions(options: LinkOptions): void {
  requirePositive('rateBps', options.rateBps);
  requireDuration('delayNs', options.delayNs);
  requireDuration('jitterNs', options.jitterNs);
  requireDuration('reorderNs', options.reorderNs);
  requireDuration('coalesceNs', options.coalesceNs);
  requireProbability(options.reorderProbability);
  requireProbability(options.duplicateProbability);
  requireProbability(options.corruptProbability);
  if ('ns' in options.queue) requirePositive('queue.ns', options.queue.ns);
  else requirePositive('queue.bytes', options.queue.bytes);
  if (!(options.mtu >= 68 && options.mtu <= 65_535)) {
    throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `an MTU lies from 68 to 65535, not at ${options.mtu}`);
  }
}

function requirePositive(name: string, value: number): void {
  if (!(value > 0)) throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `${name} is more than 0, not ${value}`);
}

function requireDuration(name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new SubflowError(
      'ERR_SUBFLOW_ARGUMENT',
      `${name} is a finite number of ns from 0 up, not ${value}`,
    );
  }
}

/** What happened to the packets offered to one direction of a link. Counts of packets unless the name says bytes. */
export class LinkCounters {
  /** Handed to the link; a super-segment that is cut counts once for each part. */
  offeredPackets = 0;
  offeredBytes = 0;
  /** Handed to the receiver at the other end, duplicates included. */
  deliveredPackets = 0;
  deliveredBytes = 0;
  /** No room in the queue. */
  droppedQueue = 0;
  /** Lost by the medium. */
  droppedLoss = 0;
  /** Offered while the link was down, or on it when it went down. */
  droppedDown = 0;
  /** Swallowed by a black hole. */
  droppedBlackhole = 0;
  /** Larger than the MTU, and no super-segment. */
  droppedTooBig = 0;
  /** Arrived a second time. */
  duplicated = 0;
  /** Had a bit flipped. */
  corrupted = 0;
  /** Were held back. */
  reordered = 0;
  /** Packets that were handed over as part of a super-segment. */
  coalesced = 0;
  /** Super-segments that were cut. */
  superSegmentsCut = 0;
  /** Most bytes that ever waited. */
  maxQueueBytes = 0;
}
