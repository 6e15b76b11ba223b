/** The first frames that show something: enough to look at, few enough to keep for everything. Costs nothing while empty. */

/** Frames kept, and named by a finding at most. */
export const MAX_FRAMES = 20;

const none: readonly number[] = [];

export class FrameList {
  private frames: readonly number[] = none;

  /** Keeps the number of a frame, once, while there is room. */
  add(frame: number): void {
    const { frames } = this;
    if (frames.length === 0) this.frames = [frame];
    else if (frames.length < MAX_FRAMES && frames[frames.length - 1] !== frame) {
      (frames as number[]).push(frame);
    }
  }

  /** Forgets all. */
  clear(): void {
    this.frames = none;
  }

  /** What was kept, in its order. */
  list(): readonly number[] {
    return [...this.frames];
  }
}
