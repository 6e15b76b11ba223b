/** Figures that show the same span of time: who moves in one moves in all of them. */
import { type ChosenPacket, TimeRange } from '../../src/plot/index.js';
import { isDark } from '../theme.js';

/** A figure that can be drawn. */
export interface Drawable {
  draw(): void;
  /** Whether some of it is on a screen of that height, or nearly. */
  isNear(height: number): boolean;
}

export class PanelGroup {
  readonly time: TimeRange;
  /** What a reader who does not see is told. */
  say: (text: string) => void = () => undefined;
  /** The packet that all figures mark. */
  chosen: ChosenPacket | undefined = undefined;
  /** What is done when a reader chooses a packet, or points at one; nothing unless somebody knows more of packets. */
  onChoose: (chosen: ChosenPacket | undefined) => void = (chosen) => this.mark(chosen);
  onPoint: (packet: ChosenPacket | undefined) => void = () => undefined;
  private readonly panels = new Set<Drawable>();
  private isFrameWanted = false;
  /** Figures that are not drawn as they should be. */
  private stale = new Set<Drawable>();
  /** Seconds that the figures reach over. */
  private whole = 1;

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
    this.whole = Math.max(high - low, 1e-6);
    this.time.setWhole({ low, high: low + this.whole });
  }

  /** Marks a packet in all figures, or none. */
  mark(chosen: ChosenPacket | undefined): void {
    this.chosen = chosen;
    this.requestDraw();
  }

  /** Moves to an instant, so close that what is around it can be told apart from the rest. */
  moveTo(x: number): void {
    const { time } = this;
    const width = Math.min(time.width, this.whole / 5);
    time.show(x - width / 2, x + width / 2);
    this.requestDraw();
  }

  add(panel: Drawable): void {
    if (this.panels.size === 0) addEventListener('beforeprint', this.drawAll);
    this.panels.add(panel);
    this.requestDraw();
  }

  remove(panel: Drawable): void {
    this.panels.delete(panel);
    this.stale.delete(panel);
    if (this.panels.size === 0) removeEventListener('beforeprint', this.drawAll);
  }

  requestDraw(): void {
    this.stale = new Set(this.panels);
    this.catchUp();
  }

  /** Draws what is seen and not as it should be, once for each picture of the screen; the rest waits until it comes near. */
  catchUp(): void {
    if (this.isFrameWanted || this.stale.size === 0) return;
    this.isFrameWanted = true;
    requestAnimationFrame(() => {
      this.isFrameWanted = false;
      this.drawStale(innerHeight);
    });
  }

  /** Paper shows everything. */
  private readonly drawAll = (): void => this.drawStale(Number.POSITIVE_INFINITY);

  private drawStale(height: number): void {
    for (const panel of this.stale) {
      if (!panel.isNear(height)) continue;
      panel.draw();
      this.stale.delete(panel);
    }
  }
}
