import { describe, expect, it } from 'vitest';
import { isZstandard, skippableBytes, unpackZstandard, type ZstandardUnpacker } from './index.js';

/** Makes a piece of every byte; pieces that nobody has taken are counted. */
class Swelling implements ZstandardUnpacker {
  static made = 0;
  private readonly take: (piece: Uint8Array) => void;

  constructor(take: (piece: Uint8Array) => void) {
    this.take = take;
  }

  push(packed: Uint8Array): void {
    for (const byte of packed) {
      Swelling.made++;
      this.take(Uint8Array.of(byte));
    }
  }
}

async function* given(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(chunks);
}

describe('a capture packed with Zstandard', () => {
  it('is known by its first frame, also one that is to be skipped', () => {
    const skippable = (last: number, size: number): Uint8Array =>
      Uint8Array.from([last, 0x2a, 0x4d, 0x18, size, 0, 0, 1]);
    expect(isZstandard(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd]))).toBe(true);
    expect(isZstandard(skippable(0x50, 0))).toBe(true);
    expect(skippableBytes(skippable(0x5f, 3))).toBe(2 ** 24 + 3 + 8);
    for (const other of [[], [0x28], [0x1f, 0x8b], [0x0a, 0x0d, 0x0d, 0x0a]]) {
      expect(isZstandard(Uint8Array.from(other))).toBe(false);
    }
    for (const last of [0x4f, 0x60]) expect(skippableBytes(skippable(last, 3))).toBe(0);
    expect(skippableBytes(skippable(0x50, 3).subarray(0, 7))).toBe(0);
  });

  it('is unpacked no further than what came of it is taken, however much a few bytes become', async () => {
    const packed = Uint8Array.from({ length: 100_000 }, (_, index) => index & 255);
    let taken = 0;
    let mostWaiting = 0;
    for await (const [byte] of unpackZstandard(given(packed.subarray(0, 7), packed.subarray(7)), Swelling)) {
      expect(byte).toBe(taken++ & 255);
      mostWaiting = Math.max(mostWaiting, Swelling.made - taken);
    }
    expect(taken).toBe(packed.length);
    expect(mostWaiting).toBeLessThanOrEqual(1024);
  });
});
