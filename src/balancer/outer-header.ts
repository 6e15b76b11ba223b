/**
 * The same headers as encapsulation.ts makes, written in front of a packet where it lies: for data paths, which have no time to copy. One
 * object for each server holds all that does not change. Designs without buckets leave the note out: then it is plain IP in IP.
 *
 * Read first: RFC 2003 §3, RFC 2473 §3, RFC 6040 §4.1.
 */
import { foldSum, IpProtocol, type IpAddress } from '../wire/index.js';
import {
  encapsulationBytes,
  InnerProtocol,
  noteBytes,
  tunnelHopLimit,
  v4Option,
  v6Option,
} from './encapsulation.js';
import { type Verdict, VerdictAction } from './verdict.js';

/** See the module. */
export class OuterHeader {
  readonly family: 4 | 6;
  /** Bytes of the longest header that it writes: the room that there has to be in front of a packet. */
  readonly mostBytes: number;
  /** The words of both addresses, signed. */
  private readonly source: Int32Array;
  private readonly destination: Int32Array;
  /** What the words that stay the same add to the checksum of IPv4, without a note and with one. */
  private readonly plainSum: number;
  private readonly notedSum: number;

  /** `source` and `destination` are of one family. */
  constructor(source: IpAddress, destination: IpAddress) {
    this.family = source.family;
    this.mostBytes = encapsulationBytes(source.family);
    this.source = wordsOf(source);
    this.destination = wordsOf(destination);
    const addresses = sumOfWord(source.d) + sumOfWord(destination.d);
    // Header length and hop limit; the bit that forbids fragments.
    this.plainSum = addresses + 0x4500 + 0x4000 + (tunnelHopLimit << 8);
    this.notedSum = addresses + 0x4900 + 0x4000 + (tunnelHopLimit << 8) + v4Option;
  }

  /** Bytes of the header that `verdict` wants. */
  bytesFor(verdict: Verdict): number {
    const noted = verdict.action === VerdictAction.ENCAPSULATE;
    return noted ? this.mostBytes : this.mostBytes - noteBytes[this.family];
  }

  /**
   * Writes the header that `verdict` wants before the packet of `length` bytes at `at`, which has to be a sound IP packet. Gives where the
   * new one starts.
   */
  write(view: DataView, at: number, length: number, verdict: Verdict): number {
    const first = view.getUint16(at);
    const isV6 = first >>> 12 === 6;
    // The class of traffic without the bits for congestion.
    const dscp = (isV6 ? first >>> 4 : first) & 0xfc;
    const protocol = isV6 ? InnerProtocol[6] : InnerProtocol[4];
    const isNoted = verdict.action === VerdictAction.ENCAPSULATE;
    if (this.family === 4) {
      return isNoted
        ? this.writeNoted4(view, at - 36, length + 36, dscp, protocol, verdict)
        : this.writePlain4(view, at - 20, length + 20, dscp, protocol);
    }
    const start = at - (isNoted ? 72 : 40);
    if (isNoted) this.writeNote6(view, start + 40, protocol, verdict);
    const next = isNoted ? IpProtocol.DESTINATION_OPTIONS : protocol;
    this.writePlain6(view, start, isNoted ? length + noteBytes[6] : length, dscp, next);
    return start;
  }

  private writePlain4(view: DataView, start: number, total: number, dscp: number, protocol: number): number {
    const sum = foldSum(this.plainSum + dscp + total + protocol);
    view.setInt32(start, ((0x4500 | dscp) << 16) | total);
    this.writeMiddle4(view, start, protocol, sum);
    return start;
  }

  private writeNoted4(
    view: DataView,
    start: number,
    total: number,
    dscp: number,
    protocol: number,
    verdict: Verdict,
  ): number {
    const { previous, generation } = verdict;
    const formerWord = previous === undefined ? 0 : previous.address.d | 0;
    const movedAt = previous === undefined ? 0 : verdict.movedAtSeconds | 0;
    const note = sumOfWord(formerWord) + sumOfWord(movedAt) + sumOfWord(generation | 0);
    view.setInt32(start, ((0x4900 | dscp) << 16) | total);
    this.writeMiddle4(view, start, protocol, foldSum(this.notedSum + dscp + total + protocol + note));
    view.setInt32(start + 20, v4Option << 16);
    view.setInt32(start + 24, formerWord);
    view.setInt32(start + 28, movedAt);
    view.setInt32(start + 32, generation | 0);
    return start;
  }

  /** Words 1 to 4 of an IPv4 header. */
  private writeMiddle4(view: DataView, start: number, protocol: number, sum: number): void {
    view.setInt32(start + 4, 0x4000);
    view.setInt32(start + 8, (tunnelHopLimit << 24) | (protocol << 16) | (~sum & 0xffff));
    view.setInt32(start + 12, this.source[3]!);
    view.setInt32(start + 16, this.destination[3]!);
  }

  private writePlain6(view: DataView, start: number, payload: number, dscp: number, next: number): void {
    const { source, destination } = this;
    view.setInt32(start, 0x6000_0000 | (dscp << 20));
    view.setInt32(start + 4, (payload << 16) | (next << 8) | tunnelHopLimit);
    for (let word = 0; word < 4; word++) {
      view.setInt32(start + 8 + 4 * word, source[word]!);
      view.setInt32(start + 24 + 4 * word, destination[word]!);
    }
  }

  private writeNote6(view: DataView, at: number, protocol: number, verdict: Verdict): void {
    const { previous, generation } = verdict;
    const address = previous?.address;
    view.setInt32(at, (protocol << 24) | ((noteBytes[6] / 8 - 1) << 16) | v6Option);
    view.setInt32(at + 4, address === undefined ? 0 : address.a | 0);
    view.setInt32(at + 8, address === undefined ? 0 : address.b | 0);
    view.setInt32(at + 12, address === undefined ? 0 : address.c | 0);
    view.setInt32(at + 16, address === undefined ? 0 : address.d | 0);
    view.setInt32(at + 20, address === undefined ? 0 : verdict.movedAtSeconds | 0);
    view.setInt32(at + 24, generation | 0);
    // PadN of 4 bytes (RFC 8200 §4.2).
    view.setInt32(at + 28, 0x0102_0000);
  }
}

function wordsOf({ a, b, c, d }: IpAddress): Int32Array {
  return Int32Array.of(a, b, c, d);
}

function sumOfWord(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}
