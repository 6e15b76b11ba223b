/**
 * Where to begin when a packet of a capture is to be found again: places in the file, so many packets from each other that
 * their number stays bounded whatever the length of the file.
 */
import type { CaptureCheckpoint, CaptureReader } from '../../capture/index.js';

/** Packets between two places while there are few. */
const FIRST_STRIDE = 128;
/** Places that are kept; with half a gigabyte of full-sized packets, they are 200 kB apart. */
export const MAX_PLACES = 4096;

export class PacketIndex {
  private readonly places: CaptureCheckpoint[] = [];
  private strideNow = FIRST_STRIDE;

  /** Packets from one place to the next. */
  get stride(): number {
    return this.strideNow;
  }

  get count(): number {
    return this.places.length;
  }

  /** To be told of each packet, in order, when `reader` has given it. */
  note(reader: CaptureReader): void {
    if (reader.packetCount % this.strideNow !== 0) return;
    const place = reader.checkpoint();
    if (place === undefined) return;
    this.places.push(place);
    if (this.places.length >= MAX_PLACES) this.thin();
  }

  /** The last place before packet number `packet`; undefined for the beginning of the file. */
  before(packet: number): CaptureCheckpoint | undefined {
    const passed = Math.floor((packet - 1) / this.strideNow);
    return this.places[Math.min(passed, this.places.length) - 1];
  }

  /** Forgets every other place. */
  private thin(): void {
    const kept = this.places.filter((_, index) => index % 2 === 1);
    this.places.splice(0, this.places.length, ...kept);
    this.strideNow *= 2;
  }
}
