/** Figures that show the same span of time: who moves in one moves in all of them. */
import { TimeRange } from '../../src/plot/index.js';
import { isDark } from '../theme.js';

/** A figure that can be drawn. */
export interface Drawable {
  draw(): void;
}

export class PanelGroup {
  readonly time: TimeRange;
  /** What a reader who does not see is told. */
  say: (text: string) => void = () => undefined;
  private readonly panels = new Set<Drawable>();
  private isFrameWanted = false;

  constructor() {
    this.time = new TimeRange({ low: 0, high: 1 });
  }

  get isDark(): boolean {
    return isDark.value;
  }

  get pixelRatio(): number {
    return devicePixelRatio || 1;
  }

  /** What the figures reach over, in seconds. */
  setSpan(low: number, high: number): void {
    this.time.setWhole({ low, high: Math.max(high, low + 1e-6) });
  }

  add(panel: Drawable): void {
    this.panels.add(panel);
    this.requestDraw();
  }

  remove(panel: Drawable): void {
    this.panels.delete(panel);
  }

  requestDraw(): void {
    if (this.isFrameWanted) return;
    this.isFrameWanted = true;
    requestAnimationFrame(() => {
      this.isFrameWanted = false;
      for (const panel of this.panels) panel.draw();
    });
  }
}
