import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { TcpFlag, writeU16 } from '../wire/index.js';
import type { MptcpOption } from '../wire/index.js';
import { World, arrived, stripOptions } from '../../test/support/mptcp-world.js';
import type { Packet } from '../../test/support/mptcp-world.js';
import { ResetReason } from './reset-reason.js';

const checked = { client: { checksum: true } };
const isDss = (option: MptcpOption): boolean => option.subtype === 'DSS';

/** Flips a bit of the last payload byte. */
function spoil(packet: Packet): void {
  packet.bytes[packet.bytes.length - 1]! ^= 1;
}

function options(world: World): MptcpOption[] {
  return world.trace.flatMap((view) => view.options);
}

describe('a wrong checksum on the only subflow', () => {
  for (const [when, skipped] of [
    ['at once', 0],
    ['in the middle', 20],
  ] as const) {
    it(`${when} turns the connection into plain TCP, both ways`, () => {
      const world = new World(checked).connect();
      let count = 0;
      world.tamper = (packet, view) => {
        if (view.from === 'client' && view.payloadLength > 0 && count++ === skipped) spoil(packet);
        return true;
      };
      world.send('client', 200_000, true).run(SECOND).send('client', 0).send('server', 100_000, true);
      world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
      expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'checksum' }]);
      expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'peer-failed' }]);
      expect(world.isDelivered()).toBe(true);
      // The byte that was changed reaches the reader: as in any TCP connection.
      expect(world.server.wrongAt).toBeGreaterThanOrEqual(0);
      expect(world.client.wrongAt).toBe(-1);
      expect(world.client.of('closed')[0]!.error).toBeUndefined();
      expect(options(world).filter(({ subtype }) => subtype === 'MP_FAIL')).toHaveLength(2);
      const infinite = options(world).filter(
        (option) => option.subtype === 'DSS' && option.mapping?.dataLength === 0,
      );
      expect(infinite.length).toBeGreaterThan(0);
    });
  }

  it('names in MP_FAIL the start of the mapping that failed', () => {
    const world = new World(checked).connect().run(SECOND);
    world.send('client', 1000).run(SECOND);
    world.tamper = (packet, view) => {
      if (view.from === 'client' && view.payloadLength > 0) spoil(packet);
      return true;
    };
    world.send('client', 1000).run(SECOND);
    const seqs = options(world).flatMap((option) =>
      option.subtype === 'DSS' && option.mapping?.dataLength === 1000 ? [option.mapping.dataSeq.value] : [],
    );
    const fail = options(world).find((option) => option.subtype === 'MP_FAIL');
    expect(fail).toMatchObject({ dataSeq: seqs[1] });
  });
});

describe('a wrong checksum on one of several subflows', () => {
  it('resets that one, and its data comes again over the others', () => {
    const world = new World({ ...checked, paths: [{}, {}] }).connect();
    // Few enough for no two in one mapping: the changes of two may cancel out in a sum.
    let count = 0;
    world.tamper = (packet, view) => {
      if (view.path === 1 && view.payloadLength > 0 && view.from === 'client' && count++ % 20 === 0)
        spoil(packet);
      return true;
    };
    world.send('client', 1_000_000, true).send('server', 10, true);
    world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
    expect(world.isDelivered()).toBe(true);
    expect(world.server.wrongAt).toBe(-1);
    expect(world.server.of('fallback')).toEqual([]);
    expect(world.server.open.statistics.checksumFailures).toBeGreaterThan(0);
    const rst = world.trace.find((view) => view.from === 'server' && (view.flags & TcpFlag.RST) !== 0)!;
    expect(rst.options.map(({ subtype }) => subtype)).toEqual(['MP_FAIL', 'MP_TCPRST']);
    expect(rst.options[1]).toMatchObject({ reason: ResetReason.MIDDLEBOX });
  });
});

describe('a checksum that is there or not against the agreement', () => {
  it('resets the subflow when it is missing', () => {
    const world = new World(checked).connect().run(SECOND).send('client', 100).run(SECOND);
    world.tamper = (packet, view) => {
      if (view.from === 'client' && view.payloadLength > 0) shorten(packet);
      return true;
    };
    world.send('client', 100).run(SECOND);
    expect(world.server.of('subflow-closed')).toMatchObject([
      { reason: 'aborted', resetReason: ResetReason.MPTCP_ERROR },
    ]);
  });

  it('falls back when every DSS is stripped from then on and nothing else carries the data', () => {
    const world = new World(checked).connect().run(SECOND).send('client', 100).run(SECOND);
    world.tamper = (packet, view) => {
      if ((view.flags & TcpFlag.SYN) === 0) stripOptions(packet, isDss);
      return true;
    };
    world.send('server', 100).run(30 * SECOND);
    expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-data-sequence-signal' }]);
  });
});

/** Takes the checksum out of a DSS, as a sender would that does not use it. */
function shorten(packet: Packet): void {
  const segment = arrived(packet.bytes);
  const offset = segment.mptcpOffsets[0]!;
  const length = segment.mptcpLengths[0]!;
  packet.bytes[offset + 1] = length - 2;
  writeU16(packet.bytes, offset + length - 2, 0x0101);
}
