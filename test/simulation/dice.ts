/** Draws of many shapes from one source of randomness. */

import { randomBelow, type RandomSource, randomUnit, SeededRandom } from '../../src/base/index.js';

export class Dice {
  private readonly random: RandomSource;

  constructor(random: RandomSource) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return randomUnit(this.random) < probability;
  }

  between(low: number, high: number): number {
    return low + randomUnit(this.random) * (high - low);
  }

  /** Evenly on a logarithmic scale, as an integer. */
  magnitude(low: number, high: number): number {
    return Math.round(low * (high / low) ** randomUnit(this.random));
  }

  below(bound: number): number {
    return randomBelow(this.random, bound);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[randomBelow(this.random, choices.length)]!;
  }
}

/** Dice of their own for the feature called `name` in the world of `seed`: what else is drawn does not move them. */
export function diceFor(name: string, seed: number): Dice {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return new Dice(new SeededRandom(Math.imul(hash ^ seed, 0x9e3779b1) ^ (hash >>> 7)));
}
