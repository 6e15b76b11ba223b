import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderFigure, sha256Base64 } from '../../plot/index.js';
import { type ReportedResult, renderReport } from './render.js';

const svg = renderFigure({
  ...{ kind: 'xy', title: 'Goodput & more', caption: 'What is "seen".', x: { label: 'time', unit: 's' } },
  ...{ y: { label: 'goodput', unit: 'bit/s' } },
  series: [{ name: 'a', kind: 'line', points: [{ x: 0, y: 1 }] }],
});

const result: ReportedResult = {
  ...{ name: 'some-thing', title: 'Some thing', source: 'Somebody, 2012', summary: 'What is done.', seed: 7 },
  commandLine: 'subflow experiment run some-thing --runs 2 --seed 7',
  parameters: [
    { flag: '--runs', value: '2', isDefault: false, doc: 'how many' },
    { flag: '--rate', value: '20M', isDefault: true, doc: 'how fast' },
  ],
  columns: [
    { name: 'mode', title: 'mode', kind: 'text' },
    { name: 'gapMs', title: 'gap (ms)', kind: 'number', digits: 1 },
    { name: 'isWhole', title: 'whole', kind: 'boolean' },
  ],
  rows: [
    { mode: 'full', gapMs: 12.34, isWhole: true },
    { mode: 'backup', gapMs: null, isWhole: false },
  ],
  checks: [
    { name: 'it is quick', pass: true, value: 1.23456, bound: 2 },
    { name: 'it is whole', pass: false, value: false, bound: true },
  ],
  figures: [{ name: 'goodput', svg }],
  notes: ['Linux was left out.'],
  published: [
    {
      ...{ title: 'Gap in the paper', source: 'Paper, table 2', basis: 'Stated.', unit: 's', digits: 1 },
      values: [{ label: 'full', relation: 'at most', published: 2.5, ours: null }],
    },
  ],
};

/** What a reader sees, without the markup. */
function textOf(html: string): string {
  return html.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ').replace(/\s+/g, ' ');
}

/** Names of all elements that the page opens. */
function elementsOf(html: string): string[] {
  return [...html.matchAll(/<([a-zA-Z][^\s/>]*)/g)].map(([, name]) => name!);
}

describe('the report of an experiment', () => {
  it('says what was done, how to do it again, what was measured and what was left out', () => {
    const text = textOf(renderReport([result], 'subflow 1.2.3'));
    for (const part of [
      ...['Some thing', 'What is done.', 'Source Somebody, 2012', 'Seed 7', 'Linux was left out.'],
      'Command subflow experiment run some-thing --runs 2 --seed 7',
      'Beside what was published Gap in the paper. Stated. After Paper, table 2. published ours full ≤ 2.5 s -',
      ...['✓ holds it is quick 1.235 2', '✗ fails it is whole false true'],
      ...['mode gap (ms) whole full 12.3 yes backup - no', 'goodput', 'Made by subflow 1.2.3.'],
      ...['--runs 2 given how many', '--rate 20M default how fast'],
    ]) {
      expect(text).toContain(part);
    }
  });

  it('has its figures in it as images, and says in words what they show', () => {
    const page = renderReport([result], 'subflow');
    const [, url, alt] = /<img src="([^"]*)" alt="([^"]*)">/.exec(page)!;
    expect(decodeURIComponent(url!.replace('data:image/svg+xml,', ''))).toBe(svg);
    expect(alt).toBe('Goodput &amp; more. What is &quot;seen&quot;.');
  });

  it('asks for nothing, runs nothing, and allows its own style only', () => {
    const page = renderReport([result], 'subflow');
    const style = /<style>(.*?)<\/style>/s.exec(page)![1]!;
    expect(page).toContain(`style-src 'sha256-${sha256Base64(style)}'`);
    expect(page).toContain("default-src 'none'; img-src data:");
    expect(page.replace(/src="data:[^"]*"/g, '')).not.toMatch(/<script|<link|https?:\/\/|url\(/);
    expect(style).toContain('prefers-color-scheme: dark');
    expect(style).toContain('@media print');
  });

  it('is the same to the byte for the same result', () => {
    expect(renderReport([structuredClone(result)], 'subflow')).toBe(renderReport([result], 'subflow'));
  });

  it('of several begins with what they come to, and a link to each, also where one comes again', () => {
    const whole = { ...result, checks: [result.checks[0]!] };
    const page = renderReport([result, whole], 'subflow');
    expect(textOf(page)).toContain(
      'experiment seed checks Some thing 7 ✗ 1 of 2 fail Some thing 7 ✓ all 1 hold',
    );
    const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    const sections = [...page.matchAll(/<section id="([^"]*)"/g)].map(([, id]) => id);
    expect(links).toEqual(['some-thing', 'some-thing.2']);
    expect(sections).toEqual(links);
  });

  it('has no element, attribute or figure that a text in it asks for', () => {
    const hostile =
      '"\'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;\u0000\ud800</td></table>';
    const bad: ReportedResult = {
      ...{ name: hostile, title: hostile, source: hostile, summary: hostile, seed: 1, commandLine: hostile },
      parameters: [{ flag: hostile, value: hostile, isDefault: true, doc: hostile }],
      columns: [{ name: 'a', title: hostile, kind: 'text' }],
      rows: [{ a: hostile }],
      checks: [{ name: hostile, pass: true, value: hostile, bound: hostile }],
      figures: [{ name: hostile, svg: `<svg><title>${hostile}</title><script>alert(1)</script></svg>"'>` }],
      notes: [hostile],
      published: [
        {
          ...{ title: hostile, source: hostile, basis: hostile, unit: '', digits: 0 },
          values: [{ label: hostile, relation: 'is', published: 1, ours: 1 }],
        },
      ],
    };
    const harmless = JSON.parse(JSON.stringify(bad), (_key, value: unknown) =>
      value === hostile ? 'x' : value,
    ) as ReportedResult;
    for (const results of [[bad], [bad, bad]]) {
      const page = renderReport(results, hostile);
      expect(elementsOf(page)).toEqual(
        elementsOf(
          renderReport(
            results.map(() => harmless),
            'x',
          ),
        ),
      );
      expect(page).not.toContain('onerror=alert(1)>&');
      expect(page).not.toMatch(/\p{Surrogate}/u);
      expect(page).not.toContain('\u0000');
    }
  });

  it('keeps every text inside its element, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const page = renderReport([{ ...result, notes: [text], title: text }], text);
        expect(elementsOf(page)).toEqual(elementsOf(renderReport([result], 'x')));
        const [, url] = /<img src="([^"]*)"/.exec(
          renderReport([{ ...result, figures: [{ name: 'x', svg: text }] }], ''),
        )!;
        expect(decodeURIComponent(url!.slice('data:image/svg+xml,'.length))).toBe(
          text.replace(/\p{Surrogate}/gu, '\ufffd'),
        );
      }),
      { numRuns: 50 },
    );
  });
});
