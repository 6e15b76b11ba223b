/** What a quotation is compared for, and what it is not. */
import { describe, expect, it } from 'vitest';
import { IpAddress, TcpFlag, type TcpOption, updateChecksum16, writeU16 } from '../../wire/index.js';
import { segmentDatagram } from '../datagram.js';
import { changesIn } from './quote.js';

const ends = [
  ['192.0.2.1', '198.51.100.1'],
  ['2001:db8::1', '2001:db8:1::1'],
] as const;

function packet(index: number, more: { options?: TcpOption[]; hopLimit?: number } = {}): Uint8Array {
  const [source, destination] = ends[index]!.map((text) => IpAddress.parse(text)!) as [IpAddress, IpAddress];
  return segmentDatagram(
    { source, destination, hopLimit: more.hopLimit ?? 3, identification: 77 },
    {
      ...{ sourcePort: 4000, destinationPort: 80, seq: 1000, ack: 2000, flags: TcpFlag.ACK, window: 5000 },
      options: more.options ?? [
        { kind: 'mss', mss: 1460 },
        { kind: 'mptcp', option: { subtype: 'MP_PRIO', backup: true } },
      ],
      payload: new Uint8Array(100).fill(7),
    },
  );
}

const fields = (sent: Uint8Array, quoted: Uint8Array): string[] =>
  changesIn(sent, quoted).map(({ field }) => field);

describe.each([0, 1])('a quotation in family %i', (index) => {
  const headerBytes = index === 0 ? 20 : 40;

  it('that is whole and of the same packet shows nothing, whatever is left of its life', () => {
    expect(fields(packet(index), packet(index, { hopLimit: 1 }))).toEqual([]);
  });

  it.each([8, 12, 19, 20, 24, 33, 60])(
    'cut %i bytes behind the IP header shows nothing that is not there',
    (bytes) => {
      expect(fields(packet(index), packet(index).subarray(0, headerBytes + bytes))).toEqual([]);
    },
  );

  it('shows a sequence number that was moved, in eight bytes of TCP', () => {
    const quoted = packet(index);
    writeU16(quoted, headerBytes + 6, 7);
    expect(fields(packet(index), quoted.subarray(0, headerBytes + 8))).toEqual(['sequence']);
  });

  it('shows an option that is gone, one that changed and one that came', () => {
    const quoted = packet(index, {
      options: [{ kind: 'mss', mss: 1400 }, { kind: 'nop' }, { kind: 'nop' }, { kind: 'sack-permitted' }],
    });
    const changes = changesIn(packet(index), quoted);
    expect(changes).toEqual([
      { field: 'mss', sent: 'MSS', seen: 'MSS, changed' },
      { field: 'mptcp-option', sent: 'MP_PRIO', seen: 'removed' },
      { field: 'tcp-option', sent: 'nothing', seen: 'SACK permitted, added' },
    ]);
  });

  it('gives away a translator that put the address back and not the checksum', () => {
    const quoted = packet(index);
    updateChecksum16(quoted, headerBytes + 16, 1, 2);
    expect(fields(packet(index), quoted)).toEqual(['checksum']);
  });

  it('shows the payload, as far as it is quoted', () => {
    const quoted = packet(index);
    quoted[quoted.length - 50] = 8;
    expect(fields(packet(index), quoted)).toContain('payload');
    expect(fields(packet(index), quoted.subarray(0, quoted.length - 51))).toEqual([]);
  });

  it('that is nonsense shows nothing', () => {
    for (let length = 0; length < 60; length++) {
      const nonsense = Uint8Array.from({ length }, (_, i) => (i * 37 + length * 11) & 0xff);
      expect(() => changesIn(packet(index), nonsense)).not.toThrow();
    }
  });
});
