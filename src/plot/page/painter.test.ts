import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeValue, ticksWithin } from '../ticks.js';
import type { Pen } from './browser.js';
import type { PageFigureData, PageSeries } from './data.js';
import { FigureView } from './figure-view.js';
import { Frame } from './frame.js';
import { Painter } from './painter.js';
import { PixelCover } from './pixel-cover.js';
import { TimeRange } from './time-range.js';

const whole = { low: 0, high: 10 };

/** What is seen of one series alone, and where. */
function viewOf(series: PageSeries): { readonly view: FigureView; readonly frame: Frame } {
  const axis = { label: 'x', unit: '' } as const;
  const figure: PageFigureData = {
    ...{ id: 'x', title: 'x', caption: 'x', xAxis: axis, yAxis: axis, series: [series], markers: [] },
  };
  const view = new FigureView(figure, new TimeRange(whole), describeValue);
  return { view, frame: new Frame({ width: 1000, height: 460 }, whole, view.rangeY) };
}

/** What the pen was asked to do while one series alone was drawn: name and arguments. */
function draw(series: PageSeries): (readonly [string, ...number[]])[] {
  const calls: (readonly [string, ...number[]])[] = [];
  const record =
    (name: string) =>
    (...values: number[]) =>
      void calls.push([name, ...values]);
  const pen = new Proxy({}, { get: (_, name) => record(String(name)), set: () => true }) as Pen;
  const { view, frame } = viewOf(series);
  new Painter(pen, false, ticksWithin).draw(view, frame, new PixelCover(), undefined);
  const start = calls.findIndex(([name]) => name === 'clip');
  return calls.slice(start + 1);
}

type Rectangle = readonly [string, ...number[]];

function rectangles(calls: readonly Rectangle[]): readonly Rectangle[] {
  return calls.filter(([name]) => name === 'rect' || name === 'fillRect');
}

/** Some of what was drawn lies on the place, or as near as makes no difference to see. */
function expectCovered(drawn: readonly Rectangle[], atX: number, atY: number): void {
  const isNear = ([, left = 0, top = 0, width = 0, height = 0]: Rectangle): boolean =>
    atX >= left - 2 && atX <= left + width + 2 && atY >= top - 2 && atY <= top + height + 2;
  expect(drawn.some(isNear)).toBe(true);
}

const look = { name: 'x', color: '#000000', darkColor: '#ffffff', dash: [4, 2], mark: 1 };
const many = Array.from({ length: 20_000 }, (_, i) => i / 2000);

describe('a figure of a page', () => {
  it('shows nothing between the parts of an area that holds without a gap', () => {
    const steps = fc.array(fc.double({ min: 0.0001, max: 1, noNaN: true }), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(steps, (drawn) => {
        const sum = drawn.reduce((total, step) => total + step, 0);
        let at = 0;
        const x = drawn.map((step) => (at += (10 * step) / sum));
        const series = {
          ...look,
          kind: 'area',
          x,
          y: x.map(() => 0),
          top: x.map((value) => 5 + value),
        } as const;
        const rects = draw(series).filter(([name]) => name === 'rect');
        for (let i = 1; i < rects.length; i++) {
          expect(rects[i]![1]).toBeLessThanOrEqual(rects[i - 1]![1]! + rects[i - 1]![3]!);
        }
      }),
    );
  });

  it('is drawn no finer than the screen is', () => {
    const y = many.map((value) => (value * 7919) % 1);
    const top = y.map((value) => value + 1);
    for (const [kind, most] of [
      ['line', 6000],
      ['step', 8000],
      ['segments', 20_000],
    ] as const) {
      const calls = draw({ ...look, kind, x: many, y, ...(kind === 'segments' ? { top } : {}) });
      expect(calls.length, kind).toBeLessThan(most);
    }
    const still = draw({ ...look, kind: 'scatter', x: many, y: many.map(() => 1) });
    expect(rectangles(still).length).toBeLessThan(1000);
    const strokes = draw({
      ...look,
      kind: 'segments',
      x: many,
      y: many,
      top: many.map((value) => value + 0.01),
    });
    expect(rectangles(strokes).length).toBeLessThan(2500);
  });

  it.each(['scatter', 'segments', 'area'] as const)(
    'leaves no point out, however many there are and wherever one lies by itself: %s',
    (kind) => {
      const cloud = fc.record({
        seed: fc.nat(1e6),
        count: fc.constantFrom(1200, 6000, 30_000),
        height: fc.constantFrom(0.01, 1, 100),
        outlier: fc.integer({ min: 101, max: 1000 }),
      });
      fc.assert(
        fc.property(cloud, ({ seed, count, height, outlier }) => {
          const x = Array.from({ length: count }, (_, i) => (10 * i) / count);
          const y = x.map((_, i) => (((Math.imul(i + seed, 0x9e3779b1) >>> 0) % 1000) * height) / 1000);
          y[count >> 1] = outlier;
          const top = y.map((value) => value + height / 1000);
          const series = { ...look, kind, x, y, ...(kind === 'scatter' ? {} : { top }) };
          const calls = draw(series);
          const drawn = rectangles(calls);
          expect(drawn.length).toBeLessThan(2600);
          const { frame } = viewOf(series);
          for (let i = 0; i < count; i += count >> 7) {
            for (const at of [i, count >> 1]) expectCovered(drawn, frame.x(x[at]!), frame.y(y[at]!));
          }
        }),
        { numRuns: 6, examples: [[{ seed: 0, count: 6000, height: 100, outlier: 103 }]] },
      );
    },
  );

  it('tells series by dashes where there is room for them, and by marks where there is none', () => {
    const few = draw({ ...look, kind: 'line', x: [0, 5, 10], y: [0, 1, 0] });
    expect(few.some(([name]) => name === 'rect')).toBe(false);
    const dense = draw({ ...look, kind: 'line', x: many, y: many.map((value) => value % 1) });
    const marks = dense.filter(([name]) => name === 'rect').map(([, x]) => x!);
    expect(marks.length).toBeGreaterThan(10);
    for (let i = 1; i < marks.length; i++) expect(marks[i]! - marks[i - 1]!).toBeGreaterThanOrEqual(59);
  });
});
