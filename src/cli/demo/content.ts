import { createHash } from 'node:crypto';
import { randomFill, SeededRandom } from '../../base/index.js';

const chunkBytes = 64 * 1024;

/** What the demo downloads: bytes that follow from the seed, made as they are asked for, with the hash of those given so far. */
export class Content {
  readonly sizeBytes: number;
  private readonly random: SeededRandom;
  private readonly hash = createHash('sha256');
  private given = 0;

  constructor(seed: number, sizeBytes: number) {
    this.random = new SeededRandom(seed);
    this.sizeBytes = sizeBytes;
  }

  /** The next chunk, which the caller may keep; undefined when all bytes have been given. */
  next(): Uint8Array | undefined {
    const length = Math.min(chunkBytes, this.sizeBytes - this.given);
    if (length === 0) return undefined;
    const chunk = randomFill(this.random, new Uint8Array(length));
    this.given += length;
    this.hash.update(chunk);
    return chunk;
  }

  /** SHA-256 of everything that was given; nothing can be given afterwards. */
  digest(): string {
    return this.hash.digest('hex');
  }
}
