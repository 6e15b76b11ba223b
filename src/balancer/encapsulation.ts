/**
 * A packet within a packet, on its way from a balancer to a server or from one server to another. The outer header says who had
 * the flow's bucket before, since when that is over, and which generation of the buckets the sender knows.
 *
 * Over IPv4 it has the form that Beamer gave it: header of 9 words, hop limit 250, and an option 0x61 of 16 bytes (2 bytes of
 * padding, then former server, seconds and generation, 4 bytes each). Over IPv6 a destination options header of 32 bytes has the
 * same in an option of experimental number 0x1e (RFC 4727 §3.6: skipped by who does not know it): former server, 16 bytes, then
 * seconds and generation. A time of 0 says that nobody had it. What is inside may be of either family.
 *
 * Read first: RFC 2003 §3, RFC 2473 §3, RFC 8200 §4.2 and §4.6, RFC 6040 §4.1 (the ECN field is cleared outside).
 */
import {
  ipHeaderLength,
  IpAddress,
  IpPacket,
  IpProtocol,
  ipv4HeaderChecksum,
  parseIp,
  readU16,
  readU32,
  viewOf,
  writeIpHeader,
  writeU16,
  writeU32,
} from '../wire/index.js';

/** Protocol numbers of what is inside. */
export const InnerProtocol = { 4: 4, 6: 41 } as const;
/** Hop limit of the outer header. */
export const tunnelHopLimit = 250;
/** First two bytes of the option in either family. */
export const v4Option = 0x6110;
export const v6Option = 0x1e18;
/** Bytes that the option takes, with what surrounds it. */
export const noteBytes = { 4: 16, 6: 32 } as const;

/** What an outer header says. */
export interface TunnelNote {
  /** Whoever encapsulates. */
  readonly source: IpAddress;
  /** The server; of the same family as `source`. */
  readonly destination: IpAddress;
  /** Who had the flow's bucket before, of the same family; undefined for nobody. */
  readonly previous: IpAddress | undefined;
  /** When it changed hands, in whole seconds modulo 2^32; 0 without `previous`. */
  readonly movedAtSeconds: number;
  /** Generation of the sender's buckets, modulo 2^32. */
  readonly generation: number;
}

/** Bytes that encapsulation adds to a packet, by family of the outer header. */
export function encapsulationBytes(family: 4 | 6): number {
  return ipHeaderLength(family) + noteBytes[family];
}

/** The IP packet in the `length` bytes at `offset`, within another. The copy is new memory. */
export function encapsulate(bytes: Uint8Array, offset: number, length: number, note: TunnelNote): Uint8Array {
  const { family } = note.source;
  const innerFamily = bytes[offset]! >>> 4 === 6 ? 6 : 4;
  const dscpEcn = innerFamily === 4 ? bytes[offset + 1]! : (readU16(bytes, offset) >>> 4) & 0xff;
  const headerBytes = encapsulationBytes(family);
  const out = new Uint8Array(headerBytes + length);
  writeIpHeader(viewOf(out), 0, {
    source: note.source,
    destination: note.destination,
    protocol: family === 4 ? InnerProtocol[innerFamily] : IpProtocol.DESTINATION_OPTIONS,
    payloadLength: noteBytes[family] + length,
    hopLimit: tunnelHopLimit,
    dscpEcn: dscpEcn & 0xfc,
  });
  if (family === 4) writeV4Note(out, note);
  else writeV6Note(out, note, InnerProtocol[innerFamily]);
  out.set(bytes.subarray(offset, offset + length), headerBytes);
  return out;
}

function writeV4Note(out: Uint8Array, note: TunnelNote): void {
  out[0] = 0x49;
  writeU16(out, 20, v4Option);
  note.previous?.writeTo(out, 24);
  writeU32(out, 28, note.previous === undefined ? 0 : note.movedAtSeconds);
  writeU32(out, 32, note.generation);
  writeU16(out, 10, 0);
  writeU16(out, 10, ipv4HeaderChecksum(out, 0, 36));
}

function writeV6Note(out: Uint8Array, note: TunnelNote, protocol: number): void {
  out[40] = protocol;
  out[41] = noteBytes[6] / 8 - 1;
  writeU16(out, 42, v6Option);
  note.previous?.writeTo(out, 44);
  writeU32(out, 60, note.previous === undefined ? 0 : note.movedAtSeconds);
  writeU32(out, 64, note.generation);
  // PadN of 4 bytes (RFC 8200 §4.2).
  writeU16(out, 68, 0x0102);
}

/** An encapsulated packet, as it is found. Used again for every packet. */
export class TunnelPacket {
  /** The outer header. */
  readonly outer = new IpPacket();
  /** Where the packet inside starts. */
  innerOffset = 0;
  /** Bytes of it. */
  innerLength = 0;
  /** Where the address of the former server stands; 0 for none. */
  previousOffset = 0;
  /** When the bucket changed hands, in whole seconds; 0 without a former server. */
  movedAtSeconds = 0;
  /** Generation of the sender's buckets; 0 when the packet has no note. */
  generation = 0;

  /** The former server; undefined for none. Allocates. */
  get previous(): IpAddress | undefined {
    const { outer, previousOffset } = this;
    return previousOffset === 0 ? undefined : IpAddress.read(outer.family, outer.bytes, previousOffset);
  }

  /** Reads the packet in the `length` bytes at `offset`; false when it has no packet inside, or makes no sense. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    const { outer } = this;
    if (parseIp(bytes, offset, length, outer) !== undefined || outer.isFragment) return false;
    const { protocol, payloadOffset, payloadLength } = outer;
    if (protocol !== InnerProtocol[4] && protocol !== InnerProtocol[6]) return false;
    if (payloadLength < 1 || bytes[payloadOffset]! >>> 4 !== (protocol === InnerProtocol[4] ? 4 : 6))
      return false;
    this.innerOffset = payloadOffset;
    this.innerLength = payloadLength;
    this.readNote(bytes, offset);
    return true;
  }

  private readNote(bytes: Uint8Array, offset: number): void {
    const { outer } = this;
    const { family, headerLength } = outer;
    this.previousOffset = this.movedAtSeconds = this.generation = 0;
    const at = offset + (family === 4 ? 20 : 42);
    const hasNote =
      headerLength === encapsulationBytes(family) &&
      readU16(bytes, at) === (family === 4 ? v4Option : v6Option);
    if (!hasNote || (family === 6 && bytes[offset + 6] !== IpProtocol.DESTINATION_OPTIONS)) return;
    const previousAt = family === 4 ? at + 4 : at + 2;
    const timeAt = previousAt + (family === 4 ? 4 : 16);
    this.movedAtSeconds = readU32(bytes, timeAt);
    this.generation = readU32(bytes, timeAt + 4);
    if (this.movedAtSeconds !== 0) this.previousOffset = previousAt;
  }
}
