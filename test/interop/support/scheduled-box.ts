/** A box that does one named thing to one chosen packet: what a race or a bad moment of the network does by chance. */
import { NEVER } from '../../../src/base/index.js';
import { Packet, type Direction, type Middlebox, type MiddleboxOutput } from '../../../src/network/index.js';

/** What happens to which packet. */
export interface Mishap {
  readonly direction: Direction;
  /** Which packet of that direction, from 0. */
  readonly index: number;
  /** It is lost, it comes twice, or it comes so many ns late and is overtaken. */
  readonly fate: 'lost' | 'twice' | number;
}

export class ScheduledBox implements Middlebox {
  /** Packets of each direction so far. */
  private readonly seen = { outward: 0, inward: 0 };
  private readonly mishap: Mishap;
  private held: Packet | undefined;
  private releaseAt = NEVER;

  constructor(mishap: Mishap) {
    this.mishap = mishap;
  }

  /** Whether the packet that was to meet with something came by. */
  get hasStruck(): boolean {
    return this.seen[this.mishap.direction] > this.mishap.index;
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const { fate } = this.mishap;
    const isChosen = direction === this.mishap.direction && this.seen[direction]++ === this.mishap.index;
    if (!isChosen) {
      out.pass(packet, direction);
    } else if (fate === 'twice') {
      out.pass(new Packet(packet.bytes.slice(), packet.segmentSize, packet.needsChecksum), direction);
      out.pass(packet, direction);
    } else if (fate !== 'lost') {
      this.held = packet;
      this.releaseAt = now + fate;
    }
  }

  pollTimeout(): number {
    return this.releaseAt;
  }

  handleTimeout(_now: number, out: MiddleboxOutput): void {
    this.releaseAt = NEVER;
    out.pass(this.held!, this.mishap.direction);
  }
}
