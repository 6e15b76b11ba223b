import { describe, expect, it } from 'vitest';
import { describeValue, figureData, FigureView, TimeRange } from '../index.js';
import type { PageFigureData } from './data.js';

function figureUpTo(end: number, names: readonly string[]): PageFigureData {
  const points = Array.from({ length: end + 1 }, (_, x) => ({ x, y: x * 10 }));
  return figureData({
    id: 'f',
    figure: {
      ...{ kind: 'xy', title: 'F', caption: 'C', x: { label: 'time', unit: 's' } },
      ...{ y: { label: 'bytes', unit: 'B' } },
      series: names.map((name) => ({ name, kind: 'line', points })),
    },
  });
}

describe('a figure that grows', () => {
  it('shows all of its time to who looked at all of it', () => {
    const time = new TimeRange({ low: 0, high: 10 });
    time.setWhole({ low: 0, high: 20 });
    expect([time.low, time.high]).toEqual([0, 20]);
    time.zoom(0.5);
    time.zoom(4);
    time.setWhole({ low: 0, high: 30 });
    expect([time.low, time.high]).toEqual([0, 30]);
  });

  it('stays where it is for who looks at a part of its time', () => {
    const time = new TimeRange({ low: 0, high: 10 });
    time.show(2, 4);
    time.setWhole({ low: 0, high: 20 });
    expect([time.low, time.high]).toEqual([2, 4]);
    time.setWhole({ low: 0, high: 3 });
    expect([time.low, time.high]).toEqual([1, 3]);
  });

  it('keeps hidden what its reader hid, and picked what was picked, while it is there', () => {
    const time = new TimeRange({ low: 0, high: 10 });
    const view = new FigureView(figureUpTo(10, ['a', 'b']), time, describeValue);
    view.hide(view.figure.series[0]!, true);
    view.step(1);
    view.step(1);
    expect(view.describe()[0]).toBe('b');
    view.replace(figureUpTo(20, ['a', 'b', 'c']));
    expect(view.shown.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(view.isHidden(view.figure.series[0]!)).toBe(true);
    expect(view.picked).toEqual({ series: view.figure.series[1], index: 1 });
    view.replace(figureUpTo(20, ['a']));
    expect(view.picked).toBeUndefined();
    expect(view.shown).toEqual([]);
  });
});
