/** How far an experiment is: one line on a terminal, drawn over itself; nothing in a pipe. */

import type { ScreenStream } from './screen.js';

export class StepLine {
  private readonly stream: ScreenStream;
  private readonly isLive: boolean;
  private isDrawn = false;

  /** `wanted` false keeps it silent on a terminal too. */
  constructor(stream: ScreenStream, wanted: boolean) {
    this.stream = stream;
    this.isLive = wanted && stream.isTTY === true;
  }

  /** `done` of `total` parts are through, `what` is next. Settles when the event loop has come round. */
  async step(done: number, total: number, what: string): Promise<void> {
    if (this.isLive) {
      const share = `${String(Math.round((100 * done) / total)).padStart(3)} %`;
      const text = `${share}  ${what}`.slice(0, (this.stream.columns ?? 80) - 1);
      this.stream.write(`\r\x1b[2K${text}`);
      this.isDrawn = true;
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Clears the line. */
  end(): void {
    if (this.isDrawn) this.stream.write('\r\x1b[2K');
    this.isDrawn = false;
  }
}
