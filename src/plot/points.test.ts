import { describe, expect, it } from 'vitest';
import { exampleFigure as figure } from '../../test/support/example-figure.js';
import { renderPage, renderPoints, renderXplot } from './index.js';

describe('a figure for other programs', () => {
  it('is a file of xplot: types, labels, strokes in colours, and go', () => {
    const lines = renderXplot(figure).split('\n');
    expect(lines.slice(0, 7)).toEqual([
      ...['double double', 'title', 'Data sequence: <one>', 'xlabel', 'time (s)', 'ylabel', 'position (B)'],
    ]);
    expect(lines).toContain('line 1 1000 1 2000');
    expect(lines).toContain('line 0 0 0.5 0');
    expect(lines).toContain('line 0.5 0 0.5 1000');
    expect(lines[lines.indexOf('line 0 0 0 1000') - 1]).toBe('red');
    expect(lines.slice(-2)).toEqual(['go', '']);
  });

  it('is CSV with a row for each point', () => {
    const rows = renderPoints(figure).split('\r\n');
    expect(rows[0]).toBe('series,x,y,top,packet');
    expect(rows).toContain('subflow 1,1,1000,2000,9');
    expect(rows).toContain('"DATA_ACK, whole",0.5,1000,,6');
    expect(rows).toHaveLength(9);
  });

  it('must be one that can be drawn', () => {
    const broken = { ...figure, series: [] };
    for (const render of [renderXplot, renderPoints]) expect(() => render(broken)).toThrow(/no series/);
    expect(() => renderPage('x', [{ id: 'x', figure: broken }])).toThrow(/no series/);
  });
});
