/** What several paths together are worth beside the best of them. */

/**
 * The aggregation benefit of `goodput` over what the paths can carry by themselves, in the same unit: 1 is their sum, 0
 * the best of them, -1 nothing at all. `alone` has at least two values above 0.
 *
 * After Paasch, Khalili, Bonaventure (CoNEXT 2013, §3), with the capacities of the paths as `alone`; with what TCP gets
 * over each path instead it is the experimental aggregation benefit of De Coninck and Bonaventure (CoNEXT 2017, §4.1).
 */
export function aggregationBenefit(goodput: number, alone: readonly number[]): number {
  const best = Math.max(...alone);
  if (goodput < best) return (goodput - best) / best;
  const others = alone.reduce((sum, value) => sum + value, 0) - best;
  return (goodput - best) / others;
}
