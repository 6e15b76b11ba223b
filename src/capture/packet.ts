/**
 * One packet of a capture file, and what the file says about where it was seen. The same shape is read and written,
 * so that a file can be copied packet by packet.
 *
 * An instant is two numbers, whole seconds and nanoseconds. One number of nanoseconds since 1970 needs 61 bits and a
 * double keeps 53: it would round to 256 ns. The difference of two instants fits: {@link elapsedNs} is exact for the
 * 104 days that time in the engine reaches.
 */
import { SECOND } from '../base/index.js';

/** Which way a packet crossed the interface it was captured on, as far as the file tells. */
export type PacketDirection = 'unknown' | 'inbound' | 'outbound';

/** An instant: nanoseconds are 0 to 999,999,999, also before the origin (-0.25 s is -1 s and 750,000,000 ns). */
export interface CaptureTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What a writer needs to know of a packet; a {@link CapturedPacket} is one. */
export interface PacketToWrite extends CaptureTime {
  /** Interface as the writer numbers them: what `addInterface` gave. A classic file has only 0. */
  readonly interfaceIndex: number;
  /** The buffer that holds the packet, link header included. */
  readonly bytes: Uint8Array;
  /** Where in `bytes` the packet starts. */
  readonly offset: number;
  /** Bytes of the packet that are there. */
  readonly length: number;
  /** Bytes that the packet had on the wire. */
  readonly originalLength: number;
  readonly direction: PacketDirection;
  /** Remarks of people and programs on this packet. */
  readonly comments: readonly string[];
}

const noBytes = new Uint8Array(0);
const noComments: readonly string[] = [];

export class CapturedPacket implements PacketToWrite {
  /** Place in the file, counted from 1 as Wireshark does. */
  frame = 0;
  /** Interface, counted from 0 through all sections of the file; 0 in a classic file. */
  interfaceIndex = 0;
  /** What the bytes start with: a number of the tcpdump.org registry (see `linkPayload`). */
  linkType = 0;
  /** False where the file has no time for this packet (simple packet blocks); both numbers are 0 then. */
  hasTime = true;
  seconds = 0;
  /** 0 to 999,999,999; finer resolutions are rounded down. */
  nanoseconds = 0;
  bytes: Uint8Array = noBytes;
  offset = 0;
  /** Bytes captured: what is there from `offset` on. */
  length = 0;
  /** Bytes on the wire as the file has it; more than `length` where the capture cut the packet. */
  originalLength = 0;
  direction: PacketDirection = 'unknown';
  comments: readonly string[] = noComments;

  /** Sets the instant from nanoseconds of a clock that started `originSeconds` after 1970. */
  setTime(timeNs: number, originSeconds = 0): void {
    const seconds = Math.floor(timeNs / SECOND);
    this.hasTime = true;
    this.seconds = originSeconds + seconds;
    this.nanoseconds = Math.floor(timeNs - seconds * SECOND);
  }

  /** Shows `bytes` as a packet captured whole, without a copy. */
  setBytes(bytes: Uint8Array, offset = 0, length = bytes.length - offset): void {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.originalLength = length;
  }

  /** A view of the bytes captured. */
  data(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.length);
  }

  /** Forgets what only some packets have; a reader calls it before it fills the packet anew. */
  clear(): void {
    this.hasTime = true;
    this.seconds = 0;
    this.nanoseconds = 0;
    this.direction = 'unknown';
    this.comments = noComments;
  }

  /** The same packet with bytes of its own, to keep beyond the reader's next step. */
  copy(): CapturedPacket {
    const copy = new CapturedPacket();
    copy.frame = this.frame;
    copy.interfaceIndex = this.interfaceIndex;
    copy.linkType = this.linkType;
    copy.hasTime = this.hasTime;
    copy.seconds = this.seconds;
    copy.nanoseconds = this.nanoseconds;
    copy.bytes = this.bytes.slice(this.offset, this.offset + this.length);
    copy.length = this.length;
    copy.originalLength = this.originalLength;
    copy.direction = this.direction;
    copy.comments = this.comments;
    return copy;
  }
}

/** Nanoseconds from `origin` to `time`, exact up to 104 days in either direction. */
export function elapsedNs(time: CaptureTime, origin: CaptureTime): number {
  return (time.seconds - origin.seconds) * SECOND + (time.nanoseconds - origin.nanoseconds);
}

/** An interface that packets were captured on. */
export interface CaptureInterface {
  /** Place among all interfaces of the file, from 0: what `interfaceIndex` of a packet refers to. */
  readonly index: number;
  /** Place of its section in the file, from 0. */
  readonly section: number;
  /** What its packets start with: a number of the tcpdump.org registry. */
  readonly linkType: number;
  /** Most bytes kept of a packet; 0 is no limit. */
  readonly snapLength: number;
  /** The system's name, `eth0` say; empty where the file has none. */
  readonly name: string;
  /** A name for people; empty where the file has none. */
  readonly description: string;
}

/** Where a section of a pcapng file was made. Empty strings where the file does not say. */
export interface CaptureSection {
  /** Place in the file, from 0. */
  readonly index: number;
  readonly application: string;
  readonly operatingSystem: string;
  readonly hardware: string;
  readonly comments: readonly string[];
}
