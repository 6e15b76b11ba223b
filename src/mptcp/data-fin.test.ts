/** The end of data: alone, with data, before it, lost, on several subflows, in either width. */
import { describe, expect, it } from 'vitest';
import { SECOND, uint64ToBigInt } from '../base/index.js';
import { TcpFlag, deriveInitialDataSeq, dssChecksum } from '../wire/index.js';
import type { Dss, MptcpOption } from '../wire/index.js';
import { Impostor, impostorKey } from '../../test/support/mptcp-impostor.js';
import { World } from '../../test/support/mptcp-world.js';
import type { PacketView, WorldOptions } from '../../test/support/mptcp-world.js';
import type { Subflow } from './subflow.js';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff);
const isFin = (option: MptcpOption): option is Dss => option.subtype === 'DSS' && option.dataFin;
const bearsFin = (view: PacketView): boolean => view.options.some(isFin);
const isOver = (world: World): boolean =>
  world.client.of('closed').length + world.server.of('closed').length === 2;

function expectOrderlyEnd(world: World): void {
  expect(world.runUntil(() => isOver(world), 300 * SECOND)).toBe(true);
  const errors = [...world.client.of('closed'), ...world.server.of('closed')].map(({ error }) => error);
  expect(errors).toEqual([undefined, undefined]);
  expect(world.isDelivered()).toBe(true);
  expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
}

for (const bits of [32, 64] as const) {
  for (const checksum of [false, true]) {
    const settings = { dataSequenceBits: bits, checksum };
    const sides: WorldOptions = { client: settings, server: settings };
    describe(`a DATA_FIN with ${bits}-bit numbers${checksum ? ' and checksums' : ''} (RFC 8684 §3.3.3)`, () => {
      it('goes alone when the data is out already, mapping one number and no byte of the subflow', () => {
        const world = new World(sides).connect().send('client', 1000).run(SECOND);
        world.send('client', 0, true).run(SECOND);
        const fins = world.trace.filter(bearsFin).flatMap((view) => view.options.filter(isFin));
        expect(fins.length).toBeGreaterThan(0);
        for (const { mapping } of fins) {
          expect(mapping).toMatchObject({ subflowSeq: 0, dataLength: 1, dataSeq: { bits } });
          expect(mapping!.checksum !== undefined).toBe(checksum);
        }
        expect(world.server.of('peer-closed')).toHaveLength(1);
        world.send('server', 10, true);
        expectOrderlyEnd(world);
      });

      it('goes with the last data when the end is known by then, counted in the length', () => {
        const world = new World(sides).connect().run(SECOND);
        world.send('client', 10).run(SECOND);
        world.send('client', 100, true).send('server', 100, true);
        const fin = world.trace.find((view) => view.from === 'client' && bearsFin(view))!;
        expect(fin.payloadLength).toBe(100);
        expect(fin.options.find(isFin)!.mapping!.dataLength).toBe(101);
        expectOrderlyEnd(world);
      });

      it('is repeated until it is acknowledged, whatever carried it and whatever is lost', () => {
        for (const [length, when] of [
          [0, 'alone'],
          [5000, 'with data'],
        ] as const) {
          const world = new World(sides).connect().send('client', 10).send('server', 10).run(SECOND);
          let lost = 0;
          world.tamper = (_packet, view) => !bearsFin(view) || lost++ >= 4;
          world.send('client', length, true).send('server', length, true);
          expectOrderlyEnd(world);
          expect([when, lost]).toEqual([when, expect.any(Number)]);
          expect(lost).toBeGreaterThan(4);
        }
      });

      it('is answered again when the answer was lost', () => {
        const world = new World(sides).connect().send('client', 10).run(SECOND);
        let lost = 0;
        world.tamper = (_packet, view) => view.from === 'client' || lost++ >= 4;
        world.send('client', 0, true).run(20 * SECOND);
        world.send('server', 1000, true);
        expectOrderlyEnd(world);
      });

      it('ends a transfer on two subflows that lose packets', () => {
        for (let seed = 1; seed <= 3; seed++) {
          const path = { loss: 0.05, rateBps: 20e6 };
          const world = new World({ ...sides, seed, paths: [path, path] }).connect();
          world.send('client', 200_000, true).send('server', 200_000, true);
          expectOrderlyEnd(world);
        }
      });
    });
  }
}

describe('a DATA_FIN that comes (RFC 8684 §3.3.3)', () => {
  const ends = (impostor: Impostor): number =>
    impostor.events.filter(({ type }) => type === 'peer-closed').length;
  const fin = (impostor: Impostor, at: number): Dss => impostor.mapping(0, at, 1, { dataFin: true });

  it('on several subflows is one end, acknowledged on each', () => {
    const impostor = new Impostor();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    for (const subflow of [second, impostor.initial]) {
      impostor.sent.length = 0;
      impostor.send({ options: [fin(impostor, 11)] }, subflow);
      const answer = impostor.sent.find((sent) => sent.subflow === subflow)!;
      expect(answer.options[0]).toMatchObject({ dataAck: { value: impostor.peerSeq(12) } });
    }
    expect(ends(impostor)).toBe(1);
  });

  it('before its data, on another subflow than its data, waits for it', () => {
    const impostor = new Impostor();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.send({ options: [fin(impostor, 21)] }, second);
    impostor.send({ options: [impostor.mapping(1, 11, 10)], payload: bytes(10) }, second);
    expect(ends(impostor)).toBe(0);
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    expect(ends(impostor)).toBe(1);
    expect(impostor.read()).toHaveLength(20);
  });

  it('does not depend on the FIN of its subflow, nor that on it', () => {
    const impostor = new Impostor();
    impostor.send({ flags: TcpFlag.FIN | TcpFlag.ACK });
    expect(ends(impostor)).toBe(0);
    const other = new Impostor();
    other.send({ options: [fin(other, 1)] });
    expect(ends(other)).toBe(1);
    expect(other.initial.tcp.isPeerFinished).toBe(false);
  });

  it.each([32, 64] as const)('alone with a wrong checksum and %i bits is ignored', (bits) => {
    const impostor = new Impostor({ checksum: true });
    const right = dssChecksum(
      { hi: Number(impostor.peerSeq(1) >> 32n), lo: Number(BigInt.asUintN(32, impostor.peerSeq(1))) },
      0,
      1,
      [],
    );
    const value = BigInt.asUintN(bits, impostor.peerSeq(1));
    for (const [checksum, count] of [
      [right ^ 1, 0],
      [right, 1],
    ] as const) {
      const option = impostor.mapping(0, 1, 1, { dataFin: true, checksum });
      impostor.send({ options: [{ ...option, mapping: { ...option.mapping!, dataSeq: { value, bits } } }] });
      expect(ends(impostor)).toBe(count);
    }
    expect(uint64ToBigInt(deriveInitialDataSeq(impostorKey, 1)) + 1n).toBe(impostor.peerSeq(1));
  });

  it('flagged on a DSS without a mapping says nothing', () => {
    const impostor = new Impostor();
    impostor.send({ options: [{ ...impostor.dataAck(1), dataFin: true }] });
    expect(ends(impostor)).toBe(0);
  });
});
