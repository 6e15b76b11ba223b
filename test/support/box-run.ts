/** Packets through one box, for tests of boxes: what goes in by hand, and what comes out, read back and checked. */

import { expect } from 'vitest';
import {
  type Direction,
  type Middlebox,
  MiddleboxOutput,
  Packet,
  fillTcpChecksum,
} from '../../src/network/index.js';
import { emitTcpOptions, IpPacket, parseIp, type TcpOption, TcpFlag } from '../../src/wire/index.js';
import { type ReadPacket, readTcpPacket, tcpPacket, type TcpPacketFields } from '../simulation/packets.js';

/** The two ends of the flow that tests send, behind the box and beyond it. */
const ends = {
  4: { inside: '10.0.0.1', outside: '10.0.0.2' },
  6: { inside: 'fd00::1', outside: 'fd00::2' },
} as const;

/** What came out. */
export interface BoxOutput extends ReadPacket {
  readonly direction: Direction;
}

/** A box with one flow through it. */
export class BoxRun {
  readonly box: Middlebox;
  private readonly family: 4 | 6;

  constructor(box: Middlebox, family: 4 | 6 = 4) {
    this.box = box;
    this.family = family;
  }

  /** A packet of the flow; `segmentSize` makes it a super-segment whose checksum is left to the device. */
  packet(direction: Direction, fields: Partial<TcpPacketFields>, segmentSize = 0): Packet {
    const { inside, outside } = ends[this.family];
    const isOut = direction === 'outward';
    const bytes = tcpPacket({
      source: isOut ? inside : outside,
      destination: isOut ? outside : inside,
      sourcePort: isOut ? 1000 : 80,
      destinationPort: isOut ? 80 : 1000,
      ...fields,
    });
    return new Packet(bytes, segmentSize, segmentSize > 0);
  }

  /** Sends a packet through at `now`; every packet that comes out must be consistent. */
  send(direction: Direction, fields: Partial<TcpPacketFields>, now = 0, segmentSize = 0): BoxOutput[] {
    const out = new MiddleboxOutput();
    this.box.handlePacket(now, this.packet(direction, fields, segmentSize), direction, out);
    return collect(out);
  }

  /** Lets the box do what is due at `now`. */
  wake(now: number): BoxOutput[] {
    const out = new MiddleboxOutput();
    this.box.handleTimeout(now, out);
    return collect(out);
  }

  /** SYN and SYN+ACK, with initial numbers 100 and 500. */
  handshake(syn: readonly TcpOption[] = [], synAck: readonly TcpOption[] = []): BoxOutput[] {
    return [
      ...this.send('outward', { flags: TcpFlag.SYN, seq: 100, ack: 0, options: optionBytes(...syn) }),
      ...this.send('inward', {
        flags: TcpFlag.SYN | TcpFlag.ACK,
        seq: 500,
        ack: 101,
        options: optionBytes(...synAck),
      }),
    ];
  }
}

/** Options as bytes of a header. */
export function optionBytes(...options: TcpOption[]): Uint8Array {
  const bytes = new Uint8Array(40);
  return bytes.slice(0, emitTcpOptions(options, bytes, 0));
}

function collect(out: MiddleboxOutput): BoxOutput[] {
  const read = (direction: Direction): BoxOutput[] => {
    const packets: Packet[] = direction === 'outward' ? out.outward : out.inward;
    return packets.map((packet) => {
      const { bytes } = packet;
      const ip = new IpPacket();
      expect(parseIp(bytes, 0, bytes.length, ip)).toBeUndefined();
      expect(ip.totalLength).toBe(bytes.length);
      if (packet.needsChecksum) fillTcpChecksum(bytes, ip);
      const result = readTcpPacket(bytes);
      expect(result.checksumsRight).toBe(true);
      return { ...result, direction };
    });
  };
  return [...read('outward'), ...read('inward')];
}
