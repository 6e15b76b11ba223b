/**
 * Follows every packet of a lesson from host to host: as it was sent, as it left a box, when it arrived and as what. Devices
 * observe for it; it changes nothing. Links keep the order of packets, so those that were overtaken are lost.
 */
import { type Direction, Packet, type PacketObserver, withChecksum } from '../../network/index.js';
import { IpPacket } from '../../wire/index.js';
import type { LessonSide } from './model.js';

/** Packets of a lesson that are followed; far more than a diagram shows. */
const maxRecords = 500;

/** The way of a packet. */
export interface PacketRecord {
  readonly path: number;
  readonly from: LessonSide;
  readonly sentNs: number;
  readonly sent: Uint8Array;
  /** What went onto the link; undefined when a box kept it. */
  onLink: Uint8Array | undefined;
  /** When it came to the other host, in ns; -1 when it did not. */
  arrivedNs: number;
  arrived: Uint8Array | undefined;
}

/** Where an observer stands: before a host, or between a box and the link. */
type Place = 'client' | 'link' | 'server';

export class LessonRecorder {
  readonly records: PacketRecord[] = [];
  /** What a host or the link just handed to the box of a path; it lets it go on at once, or keeps it. */
  private readonly inBox: (PacketRecord | undefined)[] = [];
  /** On its way, by path and sender. */
  private readonly onLink = new Map<string, PacketRecord[]>();
  private readonly ip = new IpPacket();

  /** Observes at a place of path `path`. */
  observer(path: number, place: Place): PacketObserver {
    return { observe: (now, packet, direction) => this.observe(now, packet, direction, path, place) };
  }

  private observe(now: number, packet: Packet, direction: Direction, path: number, place: Place): void {
    const bytes = this.bytesOf(packet);
    if (place === 'link') this.passLink(bytes, path, direction);
    else if (direction === 'outward') this.send(now, bytes, path, place);
    else if (place === 'server') arrive(this.takeOff(path, 'client', bytes), now, bytes);
    else {
      arrive(this.inBox[path], now, bytes);
      this.inBox[path] = undefined;
    }
  }

  private send(now: number, bytes: Uint8Array, path: number, from: LessonSide): void {
    if (this.records.length >= maxRecords) return;
    const record = {
      path,
      from,
      sentNs: now,
      sent: bytes,
      onLink: undefined,
      arrivedNs: -1,
      arrived: undefined,
    };
    this.records.push(record);
    if (from === 'client') this.inBox[path] = record;
    else this.putOn(record, bytes);
  }

  /** Between box and link: what the client sent goes on, or what the server sent comes to the box. */
  private passLink(bytes: Uint8Array, path: number, direction: Direction): void {
    if (direction === 'inward') {
      this.inBox[path] = this.takeOff(path, 'server', bytes);
      return;
    }
    const record = this.inBox[path];
    if (record !== undefined) this.putOn(record, bytes);
    this.inBox[path] = undefined;
  }

  private putOn(record: PacketRecord, bytes: Uint8Array): void {
    record.onLink = bytes;
    const key = `${record.path} ${record.from}`;
    const waiting = this.onLink.get(key) ?? [];
    waiting.push(record);
    this.onLink.set(key, waiting);
  }

  /** The packet that comes off the link; those before it were lost. */
  private takeOff(path: number, from: LessonSide, bytes: Uint8Array): PacketRecord | undefined {
    const waiting = this.onLink.get(`${path} ${from}`) ?? [];
    const index = waiting.findIndex(({ onLink }) => onLink !== undefined && isSame(onLink, bytes));
    return index < 0 ? undefined : waiting.splice(0, index + 1).at(-1);
  }

  /** A copy, with the checksum that the device would fill in. */
  private bytesOf(packet: Packet): Uint8Array {
    const { bytes, segmentSize, needsChecksum } = packet;
    if (!needsChecksum) return bytes.slice();
    return withChecksum(new Packet(bytes.slice(), segmentSize, true), this.ip).bytes;
  }
}

function arrive(record: PacketRecord | undefined, now: number, bytes: Uint8Array): void {
  if (record === undefined) return;
  record.arrivedNs = now;
  record.arrived = bytes;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
