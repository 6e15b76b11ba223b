import { formatRate, formatSize } from './units.js';

/** One line of progress on a terminal, drawn over itself a few times a second; silent in a pipe. */
export class ProgressLine {
  private readonly stream: NodeJS.WriteStream;
  private readonly expectedBytes: number;
  private readonly isLive: boolean;
  private readonly startedAt = process.hrtime.bigint();
  private drawnAt = 0n;

  /** `expectedBytes` is NaN where the size is not known. `wanted` false keeps it silent on a terminal too. */
  constructor(stream: NodeJS.WriteStream, expectedBytes: number, wanted: boolean) {
    this.stream = stream;
    this.expectedBytes = expectedBytes;
    this.isLive = wanted && stream.isTTY;
  }

  /** Says how many bytes have come. */
  update(bytes: number): void {
    if (!this.isLive) return;
    const now = process.hrtime.bigint();
    if (now - this.drawnAt < 100_000_000n) return;
    this.drawnAt = now;
    const seconds = Number(now - this.startedAt) / 1e9;
    const share = Number.isNaN(this.expectedBytes) ? '' : ` of ${formatSize(this.expectedBytes)}`;
    this.stream.write(`\r\x1b[2K${formatSize(bytes)}${share}  ${formatRate((bytes * 8) / seconds)}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.isLive && this.drawnAt > 0n) this.stream.write('\r\x1b[2K');
  }
}
