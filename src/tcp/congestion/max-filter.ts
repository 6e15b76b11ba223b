/**
 * The greatest value of the last so many rounds, in constant memory: the three best of different ages are kept, so that
 * the next one is at hand when the best grows too old (after Kathleen Nichols' algorithm, as in Linux's `win_minmax`).
 */
export class MaxFilter {
  private readonly window: number;
  /** Values from the greatest on, and the rounds in which they were seen, oldest first. */
  private readonly values = [0, 0, 0];
  private readonly rounds = [0, 0, 0];

  /** Counts values of the last `window` rounds. */
  constructor(window: number) {
    this.window = window;
  }

  /** The greatest value; 0 before the first. */
  get value(): number {
    return this.values[0]!;
  }

  /** `value` was seen in `round`; rounds never go back. */
  update(round: number, value: number): void {
    const { values, rounds, window } = this;
    if (value >= values[0]! || round - rounds[2]! > window) {
      this.fill(0, round, value);
      return;
    }
    if (value >= values[1]!) this.fill(1, round, value);
    else if (value >= values[2]!) this.fill(2, round, value);
    this.age(round, value);
  }

  private age(round: number, value: number): void {
    const { rounds, window } = this;
    const age = round - rounds[0]!;
    if (age > window) {
      this.shift();
      this.fill(2, round, value);
      if (round - rounds[0]! > window) {
        this.shift();
        this.fill(2, round, value);
      }
      return;
    }
    // A quarter of the window without a second best, or half without a third: take what there is.
    if (rounds[1] === rounds[0] && age > window / 4) this.fill(1, round, value);
    else if (rounds[2] === rounds[1] && age > window / 2) this.fill(2, round, value);
  }

  private fill(from: number, round: number, value: number): void {
    for (let i = from; i < 3; i++) {
      this.values[i] = value;
      this.rounds[i] = round;
    }
  }

  private shift(): void {
    for (let i = 0; i < 2; i++) {
      this.values[i] = this.values[i + 1]!;
      this.rounds[i] = this.rounds[i + 1]!;
    }
  }
}
