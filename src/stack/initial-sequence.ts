/**
 * Where a flow's sequence numbers and timestamps start: a keyed hash of the four-tuple, so that nobody off the path can
 * guess them, plus (for sequence numbers) a clock, so that a new incarnation of the same four-tuple starts beyond the
 * old one (RFC 6528 §3; RFC 7323 §5.4 for timestamps, whose offset must stay the same for a four-tuple so that PAWS and
 * the reuse of TIME-WAIT work).
 */
import { randomSipKey, seq32, sipHash, type RandomSource, type Seq32, type SipKey } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { addressWords } from './address-words.js';

/** The clock ticks every 4 us (RFC 9293 §3.4.1). */
const TICK_NS = 4_000;

/** What a new flow starts with. */
export interface FlowOrigin {
  readonly initialSequence: Seq32;
  /** Added to the timestamp clock; 0 to 2^32 - 1. */
  readonly timestampOffset: number;
}

export class FlowOrigins {
  private readonly key: SipKey;

  constructor(random: RandomSource) {
    this.key = randomSipKey(random);
  }

  /** The origin of a flow that begins at `now` between these ends. */
  at(now: number, local: IpAddress, remote: IpAddress, ports: number): FlowOrigin {
    const { hi, lo } = sipHash(this.key, addressWords(local, remote, ports));
    return { initialSequence: seq32(lo + Math.floor(now / TICK_NS)), timestampOffset: hi };
  }
}
