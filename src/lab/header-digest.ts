/**
 * A number that stands for the packets at one place: their order, times and directions, and every byte of their headers. The
 * payloads count by the checksums in the headers, which cover them (RFC 9293 §3.1).
 */
import { type Direction, type PacketGlance, WordDigest } from '../network/index.js';

export class HeaderDigest {
  /** Packets seen. */
  count = 0;
  private readonly words = new WordDigest();

  /** Takes in a packet that passed at `now` (ns). */
  add(now: number, { view, length, rest, headerLength }: PacketGlance, direction: Direction): void {
    const { words } = this;
    this.count++;
    words.addTime(now);
    words.add((length + rest.length) * 2 + (direction === 'inward' ? 1 : 0));
    words.addBytes(view, headerLength);
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return this.words.toString();
  }
}
