/** Data sequence numbers of both widths, across 2^32 and 2^64, and peers that change the width as they go. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Uint64 } from '../base/index.js';
import { SECOND } from '../base/index.js';
import { DssFields, MptcpSubtype, TcpOptionKind, emitDss, parseDss } from '../wire/index.js';
import { World, arrived } from '../../test/support/mptcp-world.js';
import type { Packet, WorldOptions } from '../../test/support/mptcp-world.js';
import { rulesOf } from './version.js';

/** Initial data sequence numbers this little below a wrap are passed in the middle of the transfers below. */
const BELOW = 100_000;
const BYTES = 400_000;
const atWrap = {
  '2^32': { hi: 7, lo: 2 ** 32 - BELOW },
  '2^64': { hi: 2 ** 32 - 1, lo: 2 ** 32 - BELOW },
} as const;

/** Has every key give `initialDataSeq`: no key that anybody could find gives one just below 2^64. */
function begin(initialDataSeq: Uint64): void {
  const rules = rulesOf(1);
  const { keyMaterial } = rules;
  vi.spyOn(rules, 'keyMaterial').mockImplementation((key) => ({ ...keyMaterial(key), initialDataSeq }));
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Sends both ways, ends both, and checks that all came and nobody gave up Multipath TCP. */
function exchange(options: WorldOptions, tamper?: World['tamper']): World {
  const world = new World(options);
  if (tamper !== undefined) world.tamper = tamper;
  world.connect().send('client', BYTES, true).send('server', BYTES, true);
  world.runUntil(
    () => world.client.of('closed').length + world.server.of('closed').length === 2,
    300 * SECOND,
  );
  expect(world.isDelivered()).toBe(true);
  expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  expect([...world.client.of('fallback'), ...world.server.of('fallback')]).toEqual([]);
  expect([...world.client.of('closed'), ...world.server.of('closed')].map(({ error }) => error)).toEqual([
    undefined,
    undefined,
  ]);
  return world;
}

/** Data sequence numbers on the wire, as far as they have 64 bits. */
function sequenceNumbers(world: World): bigint[] {
  return world.trace.flatMap((view) =>
    view.options.flatMap((option) =>
      option.subtype === 'DSS' && option.mapping?.dataSeq.bits === 64 ? [option.mapping.dataSeq.value] : [],
    ),
  );
}

/** Cuts the numbers of every DSS of `packet` to 32 bits, as a sender may at any time (RFC 8684 §3.3.1). */
function narrow(packet: Packet): void {
  const segment = arrived(packet.bytes);
  for (let i = 0; i < segment.mptcpCount; i++) {
    const offset = segment.mptcpOffsets[i]!;
    const length = segment.mptcpLengths[i]!;
    if (packet.bytes[offset + 2]! >>> 4 !== MptcpSubtype.DSS) continue;
    const fields = new DssFields();
    if (parseDss(packet.bytes, offset, length, fields) !== undefined) throw new Error('a malformed DSS');
    fields.ack64 = false;
    fields.seq64 = false;
    packet.bytes.fill(TcpOptionKind.NOP, offset, offset + length);
    emitDss(fields, packet.bytes, offset);
  }
}

for (const [name, initial] of Object.entries(atWrap)) {
  describe(`data that begins just under ${name} (RFC 8684 §3.3.1)`, () => {
    for (const bits of [32, 64] as const) {
      it(`crosses it with ${bits}-bit numbers, checksums, loss and reordering, on two paths`, () => {
        for (let seed = 1; seed <= 3; seed++) {
          begin(initial);
          const settings = { dataSequenceBits: bits, checksum: seed % 2 === 1 };
          const path = { loss: 0.02, jitterNs: 5e6, rateBps: 20e6 };
          const world = exchange({ seed, client: settings, server: settings, paths: [path, path] });
          if (bits === 64) {
            const start = (BigInt(initial.hi) << 32n) | BigInt(initial.lo);
            expect(sequenceNumbers(world).some((seq) => seq > start)).toBe(true);
            const wrapped = BigInt.asUintN(64, start + BigInt(BELOW));
            expect(sequenceNumbers(world).some((seq) => seq - wrapped >= 0n && seq - wrapped < BYTES)).toBe(
              true,
            );
          }
          vi.restoreAllMocks();
        }
      });
    }

    it('crosses it when each side numbers with another width', () => {
      begin(initial);
      exchange({ client: { dataSequenceBits: 32 }, server: { dataSequenceBits: 64, checksum: true } });
    });

    it('crosses it when the peers switch width from packet to packet', () => {
      begin(initial);
      let count = 0;
      exchange({ paths: [{ loss: 0.01 }, { loss: 0.01 }], client: { checksum: true } }, (packet) => {
        if (count++ % 3 === 0) narrow(packet);
        return true;
      });
    });

    it('ends with its DATA_FIN just before it, on it and just behind it, the first of them lost', () => {
      for (const bits of [32, 64] as const) {
        for (const length of [BELOW - 2, BELOW - 1, BELOW]) {
          begin(initial);
          const settings = { dataSequenceBits: bits, checksum: true };
          const world = new World({ client: settings, server: settings }).connect();
          let lost = 0;
          world.tamper = (_packet, view) =>
            !view.options.some((option) => option.subtype === 'DSS' && option.dataFin) || lost++ >= 2;
          world.send('client', length).send('server', 10).run(SECOND);
          world
            .send('client', 0, true)
            .send('server', 0, true)
            .run(10 * SECOND);
          expect(lost).toBeGreaterThan(2);
          expect(world.server.received).toBe(length);
          expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
          expect(world.server.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
          vi.restoreAllMocks();
        }
      }
    });
  });
}
