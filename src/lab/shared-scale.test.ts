import { describe, expect, it } from 'vitest';
import { figureData } from '../plot/index.js';
import { makeLiveFigure, readScenario, runScenario, withSharedScale } from './index.js';

describe('figures of two runs', () => {
  it('reach up to the largest value of both, each kind on its own', () => {
    const [slow, fast] = ['4M', '24M'].map((rate) => {
      const paths = ['a', 'b'].map((name) => `path=${name},${rate},5ms,0%,50k`).join('&');
      const world = runScenario(readScenario(`traffic=bulk,300k&${paths}`).scenario);
      return figureData({ id: 'goodput', figure: makeLiveFigure('goodput', world) });
    });
    const [a, b] = withSharedScale([slow!, fast!]);
    expect(a!.yAxis.high).toBe(b!.yAxis.high);
    expect(a!.yAxis.high).toBeGreaterThan(24e6);
    expect(withSharedScale([slow!])[0]!.yAxis.high).toBeLessThan(9e6);
    expect(a!.series).toBe(slow!.series);
  });

  it('are as they were while there is nothing to draw', () => {
    const empty = figureData({
      id: 'rtt',
      figure: {
        kind: 'xy',
        title: '',
        x: { label: '', unit: 's' },
        y: { label: '', unit: 's' },
        series: [],
        caption: '',
        markers: [],
      },
    });
    expect(withSharedScale([empty, empty])).toEqual([empty, empty]);
  });
});
