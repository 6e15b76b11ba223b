import { describe, expect, it } from 'vitest';
import { type Direction, Packet, PacketGlance } from '../network/index.js';
import { HeaderDigest } from './header-digest.js';

/** An IPv4 packet with a TCP header and so many bytes behind it. */
function tcpPacket(payloadBytes: number): Uint8Array {
  const bytes = Uint8Array.from({ length: 40 + payloadBytes }, (_, i) => (i * 7) & 0xff);
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0x40, 0, 64, 6]);
  bytes[32] = 0x50;
  return bytes;
}

function digestOf(bytes: Uint8Array, now = 1, direction: Direction = 'inward'): string {
  const [digest, glance] = [new HeaderDigest(), new PacketGlance()];
  glance.look(new Packet(bytes));
  digest.add(now, glance, direction);
  expect(digest.count).toBe(1);
  return digest.toString();
}

describe('the number that stands for all packets', () => {
  it('tells them apart by time, direction, length and every byte of their headers', () => {
    const packet = tcpPacket(30);
    const others = Array.from({ length: 40 }, (_, at) => {
      const other = packet.slice();
      other[at]! ^= at === 0 ? 0x80 : 1;
      return digestOf(other);
    });
    const all = [
      digestOf(packet),
      digestOf(packet, 2),
      digestOf(packet, 1 + 2 ** 32),
      digestOf(packet, 1, 'outward'),
      digestOf(packet.subarray(0, 66)),
      ...others,
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(digestOf(packet.slice())).toBe(all[0]);
    expect(all[0]).toMatch(/^[0-9a-f]{16}$/);
  });

  it('leaves a payload to its checksum, and takes in all of what is no TCP', () => {
    const packet = tcpPacket(30);
    const other = packet.slice();
    other[69]! ^= 1;
    expect(digestOf(other)).toBe(digestOf(packet));
    packet[9] = other[9] = 17;
    expect(digestOf(other)).not.toBe(digestOf(packet));
  });
});
