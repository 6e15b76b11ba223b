/**
 * Ephemeral ports that a stranger cannot guess and that come back as late as can be: the double-hash algorithm of
 * RFC 6056 §3.3.4. It does not know which ports are taken: the caller says.
 */
import { randomSipKey, sipHash, type RandomSource, type SipKey } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { addressWords } from './address-words.js';

/** Both ends included; 1 to 65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Separate counters, so that ports to one peer say little about ports to another (RFC 6056 §3.3.4: at least 10). */
const COUNTERS = 64;

export class PortAllocator {
  private readonly range: PortRange;
  private readonly offsetKey: SipKey;
  private readonly counterKey: SipKey;
  private readonly counters: Uint32Array;

  constructor(range: PortRange, random: RandomSource) {
    this.range = range;
    this.offsetKey = randomSipKey(random);
    this.counterKey = randomSipKey(random);
    this.counters = new Uint32Array(COUNTERS);
    for (let i = 0; i < COUNTERS; i++) this.counters[i] = random.nextUint32();
  }

  /** A local port for a connection to `remote`, the first that `isFree` agrees to; undefined when every one is taken. */
  allocate(
    local: IpAddress,
    remote: IpAddress,
    remotePort: number,
    isFree: (port: number) => boolean,
  ): number | undefined {
    const words = addressWords(local, remote, remotePort);
    const size = this.range.last - this.range.first + 1;
    const offset = sipHash(this.offsetKey, words).lo;
    const counter = sipHash(this.counterKey, words).lo % COUNTERS;
    for (let tries = 0; tries < size; tries++) {
      const port = this.range.first + ((offset + this.counters[counter]!) % size);
      this.counters[counter]!++;
      if (isFree(port)) return port;
    }
    return undefined;
  }
}
