import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderFigure } from '../plot/index.js';
import { isSavedFigure } from './index.js';

const text = { title: 'A <b>title</b> & "more"', caption: "What's seen." };
const y = { label: 'value' };
const points = [
  { x: 0, y: 1, top: 2 },
  { x: 1, y: 3, top: 4 },
];
const lines = renderFigure({
  ...{ kind: 'xy', ...text, x: { label: 'time', unit: 's' }, y, markers: [{ x: 0.5, label: 'here' }] },
  series: (['line', 'step', 'scatter', 'segments', 'area'] as const).map((kind) => ({
    name: kind,
    kind,
    points,
  })),
});
const bars = renderFigure({
  ...{ kind: 'bars', ...text, x: { label: 'what' }, y, categories: ['one', 'a second one that is long'] },
  groups: ['a', 'b', 'c'].map((name) => ({ name, values: [1, 2] })),
});
const around = (content: string): string => `<svg xmlns="http://www.w3.org/2000/svg">${content}</svg>`;

describe('a figure that was written down', () => {
  it('is shown when it is of this program, of whatever kind', () => {
    for (const figure of [lines, bars]) expect(isSavedFigure(figure)).toBe(true);
    expect(isSavedFigure(around('<g><rect width="1"/></g>'))).toBe(true);
  });

  it.each([
    'text',
    '',
    '<html></html>',
    `<?xml version="1.0"?>${around('')}`,
    `<!DOCTYPE svg [<!ENTITY a "b">]>${around('&a;')}`,
    around('<script>alert(1)</script>'),
    around('<image href="x.png"/>'),
    around('<use href="#a"/>'),
    around('<foreignObject></foreignObject>'),
    around('<animate/>'),
    around('<filter id="a"></filter>'),
    around('<rect onload="alert(1)"/>'),
    around('<rect style="fill:url(http://example.com/a)"/>'),
    around('<rect filter="url(#a)"/>'),
    around('<rect id=">" filter="url(#a)"/>'),
    around("<rect width='1'/>"),
    around('<pattern id="a"><rect fill="url(#b)"/></pattern>'),
    around('<pattern id="a"><g><pattern id="b"></pattern></g></pattern>'),
    around('<clipPath id="a"><g clip-path="URL(#b)"></g></clipPath>'),
    around('<g>'.repeat(20) + '</g>'.repeat(20)),
    around('<g></rect>'),
    `${around('')}<svg>`,
    around('<!-- a -->'),
    around('<![CDATA[a]]>'),
  ])('is not shown when it is anything else (%#)', (svg) => {
    expect(isSavedFigure(svg)).toBe(false);
  });

  it('is judged in one pass, however long and whatever it is', () => {
    expect(isSavedFigure(`<svg ${'a="b" '.repeat(100_000)}`)).toBe(false);
    expect(isSavedFigure(around('<g>'.repeat(100_000)))).toBe(false);
    expect(isSavedFigure(' '.repeat(9e6))).toBe(false);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (noise) => {
        expect(isSavedFigure(around(`<b>${noise}`))).toBe(false);
      }),
    );
  });
});
