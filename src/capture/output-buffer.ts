/** Bytes on their way to a file: grows as it is written to, and hands over what it has without a copy. */
const FIRST_BYTES = 16_384;

export class OutputBuffer {
  private bytes = new Uint8Array(FIRST_BYTES);
  private view = new DataView(this.bytes.buffer);
  private used = 0;

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.used;
  }

  /** Makes sure that `count` more bytes fit; the writes below rely on it. */
  reserve(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(FIRST_BYTES, 2 * this.bytes.length, this.used + count));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  writeUint16(value: number): void {
    this.view.setUint16(this.used, value, true);
    this.used += 2;
  }

  writeUint32(value: number): void {
    this.view.setUint32(this.used, value, true);
    this.used += 4;
  }

  /** Writes `length` bytes from `offset` on, then zeros up to `paddedLength`. */
  writeBytes(source: Uint8Array, offset: number, length: number, paddedLength: number): void {
    const isWhole = offset === 0 && length === source.length;
    this.bytes.set(isWhole ? source : source.subarray(offset, offset + length), this.used);
    this.bytes.fill(0, this.used + length, this.used + paddedLength);
    this.used += paddedLength;
  }

  /** Everything written since the last call; the caller may keep it. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.used);
    if (this.used > 0) {
      this.bytes = new Uint8Array(FIRST_BYTES);
      this.view = new DataView(this.bytes.buffer);
      this.used = 0;
    }
    return taken;
  }
}
