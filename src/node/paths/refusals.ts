/**
 * What the system refuses a keeper at the moment, so that each thing is told of once for as long as it goes on, and can be asked for. The
 * work has parts that are not done equally often: what a part met with this time takes the place of what it met with before.
 */

/** Parts of the work. */
export type WorkPart = 'routing' | 'connections' | 'endpoints' | 'end';

export class Refusals {
  private readonly parts = new Map<WorkPart, ReadonlySet<string>>();
  /** Of the part at work: last time's, and this time's. */
  private former: ReadonlySet<string> = new Set();
  private met = new Set<string>();

  /** A part begins. */
  begin(part: WorkPart): void {
    this.former = this.parts.get(part) ?? new Set();
    this.met = new Set();
    this.parts.set(part, this.met);
  }

  /** Something was refused, in words that differ for different things; whether that is news. */
  note(text: string): boolean {
    const isNews = !this.former.has(text) && !this.met.has(text);
    this.met.add(text);
    return isNews;
  }

  /** How many things are refused now. */
  get count(): number {
    return [...this.parts.values()].reduce((sum, texts) => sum + texts.size, 0);
  }
}
