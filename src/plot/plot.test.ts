import { describe, expect, it } from 'vitest';
import { type BarFigure, type Figure, MAX_SERIES, renderFigure, type XyFigure } from './index.js';
import { escapeText } from './text.js';
import { thinLine } from './thin.js';
import { makeTicks } from './ticks.js';

const line: XyFigure = {
  kind: 'xy',
  title: 'Goodput',
  caption: 'After somebody.',
  x: { label: 'time', unit: 's' },
  y: { label: 'goodput', unit: 'bit/s' },
  series: [
    {
      name: 'first',
      kind: 'line',
      points: [
        { x: 0, y: 0 },
        { x: 2, y: 15e6 },
      ],
    },
    { name: 'second', kind: 'scatter', points: [{ x: 1, y: 1e6 }] },
    {
      name: 'third',
      kind: 'step',
      points: [
        { x: 0, y: 3e6 },
        { x: 1, y: 4e6 },
      ],
    },
  ],
  markers: [{ x: 1, label: 'path dies' }],
};

const bars: BarFigure = {
  kind: 'bars',
  title: 'Gaps',
  caption: '',
  x: { label: 'variant' },
  y: { label: 'gap', unit: 's' },
  categories: ['one', 'two'],
  groups: [{ name: 'ours', values: [0.1, 0.2] }],
};

describe('ticks', () => {
  it.each([
    [0, 15e6, 'bit/s', ['0', '5', '10', '15'], 'Mbit/s'],
    [0, 0.4, 's', ['0', '100', '200', '300', '400'], 'ms'],
    [-0.3, 1.7, 's', ['-0.5', '0.0', '0.5', '1.0', '1.5', '2.0'], 's'],
    [0, 6.2e6, 'B', ['0', '2', '4', '6', '8'], 'MB'],
    [3, 3, '', ['0', '1', '2', '3'], ''],
    [0, 0, '', ['0.0', '0.5', '1.0'], ''],
    [0, 3e-7, 's', ['0', '100', '200', '300'], 'ns'],
    [0, 2500, '', ['0', '1000', '2000', '3000'], ''],
  ] as const)('from %d to %d %s are round', (low, high, unit, labels, shown) => {
    const ticks = makeTicks(low, high, unit, 4);
    expect(ticks.labels).toEqual(labels);
    expect(ticks.unit).toBe(shown);
    expect(ticks.values[0]).toBeLessThanOrEqual(low);
    expect(ticks.values.at(-1)).toBeGreaterThanOrEqual(high);
  });
});

describe('a figure', () => {
  it('is the same to the byte each time', () => {
    expect(renderFigure(line)).toBe(renderFigure(structuredClone(line)));
    expect(renderFigure(bars)).toBe(renderFigure(structuredClone(bars)));
  });

  it.each([
    ['lines', line],
    ['bars', bars],
  ] as [string, Figure][])('of %s is well-formed and has no number that is none', (_name, figure) => {
    const svg = renderFigure(figure);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const open: string[] = [];
    for (const [, slash, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)((?:[^<>"]|"[^"]*")*)>/g)) {
      if (slash === '/') expect(open.pop()).toBe(name);
      else if (!rest!.endsWith('/')) open.push(name!);
    }
    expect(open).toEqual([]);
  });

  it('shows title, caption, axes with units, the legend and what happened', () => {
    const svg = renderFigure(line);
    for (const text of ['Goodput', 'After somebody.', 'time (s)', 'goodput (Mbit/s)', 'path dies']) {
      expect(svg).toContain(`>${text}<`);
    }
    for (const { name } of line.series) expect(svg).toContain(`>${name}<`);
  });

  it('escapes text', () => {
    const svg = renderFigure({ ...line, title: '<script>alert("&")</script>' });
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;');
    expect(escapeText('a\u0000b\ud800c')).toBe('a\ufffdb\ufffdc');
    expect(escapeText('\u{1f600}')).toBe('\u{1f600}');
  });

  it('tells its series apart without their colours: by hatching, marks on strokes, and on lines too fine for dashes', () => {
    const groups = ['one', 'two', 'three'].map((name) => ({ name, values: [1, 2] }));
    const hatched = renderFigure({ ...bars, groups });
    for (const id of ['bars-1', 'bars-2']) {
      // Two bars and a sample in the legend.
      expect(hatched.match(new RegExp(`url\\(#${id}\\)`, 'g'))).toHaveLength(3);
      expect(hatched).toContain(`<pattern id="${id}"`);
    }
    const points = Array.from({ length: 5000 }, (_, i) => ({ x: i, y: i % 50, top: (i % 50) + 1 }));
    const seriesOf = (kind: 'line' | 'segments') => ['one', 'two'].map((name) => ({ name, kind, points }));
    for (const kind of ['line', 'segments'] as const) {
      const svg = renderFigure({ ...line, series: seriesOf(kind) });
      expect(svg).not.toContain('stroke-dasharray="7 3"');
      for (const mark of ['M-3 0a3 3', 'M-3 -3h6v6h-6z']) {
        expect(svg.split(mark).length, kind).toBeGreaterThan(5);
      }
    }
    const few = seriesOf('line').map((series) => ({ ...series, points: points.slice(0, 10) }));
    expect(renderFigure({ ...line, series: few })).toContain('stroke-dasharray="7 3"');
  });

  it('has an axis of time that ends where the data does', () => {
    const points = [0.3, 8.4].map((x) => ({ x, y: 1 }));
    const svg = renderFigure({ ...line, markers: [], series: [{ name: 'one', kind: 'line', points }] });
    expect(svg).toContain('>8<');
    expect(svg).not.toContain('>10<');
  });

  it('leaves the legend out where there is one series only', () => {
    expect(renderFigure(bars)).not.toContain('>ours<');
  });

  it('grows with a long caption instead of losing it', () => {
    const height = (svg: string): number => Number(/ height="(\d+)"/.exec(svg)![1]);
    const caption = 'one word after the other '.repeat(40);
    expect(height(renderFigure({ ...line, caption }))).toBeGreaterThan(height(renderFigure(line)) + 50);
  });

  const point = { x: 0, y: 0 };
  it.each<[string, Figure, RegExp]>([
    ['no series', { ...line, series: [] }, /no series/],
    ['an empty series', { ...line, series: [{ name: 'e', kind: 'line', points: [] }] }, /'e' has no points/],
    [
      'NaN',
      { ...line, series: [{ name: 'n', kind: 'line', points: [{ x: 1, y: NaN }] }] },
      /y of point 0 of series 'n' is NaN/,
    ],
    [
      'a line that runs back',
      { ...line, series: [{ name: 'b', kind: 'line', points: [{ x: 1, y: 0 }, point] }] },
      /point 1 of series 'b'/,
    ],
    [
      'two series of one name',
      {
        ...line,
        series: [
          { name: 't', kind: 'line', points: [point] },
          { name: 't', kind: 'line', points: [point] },
        ],
      },
      /two series are called 't'/,
    ],
    [
      'too many series',
      {
        ...line,
        series: Array.from({ length: MAX_SERIES + 1 }, (_, i) => ({
          name: `${i}`,
          kind: 'line' as const,
          points: [point],
        })),
      },
      /at most 8/,
    ],
    ['an axis upside down', { ...line, y: { label: '', low: 2, high: 1 } }, /axis y runs from 2 to 1/],
    ['a marker nowhere', { ...line, markers: [{ x: Infinity, label: 'm' }] }, /marker 'm'/],
    ['no categories', { ...bars, categories: [] }, /no categories/],
    ['too few values', { ...bars, groups: [{ name: 'g', values: [1] }] }, /1 values for 2 categories/],
    ['a bar without height', { ...bars, groups: [{ name: 'g', values: [1, NaN] }] }, /value 1 of group 'g'/],
  ])('with %s says what is wrong', (_name, figure, message) => {
    expect(() => renderFigure(figure)).toThrow(message);
    expect(() => renderFigure(figure)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_PLOT' }));
  });
});

describe('a line of very many points', () => {
  it('keeps the first, the lowest, the highest and the last of each column', () => {
    const points = Array.from({ length: 100_000 }, (_, i) => ({ x: i / 100_000, y: i === 777 ? 9 : i % 2 }));
    const thinned = thinLine(points, 0.01);
    expect(thinned.length).toBeLessThanOrEqual(404);
    expect(thinned).toContainEqual({ x: 0.00777, y: 9 });
    expect(thinned[0]).toBe(points[0]);
    expect(thinned.at(-1)).toBe(points.at(-1));
  });

  it('is not touched where there is one point a column', () => {
    const points = [0, 1, 2].map((x) => ({ x, y: x }));
    expect(thinLine(points, 0.5)).toEqual(points);
  });
});

describe('strokes and areas', () => {
  const figure: XyFigure = {
    ...line,
    series: [
      {
        ...{ name: 'queue', kind: 'area', style: 7 },
        points: [
          { x: 0, y: 1, top: 3 },
          { x: 1, y: 2, top: 9 },
          { x: 2, y: 9, top: 9 },
        ],
      },
      { name: 'segments', kind: 'segments', style: 0, points: [{ x: 1, y: 2, top: 8, packet: 4 }] },
    ],
  };

  it('reach to their tops, which the axis takes in, in the style they ask for', () => {
    const svg = renderFigure(figure);
    expect(svg).not.toMatch(/NaN|undefined/);
    expect(svg).toContain('fill="#a79200" fill-opacity="0.45"');
    expect(svg).toMatch(/<path d="M[\d.]+ [\d.]+V[\d.]+" stroke="#0072b2"/);
    expect(svg).toContain('>10</text>');
  });

  it('need a top', () => {
    const bare = { name: 'bare', kind: 'area', points: [{ x: 0, y: 0 }] } as const;
    expect(() => renderFigure({ ...figure, series: [bare] })).toThrow(
      /top of point 0 of series 'bare' is NaN/,
    );
  });

  it('of a hundred thousand take no more room than can be told apart', () => {
    const points = Array.from({ length: 100_000 }, (_, i) => ({ x: i, y: i, top: i + 1 }));
    const svg = renderFigure({ ...figure, series: [{ name: 'many', kind: 'segments', points }] });
    expect(svg.length).toBeLessThan(60_000);
  });
});
