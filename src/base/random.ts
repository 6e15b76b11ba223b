/**
 * Randomness that the owner passes in. A simulation passes a {@link SeededRandom}; on a real network the edge of the
 * system passes a source that draws from the operating system's cryptographic generator.
 */

/** Where random numbers come from. */
export interface RandomSource {
  /** The next 32 bits, 0 to 2^32 - 1. */
  nextUint32(): number;
}

/** A number in [0, 1) with 32 bits of resolution. */
export function randomUnit(random: RandomSource): number {
  return random.nextUint32() / 0x1_0000_0000;
}

/** An integer from 0 to `bound - 1`; `bound` is 1 to 2^32. */
export function randomBelow(random: RandomSource, bound: number): number {
  return Math.floor(randomUnit(random) * bound);
}

/** A number of the normal distribution of mean 0 and deviation 1 (Box and Muller, 1958). */
export function randomNormal(random: RandomSource): number {
  const radius = Math.sqrt(-2 * Math.log(1 - randomUnit(random)));
  return radius * Math.cos(2 * Math.PI * randomUnit(random));
}

/** Fills `target` with random bytes. */
export function randomFill(random: RandomSource, target: Uint8Array): Uint8Array {
  for (let i = 0; i < target.length; i += 4) {
    let word = random.nextUint32();
    for (let j = i; j < i + 4 && j < target.length; j++) {
      target[j] = word & 0xff;
      word >>>= 8;
    }
  }
  return target;
}

/** xoshiro128** (Blackman and Vigna, 2018), its state filled from the seed by splitmix32. Not for secrets. */
export class SeededRandom implements RandomSource {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** `seed`: any integer; the two halves of its low 64 bits both count. */
  constructor(seed: number) {
    let state = (seed ^ Math.floor(seed / 0x1_0000_0000)) | 0;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) | 0;
    };
    this.a = splitmix();
    this.b = splitmix();
    this.c = splitmix();
    this.d = splitmix() | 1;
  }

  nextUint32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  /** An independent generator for a part of the world, so that one part's draws do not shift another's. */
  fork(): SeededRandom {
    return new SeededRandom(this.nextUint32() + this.nextUint32() * 0x10_0000);
  }
}
