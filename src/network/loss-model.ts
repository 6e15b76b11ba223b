/** Which packets a medium loses: at random, or in bursts after Gilbert (1960) and Elliott (1963). */

import { type RandomSource, randomUnit, SubflowError } from '../base/index.js';

/** How packets are lost. Probabilities lie in [0, 1]. */
export type LossModel =
  | { readonly kind: 'none' }
  /** Every packet with the same probability, independently. */
  | { readonly kind: 'random'; readonly probability: number }
  /** Two states with a loss probability each; the state is drawn anew for every packet. */
  | {
      readonly kind: 'bursty';
      /** Probability to go from the good to the bad state. */
      readonly goodToBad: number;
      /** Probability to go from the bad to the good state; its inverse is the mean length of a burst in packets. */
      readonly badToGood: number;
      readonly lossInGood: number;
      readonly lossInBad: number;
    };

/** No loss at all. */
export const noLoss: LossModel = { kind: 'none' };

/** Loss at random, or none for probability 0. */
export function randomLoss(probability: number): LossModel {
  return probability === 0 ? noLoss : { kind: 'random', probability };
}

/**
 * Bursts of `burstPackets` packets on average, all lost, so rare that `probability` of all packets are lost.
 * `burstPackets` is at least 1.
 */
export function burstyLoss(probability: number, burstPackets: number): LossModel {
  if (probability === 0) return noLoss;
  const badToGood = 1 / burstPackets;
  const goodToBad = Math.min(1, (badToGood * probability) / (1 - probability));
  return { kind: 'bursty', goodToBad, badToGood, lossInGood: 0, lossInBad: 1 };
}

/** A loss model at work: its state and its randomness. */
export class LossProcess {
  private readonly random: RandomSource;
  private current: LossModel = noLoss;
  /** Whether the bursty model is in its bad state. */
  private bad = false;

  constructor(random: RandomSource) {
    this.random = random;
  }

  /** The model in force. */
  get model(): LossModel {
    return this.current;
  }

  /** Sets the model; throws ERR_SUBFLOW_ARGUMENT for a probability outside [0, 1]. A bursty one starts good. */
  set model(model: LossModel) {
    for (const value of Object.values(model)) {
      if (typeof value === 'number') requireProbability(value);
    }
    this.current = model;
    this.bad = false;
  }

  /** Decides about one packet. */
  isLost(): boolean {
    const model = this.current;
    if (model.kind === 'none') return false;
    if (model.kind === 'random') return randomUnit(this.random) < model.probability;
    const change = this.bad ? model.badToGood : model.goodToBad;
    if (randomUnit(this.random) < change) this.bad = !this.bad;
    return randomUnit(this.random) < (this.bad ? model.lossInBad : model.lossInGood);
  }
}

/** Throws ERR_SUBFLOW_ARGUMENT unless `value` lies in [0, 1]. */
export function requireProbability(value: number): void {
  if (!(value >= 0 && value <= 1)) {
    throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `a probability lies from 0 to 1, not at ${value}`);
  }
}
