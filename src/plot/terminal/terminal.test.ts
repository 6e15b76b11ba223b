import { describe, expect, it } from 'vitest';
import type { BarFigure, XyFigure } from '../figure.js';
import { renderTerminal, type TerminalRoom } from './render.js';

const plain: TerminalRoom = { columns: 40, rows: 11, hasColor: false };
const colored: TerminalRoom = { ...plain, hasColor: true };

function xy(series: XyFigure['series'], more: Partial<XyFigure> = {}): XyFigure {
  return {
    ...{ kind: 'xy', title: 'Goodput so far', caption: '', series },
    x: { label: 'window', unit: 'B', low: 0 },
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    ...more,
  };
}

const rising = {
  name: 'rising',
  kind: 'line',
  points: [
    { x: 0, y: 0 },
    { x: 1e6, y: 4e6 },
  ],
} as const;
const falling = {
  name: 'falling',
  kind: 'line',
  points: [
    { x: 0, y: 4e6 },
    { x: 1e6, y: 0 },
  ],
} as const;

const bars: BarFigure = {
  ...{ kind: 'bars', title: 'Shares', caption: '', x: { label: 'scenario' }, y: { label: 'ratio' } },
  categories: ['A', 'B'],
  groups: [
    { name: 'lia', values: [1, 2] },
    { name: 'olia', values: [0.5, 0] },
  ],
};

describe('a figure on a terminal', () => {
  it('has a title, axes with units, and dots between them', () => {
    expect(renderTerminal(xy([rising]), plain)).toEqual([
      'Goodput so far',
      'goodput (Mbit/s) over window (MB)',
      '4┤                                 ⣀⡠⠔⠒⠉',
      ' │                           ⢀⡠⠤⠒⠊⠉',
      ' │                      ⣀⠤⠔⠒⠉⠁',
      '2┤                ⣀⡠⠤⠒⠊⠉',
      ' │          ⢀⣀⠤⠔⠒⠉',
      ' │     ⣀⡠⠤⠒⠊⠁',
      '0┤⣀⠤⠔⠊⠉',
      ' └┬──────────────────┬─────────────────┬',
      '  0.0               0.5              1.0',
    ]);
  });

  it('tells series apart by letters where there are no colours, each in columns of its own', () => {
    const lines = renderTerminal(xy([rising, falling]), plain);
    expect(lines.join('')).not.toContain('\x1b');
    expect(lines.at(-1)).toBe('a rising  b falling');
    for (const letter of 'ab') {
      const columns = lines
        .slice(2, -3)
        .flatMap((line) => [...line].flatMap((each, column) => (each === letter ? [column] : [])));
      expect(columns.length).toBeGreaterThan(2);
      expect(new Set(columns.map((column) => column % 8)).size).toBe(1);
    }
  });

  it('tells series apart by colours where there are some, and is else the same', () => {
    const lines = renderTerminal(xy([rising, falling]), colored);
    expect(lines.at(-1)).toBe('\x1b[34m⠶\x1b[39m rising  \x1b[31m⠶\x1b[39m falling');
    const bare = lines.map((line) => line.replace(/\x1b\[\d+m/gu, '')); // eslint-disable-line no-control-regex
    const letterless = renderTerminal(xy([rising]), { ...plain, rows: 10 });
    expect(bare.slice(0, 2)).toEqual(letterless.slice(0, 2));
    expect(Math.max(...bare.map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  it('holds each value of a step until the next, and fills areas', () => {
    const points = [
      { x: 0, y: 0 },
      { x: 1e6, y: 4e6 },
    ];
    const step = renderTerminal(xy([{ name: 's', kind: 'step', points }]), plain);
    expect(step.slice(2, -2)).toEqual([
      ...['4┤', ' │', ' │', '2┤', ' │', ' │'].map((edge) => `${edge}${' '.repeat(37)}⢸`),
      `0┤${'⣀'.repeat(37)}⣸`,
    ]);
    const full = points.map(({ x }) => ({ x, y: 0, top: 4e6 }));
    const area = renderTerminal(xy([{ name: 'a', kind: 'area', points: full }]), plain);
    expect(area[3]).toBe(` │${'⣿'.repeat(38)}`);
  });

  it('keeps to the ends of an axis that are given, and leaves out what lies beyond', () => {
    const lines = renderTerminal(xy([rising], { y: { label: 'share', low: 0, high: 1e6 } }), plain);
    expect(lines[2]).toMatch(/^1000000┤/);
    expect(
      lines
        .slice(2, -2)
        .join('')
        .replace(/[^⠀-⣿]/gu, '').length,
    ).toBeLessThan(14);
  });

  it('shows one point alone, and values that are all the same', () => {
    const one = renderTerminal(xy([{ name: 'one', kind: 'line', points: [{ x: 5, y: 5 }] }]), plain);
    expect(one.join('').match(/[⠁-⣿]/gu)).toHaveLength(1);
  });

  it('has bars with their values, and says how many do not fit', () => {
    expect(renderTerminal(bars, plain)).toEqual([
      'Shares',
      'A, lia  ██████████████ 1',
      'A, olia ███████ 0.5',
      'B, lia  ████████████████████████████ 2',
      'B, olia  0',
    ]);
    const many = { ...bars, categories: Array.from({ length: 20 }, (_, index) => `c${index}`) };
    const groups = [{ name: 'all', values: many.categories.map((_, index) => index) }];
    const lines = renderTerminal({ ...many, groups }, plain);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('and 11 more');
  });

  it('shows what lies inside its axes of what reaches far beyond them', () => {
    const y = { label: 'goodput', low: 0, high: 4 } as const;
    const x = { label: 'window', low: 0, high: 4 } as const;
    const far = (kind: 'line' | 'area' | 'segments') =>
      renderTerminal(
        xy(
          [
            {
              ...{ name: 'far', kind },
              points: [
                { x: 0, y: 0, top: 4e15 },
                { x: 4e15, y: 4e15, top: 4e15 },
              ],
            },
          ],
          { x, y },
        ),
        plain,
      );
    const whole = { ...rising, points: [rising.points[0], { x: 4, y: 4 }] };
    expect(far('line')).toEqual(renderTerminal(xy([whole], { x, y }), plain));
    expect(far('area').filter((line) => /⣿{30}/.test(line))).toHaveLength(plain.rows - 4);
    expect(far('segments').filter((line) => /[┤│]⡇$/.test(line))).toHaveLength(plain.rows - 4);
  });

  it('keeps to its room, however long the names and however many the series', () => {
    const series = Array.from({ length: 8 }, (_, index) => ({
      ...rising,
      name: `${index}${'x'.repeat(60)}`,
    }));
    const lines = renderTerminal(xy(series, { title: 'y'.repeat(90) }), plain);
    expect(lines).toHaveLength(11);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  it.each([
    [{ ...plain, columns: 39 }, /39 columns/],
    [{ ...plain, rows: 9 }, /9 rows/],
    [{ ...plain, rows: Number.NaN }, /NaN rows/],
  ])('is refused where there is too little room', (room, message) => {
    expect(() => renderTerminal(xy([rising]), room)).toThrow(message);
  });

  it('is refused where it cannot be drawn as SVG either', () => {
    expect(() => renderTerminal(xy([]), plain)).toThrow(/no series/);
  });
});
