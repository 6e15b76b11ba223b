import { describe, expect, it } from 'vitest';
import { runWithSeeds, seedsFrom } from './with-seeds.js';

describe('runs with several seeds', () => {
  it('begin at the seed that was given and go round at the last there is', () => {
    expect(seedsFrom(7, 3)).toEqual([7, 8, 9]);
    expect(seedsFrom(2 ** 32 - 1, 2)).toEqual([2 ** 32 - 1, 0]);
  });

  it('give every item its outcomes, the same seeds for each, in order', async () => {
    const seen: unknown[] = [];
    const runTrials = <I, O>(inputs: readonly I[], nameOf: (input: I) => string): Promise<O[]> => {
      seen.push(...inputs);
      return Promise.resolve(inputs.map((input) => `${nameOf(input)} ${JSON.stringify(input)}` as O));
    };
    const items = [{ name: 'a' }, { name: 'b' }];
    const found = await runWithSeeds({ seed: 4, runTrials }, items, 2, ({ name }) => name);
    expect(seen).toEqual([
      { name: 'a', seed: 4 },
      { name: 'a', seed: 5 },
      { name: 'b', seed: 4 },
      { name: 'b', seed: 5 },
    ]);
    expect(found).toEqual([
      { item: items[0], outcomes: ['a {"name":"a","seed":4}', 'a {"name":"a","seed":5}'] },
      { item: items[1], outcomes: ['b {"name":"b","seed":4}', 'b {"name":"b","seed":5}'] },
    ]);
  });
});
