/** A number that stands for words in their order: two alike have the same. No secret is kept by it. */
export class WordDigest {
  /** Two accumulators of 32 bits each. */
  private first = 0x811c9dc5 | 0;
  private second = 0x9747b28c | 0;

  /** Adds 32 bits. */
  add(word: number): void {
    this.first = Math.imul(this.first ^ word, 0x01000193);
    const mixed = Math.imul(this.second ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
    this.second = (mixed << 13) | (mixed >>> 19);
  }

  /** Adds an instant in ns. */
  addTime(now: number): void {
    this.add(now | 0);
    this.add(Math.floor(now / 0x1_0000_0000));
  }

  /** Adds the first `length` bytes of `view`: by words, and those behind the last whole one each by itself. */
  addBytes(view: DataView, length: number): void {
    const whole = length & ~3;
    let at = 0;
    for (; at < whole; at += 4) this.add(view.getInt32(at, true));
    for (; at < length; at++) this.add(view.getUint8(at));
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return [this.first, this.second].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
