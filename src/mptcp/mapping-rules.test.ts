/** Mappings that do not match the segments they come with, come twice, overlap, come early or late, or contradict themselves. */
import { describe, expect, it } from 'vitest';
import { seq32, uint64Add } from '../base/index.js';
import { deriveInitialDataSeq, dssChecksum } from '../wire/index.js';
import type { Dss } from '../wire/index.js';
import { bytes, Impostor, impostorKey, resetReason } from '../../test/support/mptcp-impostor.js';
import { World } from '../../test/support/mptcp-world.js';
import { ResetReason } from './reset-reason.js';

for (const checked of [false, true]) {
  /** A mapping of `length` bytes that count up from their offset, with its checksum where there are checksums. */
  const mapping = (impostor: Impostor, start: number, length: number, spoil = 0): Dss => {
    const seq = uint64Add(deriveInitialDataSeq(impostorKey, 1), start);
    const checksum = dssChecksum(seq, seq32(start), length, [bytes(length, start - 1)]) ^ spoil;
    return impostor.mapping(start, start, length, checked ? { checksum } : {});
  };
  const begin = (): Impostor => new Impostor({ checksum: checked });

  describe(`a mapping${checked ? ' with a checksum' : ''} (RFC 8684 §3.3.1)`, () => {
    it('longer than its segment covers the next ones, repeated with them or not', () => {
      for (const repeats of [true, false]) {
        const impostor = begin();
        for (let at = 0; at < 5000; at += 1000) {
          const option = at === 0 || repeats ? mapping(impostor, 1, 5000) : impostor.dataAck(1);
          impostor.send({ options: [option], payload: bytes(1000, at) });
          // What is under a checksum is not given to the reader before all of it was verified.
          expect(impostor.connection.readableBytes).toBe(checked && at < 4000 ? 0 : at + 1000);
        }
        expect(impostor.read()).toEqual(bytes(5000));
      }
    });

    it('longer than its segment waits for a segment in the middle that was lost', () => {
      const impostor = begin();
      impostor.send({ seq: 1, options: [mapping(impostor, 1, 3000)], payload: bytes(1000) });
      impostor.send({ seq: 2001, options: [mapping(impostor, 1, 3000)], payload: bytes(1000, 2000) });
      expect(impostor.connection.readableBytes).toBe(checked ? 0 : 1000);
      impostor.send({ seq: 1001, options: [impostor.dataAck(1)], payload: bytes(1000, 1000) });
      expect(impostor.read()).toEqual(bytes(3000));
    });

    it('shorter than its segment leaves the rest to wait for its own, which may come without data', () => {
      const impostor = begin();
      impostor.send({ options: [mapping(impostor, 1, 6)], payload: bytes(10) });
      expect(impostor.read()).toEqual(bytes(6));
      impostor.send({ options: [mapping(impostor, 7, 2)] });
      impostor.send({ options: [mapping(impostor, 9, 2)] });
      expect(impostor.read()).toEqual(bytes(4, 6));
    });

    it('before its data, several of them in any order, serves when the data comes without', () => {
      const impostor = begin();
      for (const start of [2001, 1, 1001]) impostor.send({ options: [mapping(impostor, start, 1000)] });
      impostor.send({ options: [impostor.dataAck(1)], payload: bytes(1400) });
      impostor.send({ options: [impostor.dataAck(1)], payload: bytes(1400, 1400) });
      impostor.send({ options: [impostor.dataAck(1)], payload: bytes(200, 2800) });
      expect(impostor.read()).toEqual(bytes(3000));
    });

    it('after its data serves all the same, as long as not too much waits', () => {
      const impostor = begin();
      impostor.send({ options: [mapping(impostor, 1, 10)], payload: bytes(10) });
      for (let at = 10; at < 5010; at += 1000) {
        impostor.send({ options: [impostor.dataAck(1)], payload: bytes(1000, at) });
      }
      expect(impostor.connection.readableBytes).toBe(10);
      impostor.send({ options: [mapping(impostor, 11, 5000)] });
      expect(impostor.read()).toEqual(bytes(5010));
    });

    it('again after its data was read says nothing, and neither does another one for those bytes', () => {
      const impostor = begin();
      impostor.send({ options: [mapping(impostor, 1, 10)], payload: bytes(10) });
      expect(impostor.read()).toEqual(bytes(10));
      impostor.send({ options: [mapping(impostor, 1, 10)] });
      impostor.send({
        seq: 1,
        options: [impostor.mapping(1, 500, 10, checked ? { checksum: 1 } : {})],
        payload: bytes(10),
      });
      impostor.send({ options: [mapping(impostor, 11, 10)], payload: bytes(10, 10) });
      expect(impostor.read()).toEqual(bytes(10, 10));
      expect(resetReason(impostor)).toBeUndefined();
    });

    it('of the same bytes with another data sequence number, or another length, resets the subflow', () => {
      for (const contradict of [
        (impostor: Impostor) => impostor.mapping(1, 2, 20, checked ? { checksum: 7 } : {}),
        (impostor: Impostor) => impostor.mapping(12, 500, 2, checked ? { checksum: 7 } : {}),
        (impostor: Impostor) => impostor.mapping(15, 14, 10, checked ? { checksum: 7 } : {}),
      ]) {
        const impostor = begin();
        impostor.send({ options: [mapping(impostor, 1, 20)], payload: bytes(10) });
        impostor.send({ options: [contradict(impostor)] });
        expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
      }
    });

    it('of the greatest length there is holds together', () => {
      const impostor = begin();
      const option = mapping(impostor, 1, 65_535);
      for (let at = 0; at < 65_535; at += 1400) {
        impostor.send({ options: [option], payload: bytes(Math.min(1400, 65_535 - at), at) });
      }
      expect(impostor.read()).toEqual(bytes(65_535));
    });
  });
}

describe('mappings that overlap (RFC 8684 §3.3.1)', () => {
  it('and agree are taken together, without checksums', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 20)] });
    impostor.send({ options: [impostor.mapping(11, 11, 20)] });
    impostor.send({ options: [impostor.mapping(21, 21, 20)] });
    impostor.send({ options: [impostor.dataAck(1)], payload: bytes(40) });
    expect(impostor.read()).toEqual(bytes(40));
    expect(resetReason(impostor)).toBeUndefined();
  });

  it('cannot both be verified with checksums, and reset the subflow', () => {
    const impostor = new Impostor({ checksum: true });
    impostor.send({ options: [impostor.mapping(1, 1, 20, { checksum: 1 })] });
    impostor.send({ options: [impostor.mapping(11, 11, 20, { checksum: 1 })] });
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
  });

  it('at the data level, on two segments, bring each byte once', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 20)], payload: bytes(20) });
    impostor.send({ options: [impostor.mapping(21, 11, 20)], payload: bytes(20, 10) });
    expect(impostor.read()).toEqual(bytes(30));
    expect(impostor.connection.statistics).toMatchObject({ bytesReceived: 30, duplicateBytes: 10 });
  });
});

describe('the mapping in the third ACK (RFC 8684 §3.1)', () => {
  it.each([0, 1, 2])(
    'maps the first data, also when the first %i segments that carried it were lost',
    (losses) => {
      for (const checksum of [false, true]) {
        const world = new World({ client: { checksum } });
        let lost = 0;
        world.tamper = (_packet, view) =>
          !(
            view.from === 'client' &&
            view.payloadLength > 0 &&
            view.options.some(({ subtype }) => subtype === 'MP_CAPABLE')
          ) || lost++ >= losses;
        world.connect().send('client', 5000, true).send('server', 10, true);
        world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
        const first = world.trace.find((view) => view.from === 'client' && view.payloadLength > 0)!;
        expect(first.options[0]).toMatchObject({ subtype: 'MP_CAPABLE', dataLength: expect.any(Number) });
        expect(world.isDelivered()).toBe(true);
        expect(world.server.wrongAt).toBe(-1);
        expect(world.server.of('fallback')).toEqual([]);
      }
    },
  );
});
