/** When the first frame of a capture was: what turns its times into instants. Numbers, since there is one for every row. */

import type { CapturedPacket } from '../../capture/index.js';

const SECOND_NS = 1_000_000_000;

export class TraceClock {
  /** Of the instant asked for last: seconds since 1970, and nanoseconds of the second. */
  seconds = 0;
  nanoseconds = 0;
  private originSeconds = Number.NaN;
  private originNanoseconds = 0;

  /** Learns the origin from a packet that came `atNs` after the first frame; the first that has a time is enough. */
  learn(packet: CapturedPacket, atNs: number): void {
    if (!packet.hasTime || !Number.isNaN(this.originSeconds)) return;
    const at = packet.nanoseconds - (atNs % SECOND_NS);
    this.originSeconds = packet.seconds - Math.floor(atNs / SECOND_NS) + (at < 0 ? -1 : 0);
    this.originNanoseconds = at < 0 ? at + SECOND_NS : at;
  }

  /** Sets the instant that is `atNs` after the first frame; false where the capture has no times. */
  find(atNs: number): boolean {
    if (Number.isNaN(this.originSeconds)) return false;
    const nanoseconds = this.originNanoseconds + atNs;
    const carried = Math.floor(nanoseconds / SECOND_NS);
    this.seconds = this.originSeconds + carried;
    this.nanoseconds = nanoseconds - carried * SECOND_NS;
    return true;
  }
}
