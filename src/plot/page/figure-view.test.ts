import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeValue, ticksWithin } from '../ticks.js';
import type { PageFigureData, PageSeries } from './data.js';
import { FigureView } from './figure-view.js';
import { Frame } from './frame.js';
import { TimeRange } from './time-range.js';

const look = { color: '#000000', darkColor: '#ffffff', dash: [], mark: 0 };

function figureOf(...series: PageSeries[]): PageFigureData {
  const xAxis = { label: 'time', unit: 's' } as const;
  const yAxis = { label: 'position', unit: 'B' } as const;
  return { id: 'x', title: 'x', caption: 'x', xAxis, yAxis, series, markers: [] };
}

describe('the time that a page shows', () => {
  it('is never outside of what there is, and never nothing', () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom('zoom', 'move', 'show'), fc.double({ noNaN: true, noDefaultInfinity: true })),
    );
    fc.assert(
      fc.property(steps, (acts) => {
        const time = new TimeRange({ low: 10, high: 30 });
        for (const [act, value] of acts) {
          if (act === 'zoom') time.zoom(Math.abs(value % 10), 20);
          else if (act === 'move') time.move(value % 100);
          else time.show(value % 50, (value % 50) + 5);
          expect(time.low).toBeGreaterThanOrEqual(10);
          expect(time.high).toBeLessThanOrEqual(30 + 1e-9);
          expect(time.width).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('keeps the instant that is zoomed at in its place', () => {
    const time = new TimeRange({ low: 0, high: 10 });
    time.zoom(0.5, 2);
    expect([time.low, time.high]).toEqual([1, 6]);
  });
});

describe('a view of a figure', () => {
  const strokes: PageSeries = {
    ...{ ...look, name: 'strokes', kind: 'segments', x: [0, 1, 2, 3], y: [0, 10, 20, 30] },
    ...{ top: [10, 20, 30, 40], packet: [1, 2, 3, 4] },
  };
  const steps: PageSeries = { ...look, name: 'steps', kind: 'step', x: [0, 2], y: [5, 500] };

  it('fits its heights to what is seen, held values too, until its reader chooses others', () => {
    const time = new TimeRange({ low: 0, high: 4 });
    const view = new FigureView(figureOf(strokes, steps), time, describeValue);
    expect(view.rangeY.high).toBeGreaterThan(500);
    time.show(0.5, 1.5);
    expect(view.rangeY).toEqual({ low: 5 - 0.6, high: 20 + 0.6 });
    view.hide(steps, true);
    expect(view.rangeY).toEqual({ low: 10 - 0.4, high: 20 + 0.4 });
    view.zoomY(0.5, 15);
    expect(view.rangeY).toEqual({ low: 15 - 2.7, high: 15 + 2.7 });
    time.reset();
    expect(view.rangeY).toEqual({ low: 15 - 2.7, high: 15 + 2.7 });
    view.resetY();
    expect(view.rangeY.high).toBeGreaterThan(40);
  });

  it('names what passed there rather than the corner of an area at the same place', () => {
    const area: PageSeries = { ...look, name: 'area', kind: 'area', x: [1, 2], y: [10, 10], top: [20, 10] };
    const view = new FigureView(figureOf(area, strokes), new TimeRange({ low: 0, high: 4 }), describeValue);
    const frame = new Frame({ width: 1000, height: 460 }, { low: 0, high: 4 }, view.rangeY);
    expect(view.nearest(frame, frame.x(1) + 5, frame.y(10))!.series).toBe(strokes);
    view.hide(strokes, true);
    expect(view.nearest(frame, frame.x(1) + 5, frame.y(10))!.series).toBe(area);
  });

  it('knows the packet of the picked point, and the points of a packet that are seen', () => {
    const again: PageSeries = {
      ...look,
      name: 'again',
      kind: 'scatter',
      x: [1, 3],
      y: [1, 2],
      packet: [2, 0],
    };
    const time = new TimeRange({ low: 0, high: 4 });
    const view = new FigureView(figureOf(strokes, again, steps), time, describeValue);
    expect(view.pickedPacket).toBeUndefined();
    view.picked = { series: strokes, index: 1 };
    expect(view.pickedPacket).toEqual({ packet: 2, x: 1 });
    view.picked = { series: again, index: 1 };
    expect(view.pickedPacket).toBeUndefined();
    const names = (): string[] => view.pointsOf({ packet: 2, x: 1 }).map(({ series }) => series.name);
    expect(names()).toEqual(['strokes', 'again']);
    view.hide(again, true);
    expect(names()).toEqual(['strokes']);
    time.show(2, 4);
    expect(names()).toEqual([]);
  });

  it('has room around values that are all the same, or as good as that', () => {
    for (const y of [
      [7, 7],
      [0, 0],
      [0, Number.MIN_VALUE],
    ]) {
      const level: PageSeries = { ...look, name: 'level', kind: 'scatter', x: [0, 1], y };
      const view = new FigureView(figureOf(level), new TimeRange({ low: 0, high: 1 }), describeValue);
      const frame = new Frame({ width: 1000, height: 460 }, { low: 0, high: 1 }, view.rangeY);
      expect(frame.y(y[1]!)).toBeGreaterThan(frame.top);
      expect(frame.y(y[1]!)).toBeLessThan(frame.bottom);
    }
  });

  it('moves to a point outside of what is seen, one after the other, and stops at the last', () => {
    const time = new TimeRange({ low: 0, high: 4 });
    const view = new FigureView(figureOf(strokes), time, describeValue);
    time.show(0, 0.5);
    for (let i = 0; i < 6; i++) view.step(1);
    expect(view.describe()).toEqual(['strokes', 'packet 4', 'at 3.000000 s', 'from 30 B to 40 B: 10 B']);
    expect(time.low).toBeLessThanOrEqual(3);
    expect(time.high).toBeGreaterThanOrEqual(3);
  });

  it('finds the point nearest to a place as a search through all of them does', () => {
    const xs = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        xs,
        fc.integer({ min: 80, max: 900 }),
        fc.integer({ min: 20, max: 400 }),
        (drawn, atX, atY) => {
          const x = [...drawn].sort((one, other) => one - other);
          const y = x.map((value) => (value * 7) % 5);
          const dots: PageSeries = { ...look, name: 'dots', kind: 'scatter', x, y };
          const time = new TimeRange({ low: 0, high: 10 });
          const view = new FigureView(figureOf(dots), time, describeValue);
          const frame = new Frame({ width: 1000, height: 460 }, { low: 0, high: 10 }, view.rangeY);
          const distances = x.map((value, i) => Math.hypot(frame.x(value) - atX, frame.y(y[i]!) - atY));
          const least = Math.min(...distances);
          const found = view.nearest(frame, atX, atY);
          if (least > 24) expect(found).toBeUndefined();
          else expect(distances[found!.index]).toBeCloseTo(least, 6);
        },
      ),
    );
  });
});

describe('values in words', () => {
  it.each([
    [1_234_567, 'B', '1,234,567 B'],
    [999, 'B', '999 B'],
    [0.001_234_5, 's', '1.2345 ms'],
    [12_500_000, 'bit/s', '12.5 Mbit/s'],
    [0, 's', '0 s'],
    [33.3, '%', '33.3 %'],
    [3, '', '3'],
  ] as const)('%d %s is %s', (value, unit, words) => {
    expect(describeValue(value, unit)).toBe(words);
  });
});

describe('ticks of an axis that ends where the data does', () => {
  it('lie within it, at round values', () => {
    const ticks = ticksWithin(0.3, 8.4, 's', 8);
    expect(ticks.labels).toEqual(['2', '4', '6', '8']);
    expect([ticks.low, ticks.high]).toEqual([0.3, 8.4]);
  });
});
