import { describe, expect, it } from 'vitest';
import { distribution, liveDistributions, liveMeans } from './live.js';

const trial = (input: string, output: number) => ({ input, output });

describe('what is known while trials run', () => {
  it('is the share of values that are at most x, from none to all', () => {
    expect(distribution([3, 1, Number.POSITIVE_INFINITY, 2, 2])).toEqual([
      { x: 1, y: 0 },
      { x: 1, y: 0.25 },
      { x: 2, y: 0.5 },
      { x: 2, y: 0.75 },
      { x: 3, y: 1 },
    ]);
    expect(distribution([])).toEqual([]);
  });

  it('has its series in the order of their names, whichever was done first', () => {
    const finished = [trial('b', 2), trial('a', 1), trial('b', 4), trial('none', 0)];
    const series = liveDistributions(finished, ({ input, output }) => ({
      ...{ series: input, values: input === 'none' ? [] : [output, output] },
    }));
    expect(series.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(series[1]!.points.map(({ x }) => x)).toEqual([2, 2, 2, 4, 4]);
  });

  it('is the mean of what there is at each x, in the order of x', () => {
    const finished = [trial('a 2', 6), trial('a 1', 1), trial('a 2', 8)];
    const series = liveMeans(finished, ({ input, output }) => ({
      ...{ series: input[0]!, x: Number(input.slice(2)), y: output },
    }));
    expect(series).toEqual([
      {
        ...{ name: 'a', kind: 'line' },
        points: [
          { x: 1, y: 1 },
          { x: 2, y: 7 },
        ],
      },
    ]);
  });

  it('has no more series than a figure may have', () => {
    const finished = Array.from({ length: 12 }, (_, index) => trial(String(index + 10), index));
    expect(
      liveMeans(finished, ({ input, output }) => ({ series: input, x: 0, y: output })).map(
        ({ name }) => name,
      ),
    ).toEqual(['10', '11', '12', '13', '14', '15', '16', '17']);
  });
});
