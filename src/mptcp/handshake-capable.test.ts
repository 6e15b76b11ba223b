import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { MpCapableFlag, TcpFlag, deriveToken } from '../wire/index.js';
import type { MpCapable, MptcpOption } from '../wire/index.js';
import { World, optionsOf, arrived, stripOptions } from '../../test/support/mptcp-world.js';
import type { PacketView } from '../../test/support/mptcp-world.js';

const isCapable = (option: MptcpOption): option is MpCapable => option.subtype === 'MP_CAPABLE';
const isDss = (option: MptcpOption): boolean => option.subtype === 'DSS';

function capables(views: readonly PacketView[]): MpCapable[] {
  return views.flatMap((view) => view.options.filter(isCapable));
}

/** Both sides deliver everything and close in order, as plain TCP. */
function finishPlain(world: World): void {
  world.send('client', 50_000, true).send('server', 60_000, true);
  expect(
    world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2),
  ).toBe(true);
  expect(world.isDelivered()).toBe(true);
  expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  expect(world.client.open.isFallback).toBe(true);
  expect(world.server.open.isFallback).toBe(true);
  expect([...world.client.of('closed'), ...world.server.of('closed')].map(({ error }) => error)).toEqual([
    undefined,
    undefined,
  ]);
}

describe('MP_CAPABLE', () => {
  const keys = { clientKey: { hi: 1, lo: 2 }, serverKey: { hi: 3, lo: 4 } };
  const common = { subtype: 'MP_CAPABLE', version: 1, flags: MpCapableFlag.HMAC };
  const both = { ...common, senderKey: 0x100000002n, receiverKey: 0x300000004n };

  it('carries no key on the SYN, one on the SYN+ACK, and both after it', () => {
    const world = new World(keys).connect().run(SECOND);
    expect(capables(world.trace)).toEqual([common, { ...common, senderKey: 0x300000004n }, both]);
    expect(world.client.open.localToken).toBe(deriveToken({ hi: 1, lo: 2 }, 1));
    expect(world.client.open.remoteToken).toBe(deriveToken({ hi: 3, lo: 4 }, 1));
  });

  it('carries the length of the first data, which may come with the third ACK', () => {
    const world = new World(keys).connect().send('client', 100).run(SECOND);
    expect(capables(world.trace).slice(2)).toEqual([{ ...both, dataLength: 100 }]);
    expect(world.isDelivered()).toBe(true);
  });

  it('negotiates checksums on either side’s wish', () => {
    for (const wish of ['client', 'server', 'nobody'] as const) {
      const world = new World({
        client: { checksum: wish === 'client' },
        server: { checksum: wish === 'server' },
      });
      world.connect().send('client', 1000).send('server', 1000).run(SECOND);
      const mappings = world.trace.flatMap(({ options }) =>
        options.flatMap((option) =>
          option.subtype === 'DSS' && option.mapping !== undefined ? [option.mapping] : [],
        ),
      );
      expect(mappings.length).toBeGreaterThan(0);
      expect(mappings.every(({ checksum }) => (checksum !== undefined) === (wish !== 'nobody'))).toBe(true);
      expect(world.isDelivered()).toBe(true);
    }
  });

  it('sets flag C when joins to the initial address are not wanted, and heeds it', () => {
    const world = new World({ paths: [{}, {}], server: { joinInitialAddress: false } })
      .connect()
      .send('client', 10)
      .run(SECOND);
    const answer = world.trace.find(({ from }) => from === 'server')!;
    expect(capables([answer])[0]!.flags & MpCapableFlag.NO_JOIN_TO_INITIAL).not.toBe(0);
    // The server's other address was announced, and only that one is joined.
    const remotes = world.client.open.subflows.slice(1).map(({ remoteId }) => remoteId);
    expect(remotes).toEqual([2, 2]);
  });

  it('is repeated on the first data until the server answers, the third ACK being lost', () => {
    const world = new World().connect();
    let lost = 0;
    world.tamper = (_, view) => !(view.from === 'client' && (view.flags & TcpFlag.SYN) === 0 && lost++ < 2);
    world.run(30e6);
    world.send('client', 50_000).run(5 * SECOND);
    expect(world.isDelivered()).toBe(true);
    expect(world.server.open.isFallback).toBe(false);
    expect(world.client.open.isFallback).toBe(false);
  });

  it('answers a version above ours with ours', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if (view.flags !== TcpFlag.SYN) return true;
      const segment = arrived(packet.bytes);
      packet.bytes[segment.mptcpOffsets[0]! + 2] = 2;
      return true;
    };
    world.connect().run(SECOND);
    const answer = world.trace.find(({ from }) => from === 'server')!;
    expect(capables([answer])).toEqual([expect.objectContaining({ version: 1 })]);
  });
});

describe('fall-back in the handshake', () => {
  it('happens on both sides when the SYN lost the option', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if (view.flags === TcpFlag.SYN) stripOptions(packet, isCapable);
      return true;
    };
    world.connect().run(SECOND);
    expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-syn' }]);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-syn-ack' }]);
    expect(world.client.of('established')).toEqual([
      { type: 'established', fallback: true, version: undefined },
    ]);
    finishPlain(world);
    expect(world.trace.slice(1).flatMap(({ options }) => options)).toEqual([]);
  });

  it('happens on both sides when the SYN+ACK lost the option', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if ((view.flags & (TcpFlag.SYN | TcpFlag.ACK)) === (TcpFlag.SYN | TcpFlag.ACK))
        stripOptions(packet, isCapable);
      return true;
    };
    world.connect().run(SECOND);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-syn-ack' }]);
    expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-ack' }]);
    expect(world.server.of('token').at(-1)).toMatchObject({ active: false });
    finishPlain(world);
  });

  it('happens on both sides when everything after the SYNs loses its options', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if ((view.flags & TcpFlag.SYN) === 0) stripOptions(packet, () => true);
      return true;
    };
    world.connect().run(SECOND);
    finishPlain(world);
    expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-ack' }]);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-data-sequence-signal' }]);
  });

  it('happens on both sides when only the DSS is lost, whoever speaks first', () => {
    for (const first of ['client', 'server'] as const) {
      const world = new World();
      world.tamper = (packet, view) => {
        if ((view.flags & TcpFlag.SYN) === 0) stripOptions(packet, isDss);
        return true;
      };
      world.connect().run(SECOND).send(first, 20_000).run(SECOND);
      finishPlain(world);
    }
  });

  it('loses nothing of a stream whose end comes with the data that makes it fall back', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if ((view.flags & TcpFlag.SYN) === 0) stripOptions(packet, () => true);
      // No earlier word of the server's tells the client.
      return !(view.from === 'server' && view.flags === TcpFlag.ACK);
    };
    world.connect().run(SECOND).send('server', 44, true).run(SECOND);
    const last = world.trace.find(
      ({ flags, payloadLength }) => (flags & TcpFlag.FIN) !== 0 && payloadLength > 0,
    );
    expect(last).toMatchObject({ from: 'server', payloadLength: 44 });
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-data-sequence-signal' }]);
    expect(world.isDelivered()).toBe(true);
  });

  it('tries a plain SYN once those with the option went unanswered', () => {
    const world = new World();
    world.tamper = (packet, view) =>
      view.flags !== TcpFlag.SYN || !optionsOf(arrived(packet.bytes)).some(isCapable);
    world.connect().run(10 * SECOND);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'syn-lost' }]);
    const syns = world.trace.filter(({ flags }) => flags === TcpFlag.SYN);
    expect(syns.map(({ options }) => options.length)).toEqual([1, 1, 1, 0]);
    finishPlain(world);
  });

  it('happens when either side has it switched off', () => {
    for (const off of ['client', 'server'] as const) {
      const world = new World({ [off]: { enabled: false } }).connect().run(SECOND);
      expect(world.side(off).of('fallback')[0]?.cause).toBe('disabled');
      finishPlain(world);
    }
  });

  it('ignores an echo of a key that is not ours, as if there were no option', () => {
    const world = new World();
    world.tamper = (packet, view) => {
      if (view.from === 'client' && (view.flags & TcpFlag.SYN) === 0) {
        const segment = arrived(packet.bytes);
        if (segment.mptcpCount > 0) packet.bytes[segment.mptcpOffsets[0]! + 15]! ^= 1;
      }
      return true;
    };
    world.connect().run(SECOND);
    expect(world.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-ack' }]);
  });
});
