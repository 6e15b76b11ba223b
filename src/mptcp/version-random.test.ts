/**
 * Transfers between hosts that speak any versions, over paths that lose and reorder, with options of both versions put
 * into the segments on their way: nothing throws, every byte arrives and is right, and nobody says more than he needs.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { IpAddress, MpCapableFlag, TcpFlag, emitMptcpOption, mptcpOptionLength } from '../wire/index.js';
import type { MptcpOption, MptcpVersion } from '../wire/index.js';
import { World, stripOptions } from '../../test/support/mptcp-world.js';
import type { Packet, PacketView, WorldOptions } from '../../test/support/mptcp-world.js';

const lists = fc.constantFrom<readonly MptcpVersion[]>([0], [1], [0, 1], [1, 0]);
const byte = fc.integer({ min: 0, max: 255 });
const address = byte.map((last) => IpAddress.parse(`10.9.0.${last}`)!);

/** Options that an honest peer of one version or the other may send, and that ask nothing of this connection. */
const foreign: fc.Arbitrary<MptcpOption> = fc.oneof(
  fc.record({ addressId: byte, address }).map((announced): MptcpOption => ({
    ...{ subtype: 'ADD_ADDR', version: 0, echo: false },
    ...announced,
  })),
  fc.record({ addressId: byte, address, echo: fc.boolean() }).map(({ echo, ...announced }): MptcpOption => ({
    ...{ subtype: 'ADD_ADDR', version: 1, echo },
    ...announced,
    ...(!echo && { hmac: new Uint8Array(8) }),
  })),
  fc.record({ backup: fc.boolean(), addressId: byte }).map((content): MptcpOption => ({
    subtype: 'MP_PRIO',
    ...content,
  })),
  fc
    .record({ version: fc.constantFrom<MptcpVersion>(0, 1), key: fc.nat() })
    .map(({ version, key }): MptcpOption => ({
      ...{ subtype: 'MP_CAPABLE', version, flags: MpCapableFlag.HMAC },
      ...{ senderKey: BigInt(key), receiverKey: BigInt(key + 1) },
    })),
  fc
    .record({ flags: fc.nat(15), reason: byte })
    .map((content): MptcpOption => ({ subtype: 'MP_TCPRST', ...content })),
  fc.nat().map((key): MptcpOption => ({ subtype: 'MP_FASTCLOSE', receiverKey: BigInt(key) })),
  fc.record({ nibble: fc.nat(15), body: fc.uint8Array({ maxLength: 8 }) }).map((content): MptcpOption => ({
    subtype: 'MP_EXPERIMENTAL',
    ...content,
  })),
);

/** Puts `option` behind the others of a segment, where there is room. */
function insert(packet: Packet, option: MptcpOption): void {
  const { bytes } = packet;
  const headerLength = (bytes[12]! >>> 4) * 4;
  const length = (mptcpOptionLength(option) + 3) & ~3;
  if (headerLength + length > 60) return;
  const longer = new Uint8Array(bytes.length + length);
  longer.set(bytes.subarray(0, headerLength));
  longer.fill(1, headerLength, headerLength + length);
  emitMptcpOption(option, longer, headerLength);
  longer.set(bytes.subarray(headerLength), headerLength + length);
  longer[12] = ((headerLength + length) / 4) << 4;
  packet.bytes = longer;
}

const side = fc.record({
  versions: lists,
  checksum: fc.boolean(),
  acceptPriorityForAddress: fc.boolean(),
  dataSequenceBits: fc.constantFrom<32 | 64>(32, 64),
  fastClose: fc.constantFrom<'ack' | 'reset'>('ack', 'reset'),
});

const path = fc.record({
  delayNs: fc.integer({ min: 0, max: 50 }).map((ms) => ms * MILLISECOND),
  jitterNs: fc.constantFrom(0, 0, MILLISECOND, 20 * MILLISECOND),
  loss: fc.constantFrom(0, 0, 0.01, 0.05),
});

const setup = fc.record({
  seed: fc.nat(),
  paths: fc.array(path, { minLength: 1, maxLength: 3 }),
  client: side,
  server: side,
});

const bytesToSend = fc.constantFrom(0, 1, 1000, 40_000);

interface Transfer {
  readonly options: WorldOptions;
  readonly up: number;
  readonly down: number;
}

/** Runs it; `tamper` sees each segment, numbered from the first. */
function run(
  { options, up, down }: Transfer,
  tamper: (packet: Packet, view: PacketView, at: number) => void,
): World {
  const world = new World(options);
  let count = 0;
  world.tamper = (packet, view) => {
    tamper(packet, view, count++);
    return true;
  };
  world.connect().send('client', up, true).send('server', down, true);
  return world;
}

const runs = Number(process.env['SUBFLOW_VERSION_RUNS'] ?? 60);

it('every byte arrives whatever versions meet, and whatever options of either are added on the way', () => {
  const every = fc.record({ options: setup, up: bytesToSend, down: bytesToSend });
  const added = fc.array(foreign, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(every, added, fc.integer({ min: 1, max: 5 }), (transfer, options, stride) => {
      const world = run(transfer, (packet, view, at) => {
        // Not on SYNs, whose options both sides choose from, nor on RSTs, which such options explain.
        if ((view.flags & (TcpFlag.SYN | TcpFlag.RST)) !== 0 || at % stride !== 0) return;
        insert(packet, options[at % options.length]!);
      });
      const isDelivered = world.runUntil(() => world.isDelivered(), 200 * SECOND);
      expect([isDelivered, world.client.wrongAt, world.server.wrongAt]).toEqual([true, -1, -1]);
      expect(world.trace.length).toBeLessThan(2000);
    }),
    { numRuns: runs, seed: 6824 },
  );
});

it('no wrong byte is delivered whatever options are taken away on the way, and all is over in the end', () => {
  const every = fc.record({ options: setup, up: bytesToSend, down: bytesToSend });
  const subtypes = ['MP_CAPABLE', 'MP_JOIN', 'DSS', 'ADD_ADDR', 'MP_FAIL', 'MP_PRIO', 'MP_TCPRST'] as const;
  const victims = fc.record({
    subtypes: fc.subarray<string>([...subtypes], { minLength: 1 }),
    from: fc.constantFrom('client', 'server', 'both'),
    stride: fc.integer({ min: 1, max: 4 }),
    start: fc.nat(30),
  });
  fc.assert(
    fc.property(every, victims, (transfer, { subtypes: taken, from, stride, start }) => {
      const world = run(transfer, (packet, view, at) => {
        if (at < start || at % stride !== 0 || (from !== 'both' && view.from !== from)) return;
        stripOptions(packet, ({ subtype }) => taken.includes(subtype));
      });
      world.run(400 * SECOND);
      expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
      for (const each of [world.client, world.server]) each.connection?.close(world.now);
      for (const each of [world.client, world.server]) world.poll(each);
      world.run(86_400 * SECOND);
      expect(world.trace.length).toBeLessThan(5000);
      for (const { connection } of [world.client, world.server])
        expect(connection?.isReleasable ?? true).toBe(true);
    }),
    { numRuns: runs, seed: 6824 },
  );
});
