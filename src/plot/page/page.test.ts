import { createHash } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { exampleFigure as figure } from '../../../test/support/example-figure.js';
import { renderPage } from '../index.js';
import type { PageCanvas, PageCheckbox, PageEvent, Pen } from './browser.js';

/** As much of a browser as the program of a page may use. */
class FakeElement implements PageCanvas, PageCheckbox {
  readonly children: unknown[] = [];
  readonly attributes: Record<string, string> = {};
  readonly style = { left: '', top: '' };
  textContent = '';
  hidden = false;
  checked = false;
  width = 0;
  height = 0;
  readonly clientWidth = 1000;
  readonly clientHeight = 460;
  private readonly browser: FakeBrowser;
  private lastCall = '';
  private readonly listeners: Record<string, (event: PageEvent) => void> = {};

  constructor(browser: FakeBrowser) {
    this.browser = browser;
  }

  append(...children: readonly unknown[]): void {
    this.children.push(...children);
  }
  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }
  setPointerCapture(): void {
    this.attributes['captured'] = 'yes';
  }
  getBoundingClientRect(): { left: number; top: number; bottom: number } {
    const top = this.attributes['aria-label']?.startsWith('Far') === true ? this.browser.farTop : 0;
    return { left: 0, top, bottom: top + 460 };
  }
  addEventListener(name: string, listener: (event: PageEvent) => void): void {
    this.listeners[name] = listener;
  }
  /** Whether the page took the event for itself. */
  dispatch(name: string, event: Partial<PageEvent> = {}): boolean {
    let isTaken = false;
    const keys = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };
    const nothing = { deltaX: 0, deltaY: 0, button: 0, buttons: 1, ...keys };
    const preventDefault = (): void => void (isTaken = true);
    this.listeners[name]!({ ...nothing, preventDefault, ...event } as PageEvent);
    this.browser.drawFrames();
    return isTaken;
  }
  getContext(): Pen {
    const record = (name: string) => (first: unknown) => {
      if (name === 'fillText') this.browser.texts.push(String(first));
      // Of all that is drawn, only the mark of a chosen packet is a path that is closed and then stroked.
      if (name === 'stroke' && this.lastCall === 'closePath') this.browser.diamonds++;
      this.lastCall = name;
    };
    const set = (_: object, name: string, value: unknown): boolean => {
      if (name === 'strokeStyle') this.browser.colors.add(String(value));
      return true;
    };
    return new Proxy({}, { get: (_, name) => record(String(name)), set }) as Pen;
  }
}

/** Runs the program of a page. */
class FakeBrowser {
  texts: string[] = [];
  readonly colors = new Set<string>();
  /** Marks of a chosen packet that were drawn so far. */
  diamonds = 0;
  isDark = false;
  /** Where figures stand whose title says that they are far. */
  farTop = 5000;
  readonly canvases: FakeElement[] = [];
  readonly boxes: FakeElement[] = [];
  readonly buttons: FakeElement[] = [];
  private readonly known: Record<string, FakeElement> = {};
  private readonly frames: (() => void)[] = [];
  private readonly windowListeners: Record<string, () => void> = {};
  private readonly themeListeners: (() => void)[] = [];

  constructor(page: string) {
    const [, data, program] = /json">([^\n]*?)<\/script>\n<script>([\s\S]*?)<\/script>/.exec(page)!;
    for (const id of ['data', 'figures', 'live']) this.known[id] = new FakeElement(this);
    this.known['data']!.textContent = data!;
    const document = {
      getElementById: (id: string) => this.known[id],
      createElement: (name: string) => {
        const element = new FakeElement(this);
        const lists: Record<string, FakeElement[]> = {
          ...{ canvas: this.canvases, input: this.boxes, button: this.buttons },
        };
        lists[name]?.push(element);
        return element;
      },
    };
    const window = {
      ...{ devicePixelRatio: 2, innerHeight: 900 },
      addEventListener: (name: string, act: () => void) => void (this.windowListeners[name] = act),
      requestAnimationFrame: (draw: () => void) => this.frames.push(draw),
      matchMedia: () => {
        // The page asks again each time.
        const list = { addEventListener: (_: string, act: () => void) => this.themeListeners.push(act) };
        return Object.defineProperty(list, 'matches', { get: () => this.isDark });
      },
    };
    runInContext(program!, createContext({ document, window }));
  }

  /** That of the figure. */
  get canvas(): FakeElement {
    return this.canvases.find(({ attributes }) => attributes['role'] === 'application')!;
  }

  get says(): string {
    return this.known['live']!.textContent;
  }

  /** Draws what was asked for; how often. */
  drawFrames(): number {
    const due = this.frames.splice(0);
    for (const draw of due) draw();
    return due.length;
  }

  /** The texts drawn since the last time. */
  drawn(): string[] {
    const { texts } = this;
    this.texts = [];
    return texts;
  }

  happen(name: 'resize' | 'scroll' | 'beforeprint'): void {
    this.windowListeners[name]!();
    this.drawFrames();
  }

  turnDark(): void {
    this.isDark = true;
    this.colors.clear();
    for (const act of this.themeListeners) act();
    this.drawFrames();
  }
}

/** Where the last point of subflow 1 is: the plot reaches from 78 to 984, the data, with a margin of 2 %, lies inside. */
const lastX = 78 + (906 * 1.02) / 1.04;

describe('a page of figures', () => {
  const page = renderPage('Connection 0', [{ id: 'sequence', figure }]);

  it('is complete in itself and forbids itself the network', () => {
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/\b(src|href)="(?!#)|@import|fetch\(|XMLHttpRequest|import\(/);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });

  it('runs its own script and no other, whatever names are in the capture', () => {
    const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(2)"> <!-- '"\u2028`;
    const named = { ...figure, title: hostile, caption: hostile, markers: [{ x: 0.5, label: hostile }] };
    const series = figure.series.map((each, index) => ({ ...each, name: `${hostile}${index}` }));
    const text = renderPage(hostile, [{ id: 'sequence', figure: { ...named, series } }]);
    expect(text.match(/<script\b/g)).toHaveLength(2);
    expect(text.match(/<\/script>/g)).toHaveLength(2);
    expect(text).not.toMatch(/<img|<!--/);
    const digest = (content: string): string => createHash('sha256').update(content).digest('base64');
    const [, script] = /<script>([\s\S]*?)<\/script>/.exec(text)!;
    const [, style] = /<style>([\s\S]*?)<\/style>/.exec(text)!;
    expect(text).toContain(`script-src 'sha256-${digest(script!)}'; style-src 'sha256-${digest(style!)}'`);
    expect(text).not.toContain('unsafe-inline');
    expect(text).not.toMatch(/ style=| on[a-z]+="/);
    expect(new FakeBrowser(text).drawn()).toContain(hostile);
  });

  it('draws axes with units and names the handover', () => {
    const texts = new FakeBrowser(page).drawn();
    expect(texts).toContain('time (s)');
    expect(texts).toContain('position (kB)');
    expect(texts).toContain('subflow 0 → 1');
  });

  it('is dark where its reader wants that, from one moment to the next', () => {
    const browser = new FakeBrowser(page);
    expect([...browser.colors]).toContain('#d55e00');
    browser.turnDark();
    expect([...browser.colors]).not.toContain('#d55e00');
    expect([...browser.colors]).toContain('#f0702c');
  });

  it('names the packet that is pointed at, where it lies, and how long it is', () => {
    const browser = new FakeBrowser(page);
    browser.canvas.dispatch('pointermove', { clientX: lastX, clientY: 100 });
    expect(browser.says).toBe('subflow 1, packet 9, at 1.000000 s, from 1,000 B to 2,000 B: 1,000 B');
    browser.canvas.dispatch('pointerleave');
    expect(browser.says).toBe('');
  });

  it('marks the packet of a point that is clicked, or chosen by Enter, in all figures, until Escape', () => {
    const two = renderPage('Two', [
      { id: 'one', figure },
      { id: 'two', figure: { ...figure, title: 'Other' } },
    ]);
    const browser = new FakeBrowser(two);
    const { canvas } = browser;
    const strokes = (): number => browser.diamonds;
    expect(strokes()).toBe(0);
    const at = { clientX: lastX, clientY: 100 };
    canvas.dispatch('pointerdown', { ...at, pointerId: 1 });
    canvas.dispatch('pointermove', { ...at, clientX: lastX + 2 });
    canvas.dispatch('pointerup', at);
    expect(browser.says).toBe('packet 9 is marked in all figures');
    expect(strokes()).toBe(2);
    canvas.dispatch('keydown', { key: 'p' });
    canvas.dispatch('keydown', { key: 'Enter' });
    expect(browser.says).toBe('packet 4 is marked in all figures');
    canvas.dispatch('keydown', { key: 'Escape' });
    canvas.dispatch('keydown', { key: 'Escape' });
    expect(browser.says).toBe('no packet');
    const before = strokes();
    canvas.dispatch('keydown', { key: '0' });
    expect(strokes()).toBe(before);
  });

  it('moves and zooms by mouse and comes back', () => {
    const browser = new FakeBrowser(page);
    const { canvas } = browser;
    const whole = browser.drawn();
    canvas.dispatch('focus');
    expect(canvas.dispatch('wheel', { clientX: 500, clientY: 200, deltaY: -400 })).toBe(true);
    const zoomed = browser.drawn();
    expect(zoomed).not.toEqual(whole);
    canvas.dispatch('pointerdown', { clientX: 500, clientY: 200, pointerId: 1 });
    canvas.dispatch('pointermove', { clientX: 300, clientY: 200 });
    expect(browser.drawn()).not.toEqual(zoomed);
    canvas.dispatch('pointerup');
    canvas.dispatch('dblclick');
    expect(browser.drawn()).toEqual(whole);
  });

  it('is held by the first button only, and for as long as it is down', () => {
    const browser = new FakeBrowser(page);
    const { canvas } = browser;
    canvas.dispatch('focus');
    canvas.dispatch('wheel', { clientX: 500, clientY: 200, deltaY: -400 });
    expect(browser.drawn()).not.toEqual([]);
    const moved = { clientX: 300, clientY: 200 };
    // The menu of the second one keeps for itself that it was let go.
    canvas.dispatch('pointerdown', { clientX: 500, clientY: 200, pointerId: 1, button: 2, buttons: 2 });
    canvas.dispatch('pointermove', { ...moved, buttons: 0 });
    expect(browser.drawn()).toEqual([]);
    canvas.dispatch('pointerdown', { clientX: 500, clientY: 200, pointerId: 1 });
    canvas.dispatch('pointermove', { ...moved, buttons: 0 });
    canvas.dispatch('pointermove', moved);
    expect(browser.drawn()).toEqual([]);
    expect(canvas.attributes['captured']).toBe('yes');
  });

  it('leaves the wheel to the page until a figure is chosen or a key is held', () => {
    const { canvas } = new FakeBrowser(page);
    const turn = { clientX: 500, clientY: 200, deltaY: -100 };
    expect(canvas.dispatch('wheel', turn)).toBe(false);
    expect(canvas.dispatch('wheel', { ...turn, ctrlKey: true })).toBe(true);
    expect(canvas.dispatch('wheel', { ...turn, deltaY: 0, deltaX: -100, shiftKey: true })).toBe(true);
    canvas.dispatch('focus');
    expect(canvas.dispatch('wheel', turn)).toBe(true);
    canvas.dispatch('blur');
    expect(canvas.dispatch('wheel', turn)).toBe(false);
  });

  it('shows the part that is drawn around with Shift, and nothing else when that is a mere click', () => {
    const browser = new FakeBrowser(page);
    const { canvas } = browser;
    const whole = browser.drawn();
    canvas.dispatch('pointerdown', { clientX: 500, clientY: 200, shiftKey: true });
    canvas.dispatch('pointermove', { clientX: 502, clientY: 201 });
    canvas.dispatch('pointerup');
    expect(browser.drawn().slice(-whole.length)).toEqual(whole);
    canvas.dispatch('pointerdown', { clientX: 200, clientY: 60, shiftKey: true });
    canvas.dispatch('pointermove', { clientX: 300, clientY: 120 });
    canvas.dispatch('pointerup');
    expect(browser.drawn().slice(-whole.length)).not.toEqual(whole);
  });

  it('zooms by buttons, and shows everything again', () => {
    const browser = new FakeBrowser(page);
    const whole = browser.drawn();
    const [closer, farther, everything] = browser.buttons;
    closer!.dispatch('click');
    const close = browser.drawn();
    expect(close).not.toEqual(whole);
    farther!.dispatch('click');
    expect(browser.drawn()).toEqual(whole);
    closer!.dispatch('click');
    expect(browser.drawn()).toEqual(close);
    everything!.dispatch('click');
    expect(browser.drawn()).toEqual(whole);
  });

  it('can be used by keyboard: goes through the points, zooms, and shows everything again', () => {
    const browser = new FakeBrowser(page);
    const { canvas } = browser;
    const whole = browser.drawn();
    const press = (key: string): boolean => canvas.dispatch('keydown', { key });
    expect(canvas.attributes['tabindex']).toBe('0');
    press('n');
    expect(browser.says).toMatch(/^subflow 1, packet 4,/);
    press('n');
    expect(browser.says).toMatch(/^subflow 1, packet 9,/);
    press('p');
    expect(browser.says).toMatch(/^subflow 1, packet 4,/);
    press('s');
    expect(browser.says).toMatch(/^DATA_ACK, whole,/);
    press('Escape');
    expect(browser.says).toBe('');
    browser.drawn();
    for (const key of ['+', 'ArrowRight', 'ArrowUp', '>']) expect(press(key)).toBe(true);
    expect(browser.drawn().slice(-whole.length)).not.toEqual(whole);
    press('0');
    expect(browser.drawn()).toEqual(whole);
    expect(press('Tab')).toBe(false);
    expect(canvas.dispatch('keydown', { key: '0', ctrlKey: true })).toBe(false);
  });

  it('draws a figure when it comes near, and all of them for paper', () => {
    const far = { ...figure, title: 'Far below', y: { label: 'depth' } };
    const two = renderPage('Two', [
      { id: 'near', figure },
      { id: 'far', figure: far },
    ]);
    const scrolled = new FakeBrowser(two);
    expect(scrolled.drawn()).not.toContain('depth');
    scrolled.farTop = 800;
    scrolled.happen('scroll');
    expect(scrolled.drawn()).toContain('depth');
    scrolled.happen('scroll');
    expect(scrolled.drawn()).toEqual([]);
    const printed = new FakeBrowser(two);
    printed.happen('beforeprint');
    expect(printed.drawn()).toContain('depth');
  });

  it('does not draw anew for a pointer that moves', () => {
    const browser = new FakeBrowser(page);
    browser.drawn();
    for (let x = 100; x < 900; x += 100) browser.canvas.dispatch('pointermove', { clientX: x, clientY: 100 });
    expect(browser.drawn()).toEqual([]);
  });

  it('leaves out a series that its reader unticks', () => {
    const browser = new FakeBrowser(page);
    const { boxes, canvas } = browser;
    expect(boxes.map(({ checked }) => checked)).toEqual([true, true, true, true]);
    boxes[0]!.checked = false;
    boxes[0]!.dispatch('change');
    canvas.dispatch('keydown', { key: 'n' });
    expect(browser.says).toMatch(/^DATA_ACK/);
  });
});
