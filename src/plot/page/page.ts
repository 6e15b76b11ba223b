/**
 * The page: builds an element for each figure and keeps all of them at the same time. Part of the program of a page (see
 * program.ts), so it names no value of another module.
 */

import type { PageCanvas, PageDocument, PageElement, PageWindow } from './browser.js';
import type { ChosenPacket, PageFigureData, PageSeries, Range } from './data.js';
import type { FigurePanel, PanelHost, PanelParts } from './figure-panel.js';
import type { DescribeValue, FigureView } from './figure-view.js';
import type { TimeRange } from './time-range.js';

/** What the page is made of. */
export interface PageParts extends PanelParts {
  readonly FigurePanel: typeof FigurePanel;
  readonly FigureView: typeof FigureView;
  readonly TimeRange: typeof TimeRange;
  readonly describeValue: DescribeValue;
}

/** The sample of a series in a legend. */
interface Sample {
  readonly canvas: PageCanvas;
  readonly series: PageSeries;
}

export class Page implements PanelHost {
  private readonly document: PageDocument;
  private readonly window: PageWindow;
  private readonly parts: PageParts;
  private readonly time: TimeRange;
  private readonly panels: FigurePanel[] = [];
  private readonly samples: Sample[] = [];
  private readonly darkness: { readonly matches: boolean };
  /** Panels that are not drawn as they should be. */
  private stale = new Set<FigurePanel>();
  private samplesAreDark: boolean | undefined = undefined;
  private isFrameWanted = false;
  chosen: ChosenPacket | undefined = undefined;

  /** Fills the element `figures` of the document. */
  constructor(
    document: PageDocument,
    window: PageWindow,
    figures: readonly PageFigureData[],
    parts: PageParts,
  ) {
    this.document = document;
    this.window = window;
    this.parts = parts;
    this.time = new parts.TimeRange(this.wholeTime(figures));
    const place = document.getElementById('figures')!;
    for (const figure of figures) place.append(this.build(figure));
    this.stale = new Set(this.panels);
    const darkness = window.matchMedia('(prefers-color-scheme: dark)');
    this.darkness = darkness;
    darkness.addEventListener('change', () => this.requestDraw());
    window.addEventListener('resize', () => this.requestDraw());
    window.addEventListener('scroll', () => this.requestFrame());
    window.addEventListener('beforeprint', () => this.draw(Number.POSITIVE_INFINITY));
    this.draw(window.innerHeight);
  }

  get isDark(): boolean {
    return this.darkness.matches;
  }

  get pixelRatio(): number {
    return this.window.devicePixelRatio || 1;
  }

  requestDraw(): void {
    this.stale = new Set(this.panels);
    this.requestFrame();
  }

  say(text: string): void {
    this.document.getElementById('live')!.textContent = text;
  }

  choose(chosen: ChosenPacket | undefined): void {
    this.chosen = chosen;
    this.say(chosen === undefined ? 'no packet' : `packet ${chosen.packet} is marked in all figures`);
    this.requestDraw();
  }

  /** However often it is asked for, a screen is drawn once. */
  private requestFrame(): void {
    if (this.isFrameWanted) return;
    this.isFrameWanted = true;
    this.window.requestAnimationFrame(() => this.draw(this.window.innerHeight));
  }

  /** Draws what is not as it should be on a screen of that height; the rest waits until it is scrolled to. */
  private draw(height: number): void {
    this.isFrameWanted = false;
    for (const panel of this.stale) {
      if (!panel.isNear(height)) continue;
      panel.draw();
      this.stale.delete(panel);
    }
    if (this.isDark !== this.samplesAreDark) this.drawSamples();
  }

  private drawSamples(): void {
    const { Painter, findTicks } = this.parts;
    this.samplesAreDark = this.isDark;
    for (const { canvas, series } of this.samples) {
      canvas.width = Math.round(34 * this.pixelRatio);
      canvas.height = Math.round(16 * this.pixelRatio);
      const pen = canvas.getContext('2d');
      pen.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
      new Painter(pen, this.isDark, findTicks).drawSample(series);
    }
  }

  private wholeTime(figures: readonly PageFigureData[]): Range {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const { series, xAxis } of figures) {
      for (const { x } of series) {
        low = Math.min(low, xAxis.low ?? x[0]!);
        high = Math.max(high, xAxis.high ?? x[x.length - 1]!);
      }
    }
    const span = high - low > 1e-12 ? high - low : Math.max(Math.abs(high), 1e-6);
    const room = span * 0.02;
    return { low: low - room, high: high + room };
  }

  private build(figure: PageFigureData): PageElement {
    const { FigureView, FigurePanel, describeValue } = this.parts;
    const section = this.make('section', { id: figure.id });
    const frame = this.make('div', { class: 'frame' });
    const canvas = this.document.createElement('canvas');
    canvas.setAttribute('tabindex', '0');
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', `${figure.title}. ${figure.caption}`);
    canvas.setAttribute('aria-describedby', 'help');
    const tip = this.make('div', { class: 'tip' });
    const view = new FigureView(figure, this.time, describeValue);
    const ring = this.make('div', { class: 'ring' });
    tip.hidden = ring.hidden = true;
    const panel = new FigurePanel({ canvas, tip, ring }, view, this.time, this, this.parts);
    this.panels.push(panel);
    frame.append(canvas, ring, tip);
    const above = this.make('div', { class: 'above' });
    above.append(this.buildLegend(view), this.buildButtons(panel));
    section.append(this.make('h2', {}, figure.title), above, frame, this.make('p', {}, figure.caption));
    return section;
  }

  private buildLegend(view: FigureView): PageElement {
    const legend = this.make('div', { class: 'legend' });
    for (const series of view.figure.series) {
      const label = this.make('label', {});
      const box = this.document.createElement('input');
      const canvas = this.document.createElement('canvas');
      box.setAttribute('type', 'checkbox');
      box.checked = true;
      box.addEventListener('change', () => {
        view.hide(series, !box.checked);
        this.requestDraw();
      });
      canvas.setAttribute('class', 'sample');
      canvas.setAttribute('aria-hidden', 'true');
      this.samples.push({ canvas, series });
      label.append(box, canvas, series.name);
      legend.append(label);
    }
    return legend;
  }

  private buildButtons(panel: FigurePanel): PageElement {
    const buttons = this.make('div', { class: 'buttons' });
    const add = (text: string, act: () => void): void => {
      const button = this.make('button', { type: 'button' }, text);
      button.addEventListener('click', act);
      buttons.append(button);
    };
    add('Zoom in', () => panel.zoom(0.5));
    add('Zoom out', () => panel.zoom(2));
    add('Show everything', () => panel.reset());
    return buttons;
  }

  private make(name: string, attributes: Readonly<Record<string, string>>, text = ''): PageElement {
    const element = this.document.createElement(name);
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]!);
    element.textContent = text;
    return element;
  }
}
