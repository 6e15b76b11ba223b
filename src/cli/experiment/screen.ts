/** Lines at the bottom of a terminal that are drawn over themselves, and go without a trace. */

/** A terminal, or something else that takes text. */
export interface ScreenStream {
  readonly isTTY?: boolean;
  /** Of the terminal, as it is now. */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
}

/** Colours and the like (ECMA-48 SGR), which take no room. */
const invisible = new RegExp(`${'\x1b'}\\[[\\d;]*m`, 'g');

export class Screen {
  private readonly stream: ScreenStream;
  /** How wide each line was that stands there. */
  private widths: readonly number[] = [];

  constructor(stream: ScreenStream) {
    this.stream = stream;
  }

  /** Replaces what stands there. No line may be wider than the terminal less one column. */
  draw(lines: readonly string[]): void {
    const body = lines.map((line) => `${line}\x1b[K`).join('\r\n');
    this.stream.write(`${this.back()}${body}\x1b[J`);
    this.widths = lines.map((line) => line.replace(invisible, '').length);
  }

  /** Takes away what stands there, and leaves the cursor where it began. */
  clear(): void {
    if (this.widths.length > 0) this.stream.write(`${this.back()}\x1b[J`);
    this.widths = [];
  }

  /** To the beginning of the first line: a terminal that has become narrower has broken lines in two. */
  private back(): string {
    const columns = Math.max(1, this.stream.columns ?? 80);
    const rows = this.widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows > 1 ? `\r\x1b[${rows - 1}A` : '\r';
  }
}
