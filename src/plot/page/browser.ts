/**
 * As much of a browser as the program of a page asks for. The layer knows no browser: types of its own say what the
 * program may use, and tests give it no more than that.
 */

/** What a reader did: of the fields those that the event has. */
export interface PageEvent {
  readonly clientX: number;
  readonly clientY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly pointerId: number;
  /** The button that was pressed, 0 for the first; and all that are down, a bit for each. */
  readonly button: number;
  readonly buttons: number;
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  preventDefault(): void;
}

/** An element of the page. */
export interface PageElement {
  textContent: string | null;
  hidden: boolean;
  readonly style: { left: string; top: string };
  append(...children: readonly (PageElement | string)[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(
    name: string,
    listener: (event: PageEvent) => void,
    options?: { readonly passive: boolean },
  ): void;
}

/** A box to tick. */
export interface PageCheckbox extends PageElement {
  checked: boolean;
}

/** An element to draw on; sizes are those of the screen (client) and of its memory. */
export interface PageCanvas extends PageElement {
  width: number;
  height: number;
  readonly clientWidth: number;
  readonly clientHeight: number;
  getContext(kind: '2d'): Pen;
  getBoundingClientRect(): { readonly left: number; readonly top: number; readonly bottom: number };
  setPointerCapture(pointerId: number): void;
}

/** What draws on a canvas. */
export interface Pen {
  fillStyle: string;
  strokeStyle: string;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: 'left' | 'center' | 'right';
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  clip(): void;
  fill(): void;
  stroke(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void;
  setLineDash(lengths: readonly number[]): void;
}

/** The document of the page. */
export interface PageDocument {
  getElementById(id: string): PageElement | null;
  createElement(name: 'canvas'): PageCanvas;
  createElement(name: 'input'): PageCheckbox;
  createElement(name: string): PageElement;
}

/** The window that shows it. */
export interface PageWindow {
  readonly devicePixelRatio: number;
  readonly innerHeight: number;
  addEventListener(name: 'resize' | 'scroll' | 'beforeprint', listener: () => void): void;
  requestAnimationFrame(draw: () => void): void;
  matchMedia(query: string): {
    readonly matches: boolean;
    addEventListener(name: 'change', listener: () => void): void;
  };
}
