/** Randomness for real networks: the operating system's generator, drawn from in blocks because a call is dear. */
import { randomFillSync } from 'node:crypto';
import type { RandomSource } from '../base/index.js';

const BLOCK_WORDS = 1024;

export class CryptoRandom implements RandomSource {
  private readonly words = new Uint32Array(BLOCK_WORDS);
  private next = BLOCK_WORDS;

  nextUint32(): number {
    if (this.next === BLOCK_WORDS) {
      randomFillSync(this.words);
      this.next = 0;
    }
    const word = this.words[this.next]!;
    // A number that was given out is a key by now: it must not stay in memory.
    this.words[this.next++] = 0;
    return word;
  }
}
