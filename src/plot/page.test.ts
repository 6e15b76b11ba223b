import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { renderPage, renderPoints, renderXplot, type XyFigure } from './index.js';

const figure: XyFigure = {
  kind: 'xy',
  title: 'Data sequence: <one>',
  caption: 'Says </script> what is seen.',
  x: { label: 'time', unit: 's' },
  y: { label: 'position', unit: 'B' },
  series: [
    {
      ...{ name: 'subflow 1', kind: 'segments', style: 1 },
      points: [
        { x: 0, y: 0, top: 1000, packet: 4 },
        { x: 1, y: 1000, top: 2000, packet: 9 },
      ],
    },
    {
      name: 'DATA_ACK, whole',
      kind: 'step',
      points: [
        { x: 0, y: 0 },
        { x: 0.5, y: 1000, packet: 6 },
      ],
    },
    {
      name: 'queue',
      kind: 'area',
      points: [
        { x: 0, y: 0, top: 10 },
        { x: 1, y: 5, top: 5 },
      ],
    },
    { name: 'again', kind: 'scatter', points: [{ x: 0.7, y: 500, packet: 8 }] },
  ],
  markers: [{ x: 0.5, label: 'subflow 0 → 1' }],
};

/** As much of a browser as the program of a page asks for. */
class FakeElement {
  readonly children: unknown[] = [];
  readonly attributes: Record<string, string> = {};
  readonly style: Record<string, string> = {};
  readonly strokes: string[];
  textContent = '';
  hidden = false;
  checked = false;
  clientWidth = 1000;
  clientHeight = 460;
  private readonly listeners: Record<string, (event: unknown) => void> = {};

  constructor(strokes: string[]) {
    this.strokes = strokes;
  }

  append(...children: unknown[]): void {
    this.children.push(...children);
  }
  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }
  setPointerCapture(): void {
    this.style['captured'] = 'yes';
  }
  getBoundingClientRect(): { left: number; top: number } {
    return { left: 0, top: 0 };
  }
  addEventListener(name: string, listener: (event: unknown) => void): void {
    this.listeners[name] = listener;
  }
  dispatch(name: string, event: object = {}): void {
    this.listeners[name]!({ preventDefault: () => undefined, ...event });
  }
  getContext(): unknown {
    const record = (name: string) => (first: unknown) => {
      if (name === 'fillText') this.strokes.push(String(first));
    };
    return new Proxy({}, { get: (_, name) => record(String(name)), set: () => true });
  }
}

/** Runs the program of a page; gives its canvas, what it says, and the texts drawn last. */
function open(page: string): {
  canvas: FakeElement;
  live: FakeElement;
  drawn: () => string[];
  boxes: FakeElement[];
} {
  const strokes: string[] = [];
  const [, data, program] = /json">(.*?)<\/script>\n<script>\n([\s\S]*?)<\/script>/.exec(page)!;
  const known: Record<string, FakeElement> = {};
  for (const id of ['data', 'figures', 'live']) known[id] = new FakeElement(strokes);
  known['data']!.textContent = data!;
  const canvases: FakeElement[] = [];
  const boxes: FakeElement[] = [];
  const document = {
    getElementById: (id: string) => known[id],
    createElement: (name: string) => {
      const element = new FakeElement(strokes);
      if (name === 'canvas') canvases.push(element);
      if (name === 'input') boxes.push(element);
      return element;
    },
  };
  const window = { addEventListener: () => undefined, devicePixelRatio: 2 };
  runInContext(program!, createContext({ document, window }));
  return { canvas: canvases[0]!, live: known['live']!, drawn: () => strokes.splice(0), boxes };
}

describe('a page of figures', () => {
  const page = renderPage('Connection 0', [{ id: 'sequence', figure }]);

  it('is complete in itself and forbids itself the network', () => {
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/\b(src|href)="(?!#)|@import|fetch\(|XMLHttpRequest/);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).toContain('Data sequence: \\u003cone>');
  });

  it('draws axes with units and names the handover', () => {
    const { drawn } = open(page);
    const texts = drawn();
    expect(texts).toContain('time (s)');
    expect(texts).toContain('position (kB)');
    expect(texts).toContain('subflow 0 → 1');
  });

  it('names the packet that is pointed at', () => {
    const { canvas, live } = open(page);
    // The plot reaches from 84 to 982; the data, with a margin of 3 %, lies inside.
    canvas.dispatch('pointermove', { clientX: 84 + (898 * 1.03) / 1.06, clientY: 100 });
    expect(live.textContent).toBe('subflow 1, packet 9, 1.000000 s, 1 kB to 2 kB');
    canvas.dispatch('pointerleave');
    expect(live.textContent).toBe('');
  });

  it('moves and zooms by mouse and comes back', () => {
    const { canvas, drawn } = open(page);
    const whole = drawn();
    canvas.dispatch('wheel', { clientX: 500, clientY: 200, deltaY: -1000 });
    const zoomed = drawn();
    expect(zoomed).not.toEqual(whole);
    canvas.dispatch('pointerdown', { clientX: 500, clientY: 200, pointerId: 1 });
    canvas.dispatch('pointermove', { clientX: 300, clientY: 200 });
    expect(drawn()).not.toEqual(zoomed);
    canvas.dispatch('pointerup');
    canvas.dispatch('dblclick');
    expect(drawn()).toEqual(whole);
  });

  it('can be used by keyboard: goes through the points, zooms, and shows everything again', () => {
    const { canvas, live, drawn } = open(page);
    const whole = drawn();
    const press = (key: string): void => canvas.dispatch('keydown', { key });
    expect(canvas.attributes['tabindex']).toBe('0');
    press('n');
    expect(live.textContent).toMatch(/^subflow 1, packet 4,/);
    press('n');
    expect(live.textContent).toMatch(/^subflow 1, packet 9,/);
    press('p');
    expect(live.textContent).toMatch(/^subflow 1, packet 4,/);
    press('s');
    expect(live.textContent).toMatch(/^DATA_ACK, whole,/);
    drawn();
    for (const key of ['+', 'ArrowRight', 'ArrowUp', '>']) press(key);
    expect(drawn().slice(-whole.length)).not.toEqual(whole);
    press('0');
    expect(drawn()).toEqual(whole);
  });

  it('leaves out a series that its reader unticks', () => {
    const { canvas, live, boxes } = open(page);
    expect(boxes.map(({ checked }) => checked)).toEqual([true, true, true, true]);
    boxes[0]!.checked = false;
    boxes[0]!.dispatch('change');
    canvas.dispatch('keydown', { key: 'n' });
    expect(live.textContent).toMatch(/^DATA_ACK/);
  });
});

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
