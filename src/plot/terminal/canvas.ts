/**
 * Dots on a terminal: a grid of characters, each a braille pattern of two by four dots (Unicode U+2800), and for each
 * character whose dots it shows. Knows no figure, no colour and no terminal.
 */

/** Dots of a character, by row and column, as Unicode numbers them. */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BLANK = 0x2800;
/** Dots of a character. */
const DOTS_ACROSS = 2;
const DOTS_DOWN = 4;

/** Characters side by side. */
export interface Stretch {
  readonly text: string;
  /** Who drew in all of them last; undefined where nobody drew. */
  readonly owner: number | undefined;
}

/** The first and last of `steps` steps between two places that lie inside 0 to `size`, or one beside. */
function stepsInside(from: number, to: number, size: number, steps: number): readonly [number, number] {
  if (from === to) return [0, steps];
  const ends = [-1, size].map((edge) => ((edge - from) / (to - from)) * steps);
  return [Math.max(0, Math.floor(Math.min(...ends))), Math.min(steps, Math.ceil(Math.max(...ends)))];
}

export class BrailleCanvas {
  /** Characters. */
  readonly columns: number;
  readonly rows: number;
  private readonly bits: Uint8Array;
  /** Who drew in a character last. */
  private readonly owners: Uint8Array;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.bits = new Uint8Array(columns * rows);
    this.owners = new Uint8Array(columns * rows);
  }

  /** Dots across. */
  get width(): number {
    return this.columns * DOTS_ACROSS;
  }

  /** Dots down. */
  get height(): number {
    return this.rows * DOTS_DOWN;
  }

  /** Draws a dot, 0 / 0 at the top left; nothing where it lies outside. */
  dot(x: number, y: number, owner: number): void {
    if (!(x >= 0 && x < this.width && y >= 0 && y < this.height)) return;
    const cell = Math.floor(y / DOTS_DOWN) * this.columns + Math.floor(x / DOTS_ACROSS);
    this.bits[cell]! |= dotBits[y % DOTS_DOWN]![x % DOTS_ACROSS]!;
    this.owners[cell] = owner;
  }

  /** Draws from dot to dot, both included. */
  line(fromX: number, fromY: number, toX: number, toY: number, owner: number): void {
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    // What lies outside may be far away.
    const across = stepsInside(fromX, toX, this.width, steps);
    const down = stepsInside(fromY, toY, this.height, steps);
    const last = Math.min(across[1], down[1]);
    for (let step = Math.max(across[0], down[0]); step <= last; step++) {
      const share = step / steps;
      const [x, y] = [fromX + (toX - fromX) * share, fromY + (toY - fromY) * share];
      this.dot(Math.round(x), Math.round(y), owner);
    }
  }

  /** The characters from a place on that have the same owner, or none; at least one. */
  stretch(column: number, row: number): Stretch {
    const first = row * this.columns + column;
    const end = (row + 1) * this.columns;
    const owner = this.ownerOf(first);
    let text = '';
    for (let cell = first; cell < end && this.ownerOf(cell) === owner; cell++) {
      text += owner === undefined ? ' ' : String.fromCodePoint(BLANK + this.bits[cell]!);
    }
    return { text, owner };
  }

  private ownerOf(cell: number): number | undefined {
    return this.bits[cell] === 0 ? undefined : this.owners[cell];
  }
}
