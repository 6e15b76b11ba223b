/**
 * Tokens that the threads of a data path learn, in memory that all of them share: each writes to a ring of its own and reads those of all
 * others, without a lock or a message. A thread reads before every batch of packets, so that it knows a token as soon as the thread that
 * learned it has dealt with the packet that told. Who falls behind by a whole ring misses the oldest, and counts them.
 */
import type { TokenEntry } from '../../balancer/index.js';

/** Tokens that a ring holds. */
export const tokensInRing = 16_384;
const entryWords = 2;
/** A ring: how many tokens were ever written (it wraps), then the tokens. */
const ringWords = 1 + entryWords * tokensInRing;
/** A reader this close to being overtaken leaves out what may change while it reads. */
const margin = 64;

/** Memory for the rings of `members`. */
export function tokenMemory(members: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * ringWords * members);
}

/** One thread's side. */
export class TokenExchange {
  /** Tokens of others that were overwritten before they were read. */
  missed = 0;
  private readonly words: Int32Array;
  private readonly own: number;
  /** How many of each ring's tokens were read. */
  private readonly read: Int32Array;

  /** `member`: which of the rings is its own, 0 the first. What was written before counts as read. */
  constructor(memory: SharedArrayBuffer, member: number) {
    this.words = new Int32Array(memory);
    this.own = member;
    this.read = new Int32Array(this.words.length / ringWords);
    for (let i = 0; i < this.read.length; i++) this.read[i] = Atomics.load(this.words, i * ringWords);
  }

  /** Tells the others. */
  write({ token, version, server }: TokenEntry): void {
    const start = this.own * ringWords;
    const written = Atomics.load(this.words, start);
    const at = start + 1 + entryWords * (written & (tokensInRing - 1));
    this.words[at] = token;
    this.words[at + 1] = (version << 16) | server;
    Atomics.store(this.words, start, (written + 1) | 0);
  }

  /** Whether others wrote something since the last {@link take}. */
  get isBehind(): boolean {
    const { read, words, own } = this;
    for (let i = 0; i < read.length; i++)
      if (i !== own && Atomics.load(words, i * ringWords) !== read[i]) return true;
    return false;
  }

  /** What others wrote since the last call. */
  take(): TokenEntry[] {
    const found: TokenEntry[] = [];
    for (let i = 0; i < this.read.length; i++) if (i !== this.own) this.takeOf(i, found);
    return found;
  }

  private takeOf(member: number, found: TokenEntry[]): void {
    const { words, read } = this;
    const start = member * ringWords;
    const written = Atomics.load(words, start);
    const most = tokensInRing - margin;
    const count = (written - read[member]!) | 0;
    if (count > most) this.missed += count - most;
    const first = found.length;
    for (let left = Math.min(count, most); left > 0; left--) {
      const at = start + 1 + entryWords * ((written - left) & (tokensInRing - 1));
      const about = words[at + 1]!;
      found.push({ token: words[at]! >>> 0, version: about >>> 16 === 0 ? 0 : 1, server: about & 0xffff });
    }
    // The writer may have gone on by more than the margin meanwhile: those are no longer what they were.
    const overtaken = ((Atomics.load(words, start) - written) | 0) - margin - Math.max(0, most - count);
    if (overtaken > 0) this.missed += found.splice(first, overtaken).length;
    read[member] = written;
  }
}
