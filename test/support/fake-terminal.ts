/** As much of a terminal as programs of ours ask for: a grid of characters, a cursor, and lines that break. */

/** Text up to the next control, or one control. */
const pieces = /\x1b\[([\d;?]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]+/gu; // eslint-disable-line no-control-regex

export class FakeTerminal {
  readonly isTTY = true;
  rows: number;
  columns: number;
  /** What stands in each row; the first row is that of the cursor at the beginning, and none scrolls away. */
  private grid: string[][] = [[]];
  private row = 0;
  private column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** The rows up to the last that has something in it, without blanks at their ends. */
  get lines(): string[] {
    const lines = this.grid.map((row) =>
      Array.from(row, (each) => each ?? ' ')
        .join('')
        .trimEnd(),
    );
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  write(text: string): boolean {
    for (const [piece, numbers, letter] of text.matchAll(pieces)) {
      if (letter !== undefined) this.control(letter, numbers!);
      else if (piece === '\r') this.column = 0;
      else if (piece === '\n') this.down();
      else for (const character of piece) this.put(character);
    }
    return true;
  }

  /** The terminal gets another width: rows that are too wide now go on in the next, and the cursor with them. */
  resize(columns: number): void {
    const broken: string[][] = [];
    let row = 0;
    this.grid.forEach((cells, index) => {
      if (index === this.row) row = broken.length + Math.floor(this.column / columns);
      do broken.push(cells.splice(0, columns));
      while (cells.length > 0);
    });
    this.grid = broken;
    this.row = row;
    this.column %= columns;
    this.columns = columns;
  }

  private put(character: string): void {
    if (this.column >= this.columns) {
      this.column = 0;
      this.down();
    }
    this.grid[this.row]![this.column++] = character;
  }

  private down(): void {
    this.row++;
    this.grid[this.row] ??= [];
  }

  private control(letter: string, numbers: string): void {
    const count = numbers === '' ? 1 : Number(numbers);
    if (letter === 'A') this.row = Math.max(0, this.row - count);
    else if (letter === 'K') this.erase(numbers === '2' ? 0 : this.column);
    else if (letter === 'J') {
      this.erase(this.column);
      this.grid.length = this.row + 1;
    } else if (letter !== 'm') throw new Error(`the terminal does not know ESC [ ${numbers}${letter}`);
  }

  /** What stands in the row of the cursor from `column` on is gone. */
  private erase(column: number): void {
    this.grid[this.row]!.length = Math.min(column, this.grid[this.row]!.length);
  }
}
