/** How a terminal tells series from each other: by the sixteen colours that each has, or by letters where it shows none. */

/** Colours of the foreground, in the order of the series. */
const colors = [34, 31, 32, 35, 36, 33, 39, 90] as const;
const letters = 'abcdefgh';

/** Marks what belongs to series number `owner`. */
export class Ink {
  private readonly isColored: boolean;
  private readonly hasLetters: boolean;

  /** `isColored`: whether colours may be used; letters stand only where several series are to be told apart without. */
  constructor(isColored: boolean, series: number) {
    this.isColored = isColored;
    this.hasLetters = !isColored && series > 1;
  }

  /** `text` in the colour of a series. */
  paint(text: string, owner: number): string {
    return this.isColored ? `\x1b[${colors[owner % colors.length]!}m${text}\x1b[39m` : text;
  }

  /** What stands before the name of a series in the legend. */
  sample(owner: number): string {
    return this.hasLetters ? letters[owner % letters.length]! : this.paint('⠶', owner);
  }

  /** The dots of a series from column `column` on; without colour its letter stands in every eighth. */
  mark(text: string, owner: number, column: number): string {
    if (!this.hasLetters) return this.paint(text, owner);
    const place = owner % letters.length;
    return [...text]
      .map((dots, at) => ((column + at) % letters.length === place ? letters[place]! : dots))
      .join('');
  }
}
