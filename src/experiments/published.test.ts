import { describe, expect, it } from 'vitest';
import { renderFigure } from '../plot/index.js';
import { besidePublished, cellOf, comparisonFigure, findExperiment, type Row } from './index.js';

/** What stands beside what was published of `name`, by label. */
function oursOf(name: string, rows: readonly Row[]): Record<string, number | null> {
  const all = besidePublished(findExperiment(name), rows);
  return Object.fromEntries(all.flatMap(({ values }) => values.map(({ label, ours }) => [label, ours])));
}

describe('what was published', () => {
  it('has ours beside it, of the rows that it is about', () => {
    const window = (variant: string, windowBytes: number, goodputBps: number): Row => ({
      ...{ variant, windowBytes, goodputBps, halfWidthBps: null },
    });
    expect(
      oursOf('receive-window', [
        ...[window('tcp-wifi', 1, 8), window('tcp-3g', 1, 2), window('mptcp-penalised', 1, 9)],
        ...[window('tcp-wifi', 2, 8), window('tcp-3g', 2, 2), window('mptcp-penalised', 2, 6)],
      ]),
    ).toEqual({ 'with both helps': 0.75 });
    const fair = { scenario: 'scenario-c', measure: 'type 2 of its rate', congestion: 'lia', mean: 0.7 };
    expect(oursOf('congestion-fairness', [fair])).toMatchObject({
      'scenario-c, lia': 0.7,
      'scenario-a, lia': null,
    });
    const word = (serviceType: string, failures: number, overTcp: number): Row => ({
      ...{ serviceType, failures, overTcp },
    });
    expect(oursOf('time-to-first-word', [word('none', 20, 1), word('handover', 5, 0.3)])).toMatchObject({
      handover: 0.25,
      interactive: null,
    });
    const set = (environment: string, benefit: number): Row => ({ environment, benefit });
    const sets = [set('high-bdp-no-loss', 0), set('high-bdp-no-loss', -0.1), set('low-bdp-no-loss', 1)];
    expect(oursOf('experimental-design', sets)).toEqual({ 'high-bdp-no-loss': 50 });
    expect(oursOf('experimental-design', [set('low-bdp-losses', 1)])).toEqual({ 'high-bdp-no-loss': null });
    const flows = (scheduler: string, tookMs: number | null): Row => ({
      ...{ scheduler, rates: '10/10', delays: '1/25', tookMs },
    });
    const times = (...rows: readonly Row[]) => oursOf('simult-flows', rows)['10/10, 1/25'];
    expect(times(flows('ecf', 7000), flows('blest', 7500), flows('redundant', 14_000))).toBe(7.5);
    expect(times(flows('ecf', 7000), flows('blest', null))).toBeNull();
    const visit = (name: string, firstByteRtt: number): Row => ({
      ...{ protocol: 'TCP', visit: name, firstByteRtt },
    });
    expect(oursOf('fast-open', [visit('without Fast Open', 2), visit('second, with the cookie', 1)])).toEqual(
      { TCP: 1 },
    );
    const gap = (serviceType: string, worstMs: number): Row => ({ stack: 'subflow', serviceType, worstMs });
    expect(oursOf('handover', [gap('aggregate', 200), gap('aggregate', 90), gap('none', 9000)])).toEqual({
      'every link in use': 0.2,
    });
    const broken = { design: 'beamer', level: 'flows', brokenPercent: 0.5 };
    expect(oursOf('load-balancers', [broken])).toEqual({ engine: null, flows: 0.5 });
    const way = { way: 'socks 5', cookie: false, added: 2 };
    expect(oursOf('proxy-latency', [way])).toMatchObject({ 'SOCKS 5': 2, converter: null });
  });

  it('has nothing of ours beside it where there is no result, or none that is a number', () => {
    for (const name of ['receive-window', 'handover', 'simult-flows', 'fast-open']) {
      expect(Object.values(oursOf(name, [])).every((ours) => ours === null)).toBe(true);
      expect(Object.values(oursOf(name, [{ foreign: 'row' }])).every((ours) => ours === null)).toBe(true);
    }
    expect(cellOf([{ a: 'x', b: 'text' }], 'b', { a: 'x' })).toBeNull();
  });

  it('is drawn beside ours where there are several numbers, and not where all are nothing', () => {
    const [fair] = besidePublished(findExperiment('congestion-fairness'), [
      { scenario: 'shared-bottleneck', measure: 'MPTCP over TCP', congestion: 'lia', mean: 1.2 },
      { scenario: 'shared-bottleneck', measure: 'MPTCP over TCP', congestion: 'olia', mean: 1.1 },
    ]);
    const figure = comparisonFigure(fair!)!;
    expect(figure).toMatchObject({
      categories: ['shared-bottleneck, lia', 'shared-bottleneck, olia'],
      groups: [
        { name: 'published', values: [1, 1] },
        { name: 'ours', values: [1.2, 1.1] },
      ],
    });
    expect(renderFigure(figure)).toContain('RFC 6356');
    const values = fair!.values.slice(0, 2).map((value) => ({ ...value, published: 0, ours: 0 }));
    expect(comparisonFigure({ ...fair!, values })).toBeUndefined();
    expect(comparisonFigure({ ...fair!, values: fair!.values.slice(0, 1) })).toBeUndefined();
  });
});
