/**
 * One figure on a page: its canvas, what a reader does there, and the tip that names a point. Part of the program of a
 * page (see program.ts), so it names no value of another module.
 */

import type { PageCanvas, PageElement, PageEvent } from './browser.js';
import type { ChosenPacket } from './data.js';
import type { FigureView } from './figure-view.js';
import type { Frame } from './frame.js';
import type { FindTicks, Painter, Selection } from './painter.js';
import type { PixelCover } from './pixel-cover.js';
import type { TimeRange } from './time-range.js';

/** The page around it. */
export interface PanelHost {
  readonly isDark: boolean;
  /** Pixels of the canvas for one of the screen. */
  readonly pixelRatio: number;
  /** Has all figures drawn anew, soon. */
  requestDraw(): void;
  /** Has a reader hear what is shown. */
  say(text: string): void;
  /** The packet that is marked in all figures. */
  readonly chosen: ChosenPacket | undefined;
  /** A reader chose a packet (by a click, or Enter at a point), or none any more. */
  choose(chosen: ChosenPacket | undefined): void;
  /** A reader points at what a packet shows, or at nothing any more; for who shows more of a packet. */
  pointAt?(packet: ChosenPacket | undefined): void;
}

/** What the panel is made of. */
export interface PanelParts {
  readonly Frame: typeof Frame;
  readonly Painter: typeof Painter;
  readonly PixelCover: typeof PixelCover;
  readonly findTicks: FindTicks;
}

/** Its elements. */
export interface PanelElements {
  readonly canvas: PageCanvas;
  /** Says what is picked; a mark around it. */
  readonly tip: PageElement;
  readonly ring: PageElement;
}

/** Where a drag began: in pixels, and what was shown. */
interface Grip {
  readonly x: number;
  readonly y: number;
  readonly frame: Frame;
  readonly isSelecting: boolean;
}

export class FigurePanel {
  readonly view: FigureView;
  private readonly canvas: PageCanvas;
  private readonly tip: PageElement;
  private readonly ring: PageElement;
  private readonly time: TimeRange;
  private readonly host: PanelHost;
  private readonly parts: PanelParts;
  private readonly cover: PixelCover;
  private grip: Grip | undefined = undefined;
  private selection: Selection | undefined = undefined;
  private hasFocus = false;
  /** Whether the hand moved since it took hold: until then it may be about to click. */
  private hasMoved = false;

  constructor(
    { canvas, tip, ring }: PanelElements,
    view: FigureView,
    time: TimeRange,
    host: PanelHost,
    parts: PanelParts,
  ) {
    this.canvas = canvas;
    this.tip = tip;
    this.ring = ring;
    this.view = view;
    this.time = time;
    this.host = host;
    this.parts = parts;
    this.cover = new parts.PixelCover();
    this.listen();
  }

  draw(): void {
    const { canvas, host, parts } = this;
    const frame = this.frame();
    canvas.width = Math.round(frame.size.width * host.pixelRatio);
    canvas.height = Math.round(frame.size.height * host.pixelRatio);
    const pen = canvas.getContext('2d');
    pen.setTransform(host.pixelRatio, 0, 0, host.pixelRatio, 0, 0);
    const painter = new parts.Painter(pen, host.isDark, parts.findTicks);
    painter.draw(this.view, frame, this.cover, this.selection, host.chosen);
    this.placeTip();
  }

  /** Whether some of it is on a screen of that height, or nearly. */
  isNear(height: number): boolean {
    const { top, bottom } = this.canvas.getBoundingClientRect();
    return bottom > -200 && top < height + 200;
  }

  /** Shows less or more of the time; for a button. */
  zoom(factor: number): void {
    this.time.zoom(factor);
    this.host.requestDraw();
  }

  /** Shows everything again. */
  reset(): void {
    this.time.reset();
    this.view.resetY();
    this.host.requestDraw();
  }

  private frame(): Frame {
    const { clientWidth, clientHeight } = this.canvas;
    const { low, high } = this.time;
    const size = { width: clientWidth || 1160, height: clientHeight || 460 };
    return new this.parts.Frame(size, { low, high }, this.view.rangeY);
  }

  /** Puts tip and ring where the picked point is; without drawing, since a pointer moves all the time. */
  private placeTip(): void {
    const { tip, ring, view } = this;
    const frame = this.frame();
    const { picked } = view;
    const x = picked === undefined ? -1 : frame.x(picked.series.x[picked.index]!);
    const y = picked === undefined ? -1 : frame.y(picked.series.y[picked.index]!);
    const isSeen = x >= frame.left && x <= frame.right && y >= frame.top && y <= frame.bottom;
    tip.hidden = ring.hidden = !isSeen;
    if (!isSeen) return;
    const isRight = x > frame.size.width / 2;
    tip.textContent = view.describe().join('\n');
    tip.setAttribute('class', isRight ? 'tip before' : 'tip');
    tip.style.left = `${Math.round(isRight ? x - 14 : x + 14)}px`;
    tip.style.top = `${Math.round(Math.min(Math.max(y - 40, 0), frame.size.height - 100))}px`;
    ring.style.left = `${Math.round(x)}px`;
    ring.style.top = `${Math.round(y)}px`;
  }

  private listen(): void {
    const on = (name: string, act: (event: PageEvent) => void): void =>
      this.canvas.addEventListener(name, act, { passive: false });
    on('wheel', (event) => this.turnWheel(event));
    on('pointerdown', (event) => this.take(event));
    on('pointermove', (event) =>
      this.grip === undefined ? this.pointAt(event) : this.drag(event, this.grip),
    );
    on('pointerup', (event) => this.release(event));
    on('pointercancel', () => this.letGo());
    on('pointerleave', () => {
      if (this.grip === undefined) this.pick(() => (this.view.picked = undefined));
    });
    on('dblclick', () => this.reset());
    on('focus', () => (this.hasFocus = true));
    on('blur', () => (this.hasFocus = false));
    on('keydown', (event) => this.press(event));
  }

  private placeOf(event: PageEvent): { readonly x: number; readonly y: number } {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** The page scrolls as ever, unless the figure was chosen or a key says what is meant. */
  private turnWheel(event: PageEvent): void {
    if (!this.hasFocus && !event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const frame = this.frame();
    const { x, y } = this.placeOf(event);
    // With Shift some browsers turn the wheel sideways.
    const turned = event.deltaY === 0 ? event.deltaX : event.deltaY;
    const factor = 1.0015 ** Math.min(Math.max(turned, -400), 400);
    if (event.shiftKey || x < frame.left) this.view.zoomY(factor, frame.valueY(y));
    else this.time.zoom(factor, frame.valueX(x));
    this.host.requestDraw();
  }

  private take(event: PageEvent): void {
    if (event.button !== 0) return;
    this.grip = { ...this.placeOf(event), frame: this.frame(), isSelecting: event.shiftKey };
    this.hasMoved = false;
    this.canvas.setPointerCapture(event.pointerId);
  }

  private drag(event: PageEvent, grip: Grip): void {
    // It was let go where nobody told: behind a menu, or in another window.
    if (event.buttons === 0) return this.letGo();
    const { x, y } = this.placeOf(event);
    const { frame } = grip;
    // A hand that clicks is not quite still.
    this.hasMoved ||= Math.abs(x - grip.x) > 3 || Math.abs(y - grip.y) > 3;
    if (!this.hasMoved) return;
    if (grip.isSelecting) {
      this.selection = {
        x: { low: Math.min(x, grip.x), high: Math.max(x, grip.x) },
        y: { low: Math.min(y, grip.y), high: Math.max(y, grip.y) },
      };
    } else {
      const by = (grip.x - x) / frame.perX;
      this.time.show(frame.valueX(frame.left) + by, frame.valueX(frame.right) + by);
      if (!this.view.isFitting) {
        const up = (y - grip.y) / frame.perY;
        this.view.showY({ low: frame.valueY(frame.bottom) + up, high: frame.valueY(frame.top) + up });
      }
    }
    this.host.requestDraw();
  }

  /** A click chooses the packet at its place; what was selected is what is shown from now on. */
  private release(event: PageEvent): void {
    const { grip, selection } = this;
    this.letGo();
    if (grip === undefined) return;
    if (!this.hasMoved) {
      this.pointAt(event);
      if (this.view.pickedPacket !== undefined) this.host.choose(this.view.pickedPacket);
      return;
    }
    if (selection === undefined) return;
    const { x, y } = selection;
    // A selection of a few pixels is none.
    if (x.high - x.low >= 5 && y.high - y.low >= 5) {
      this.time.show(grip.frame.valueX(x.low), grip.frame.valueX(x.high));
      this.view.showY({ low: grip.frame.valueY(y.high), high: grip.frame.valueY(y.low) });
    }
    this.host.requestDraw();
  }

  private letGo(): void {
    this.grip = this.selection = undefined;
  }

  private pointAt(event: PageEvent): void {
    const { x, y } = this.placeOf(event);
    this.pick(() => (this.view.picked = this.view.nearest(this.frame(), x, y)));
  }

  /** Has another point picked, and says what it is. */
  private pick(act: () => void): void {
    const before = this.view.picked;
    act();
    const { picked } = this.view;
    if (picked?.series === before?.series && picked?.index === before?.index) return;
    this.host.say(this.view.describe().join(', '));
    this.host.pointAt?.(this.view.pickedPacket);
    this.placeTip();
  }

  private press(event: PageEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.act(event.key)) return;
    event.preventDefault();
    this.host.requestDraw();
  }

  /** Does what a key asks for; whether it asks for something. */
  private act(key: string): boolean {
    const { time, view } = this;
    const { low, high } = view.rangeY;
    const up = (high - low) / 10;
    if (key === 'ArrowLeft') time.move(-time.width / 10);
    else if (key === 'ArrowRight') time.move(time.width / 10);
    else if (key === 'ArrowUp') view.showY({ low: low + up, high: high + up });
    else if (key === 'ArrowDown') view.showY({ low: low - up, high: high - up });
    else if (key === '+' || key === '=') time.zoom(0.7);
    else if (key === '-') time.zoom(1 / 0.7);
    else if (key === '>') view.zoomY(0.7);
    else if (key === '<') view.zoomY(1 / 0.7);
    else if (key === '0') this.reset();
    else if (key === 'n') this.pick(() => view.step(1));
    else if (key === 'p') this.pick(() => view.step(-1));
    else if (key === 's') this.pick(() => view.nextSeries());
    else if (key === 'Enter' && view.pickedPacket !== undefined) this.host.choose(view.pickedPacket);
    else if (key === 'Escape') this.leave();
    else return false;
    return true;
  }

  /** From the point, and when none is picked, from the packet. */
  private leave(): void {
    if (this.view.picked === undefined) this.host.choose(undefined);
    else this.pick(() => (this.view.picked = undefined));
  }
}
