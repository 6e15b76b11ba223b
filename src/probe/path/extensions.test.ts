/** Where a quotation ends and what stands behind it. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/index.js';
import { type IcmpError, icmpExtensionBytes, IpAddress, TcpFlag } from '../../wire/index.js';
import { segmentDatagram } from '../datagram.js';
import { extensionTexts, quotationOf } from './extensions.js';
import { changesIn } from './quote.js';

const sent = segmentDatagram(
  {
    ...{ source: IpAddress.parse('192.0.2.1')!, destination: IpAddress.parse('198.51.100.1')! },
    ...{ hopLimit: 3, identification: 77 },
  },
  {
    ...{ sourcePort: 4000, destinationPort: 80, seq: 1000, ack: 2000, flags: TcpFlag.ACK, window: 5000 },
    ...{ options: [], payload: new Uint8Array(400).fill(7) },
  },
);
const structure = icmpExtensionBytes([
  { kind: 'mpls', labels: [{ label: 9, trafficClass: 1, isBottom: true, ttl: 2 }] },
]);

function error(more: Pick<IcmpError, 'quotedBytes' | 'extensions'>): IcmpError {
  return { type: 'time-exceeded', code: 0, ...more };
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

describe('extensions behind a quotation', () => {
  it('of a router that does not say where they begin stand behind 128 bytes (RFC 4884 §5.5)', () => {
    const quotation = quotationOf(error({ quotedBytes: joined(sent.subarray(0, 128), structure) }));
    expect(extensionTexts(quotation)).toEqual(['MPLS: label 9, class 1, time to live 2']);
    expect(changesIn(sent, quotation.quotedBytes)).toEqual([]);
  });

  it('are bytes of the packet where no checksum says otherwise', () => {
    const withoutChecksum = structure.slice();
    withoutChecksum.fill(0, 2, 4);
    for (const behind of [withoutChecksum, structure.slice(0, 7), sent.subarray(128)]) {
      const quotedBytes = joined(sent.subarray(0, 128), behind);
      expect(quotationOf(error({ quotedBytes }))).toEqual({
        ...{ quotedBytes, extensionBytes: 0, extensions: [], extensionFlaw: undefined },
      });
    }
  });

  it('that cannot be read are told, and the quotation before them counts', () => {
    const extensions = structure.slice();
    extensions[0] = 0x10;
    const quotation = quotationOf(error({ quotedBytes: sent.subarray(0, 128), extensions }));
    expect(extensionTexts(quotation)).toEqual([
      'extensions that cannot be read: extensions of version 1, not 2',
    ]);
    expect(quotation.quotedBytes).toEqual(sent.subarray(0, 128));
  });

  it('are preceded by padding, which is no change of what was sent', () => {
    for (const quoted of [28, 32, 39, 40, 60]) {
      const padded = new Uint8Array(128);
      padded.set(sent.subarray(0, quoted));
      const { quotedBytes } = quotationOf(error({ quotedBytes: padded, extensions: structure }));
      expect(changesIn(sent, quotedBytes)).toEqual([]);
    }
  });

  it('whatever their bytes, do not throw and stay out of sentences as they are', () => {
    const random = new SeededRandom(4);
    for (let round = 0; round < 2000; round++) {
      const extensions = Uint8Array.from({ length: random.nextUint32() % 60 }, () => random.nextUint32());
      extensions.set([0x20, 0, 0, 0].slice(0, extensions.length));
      const texts = extensionTexts(quotationOf(error({ quotedBytes: sent.subarray(0, 128), extensions })));
      expect(texts.length).toBeLessThanOrEqual(15);
      for (const text of texts) expect(text).toMatch(/^[ -~]+$/);
    }
  });
});
