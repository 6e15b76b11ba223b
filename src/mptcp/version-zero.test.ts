import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND, uint64ToBigInt } from '../base/index.js';
import { MpCapableFlag, TcpFlag, deriveKeyMaterial } from '../wire/index.js';
import type { MpCapable, MptcpOption } from '../wire/index.js';
import { World, addressOn, segmentBytes, stripOptions } from '../../test/support/mptcp-world.js';
import type { PacketView, WorldOptions } from '../../test/support/mptcp-world.js';

const clientKey = { hi: 0x01234567, lo: 0x89abcdef };
const serverKey = { hi: 0xfedcba98, lo: 0x76543210 };
const zero = { versions: [0] } as const;
const one = { versions: [1] } as const;
const both = { versions: [1, 0] } as const;

function zeroWorld(options: WorldOptions = {}): World {
  const { client, server, ...rest } = options;
  return new World({
    clientKey,
    serverKey,
    client: { ...zero, ...client },
    server: { ...zero, ...server },
    ...rest,
  });
}

function capables(views: readonly PacketView[]): MpCapable[] {
  return views
    .flatMap((view) => view.options)
    .filter((option): option is MpCapable => option.subtype === 'MP_CAPABLE');
}

function subtypes(view: PacketView): string[] {
  return view.options.map((option) => option.subtype);
}

describe('the handshake of version 0 (RFC 6824 §3.1)', () => {
  const common = { subtype: 'MP_CAPABLE', version: 0, flags: MpCapableFlag.HMAC };
  const senderKey = uint64ToBigInt(clientKey);
  const receiverKey = uint64ToBigInt(serverKey);

  it('has the key of each side on its SYN, and both on a third ACK without data', () => {
    const world = zeroWorld().connect();
    world.send('client', 1000).send('server', 1000).run(SECOND);
    expect(capables(world.trace)).toEqual([
      { ...common, senderKey },
      { ...common, senderKey: receiverKey },
      { ...common, senderKey, receiverKey },
    ]);
    expect(world.trace[2]).toMatchObject({ from: 'client', payloadLength: 0 });
    expect(world.isDelivered()).toBe(true);
  });

  it('numbers data and names the connection by SHA-1 of the keys', () => {
    const world = zeroWorld().connect();
    world.send('client', 100).run(SECOND);
    const material = deriveKeyMaterial(clientKey, 0);
    expect(world.client.open.localToken).toBe(material.token);
    const [first] = world.trace.flatMap((view) =>
      view.options.flatMap((option) => (option.subtype === 'DSS' && option.mapping ? [option.mapping] : [])),
    );
    expect(first!.dataSeq.value).toBe(BigInt.asUintN(64, uint64ToBigInt(material.initialDataSeq) + 1n));
  });

  it('tells the version, which is not what plain TCP tells', () => {
    const world = zeroWorld().connect();
    const plain = zeroWorld({ server: { enabled: false } }).connect();
    for (const each of [world, plain]) each.send('client', 1).run(SECOND);
    expect(world.client.of('established')).toEqual([{ type: 'established', fallback: false, version: 0 }]);
    expect(world.server.open.version).toBe(0);
    expect(plain.client.of('established')).toEqual([
      { type: 'established', fallback: true, version: undefined },
    ]);
    expect(plain.client.open.version).toBeUndefined();
  });

  it('never sets flag C, which that version does not have, and does not heed it', () => {
    const world = zeroWorld({ server: { joinInitialAddress: false } });
    world.tamper = (packet, view) => {
      if ((view.flags & TcpFlag.SYN) === 0) return true;
      expect(capables([view])[0]!.flags).toBe(MpCapableFlag.HMAC);
      packet.bytes[packet.bytes.indexOf(30, 20) + 3]! |= MpCapableFlag.NO_JOIN_TO_INITIAL;
      return true;
    };
    world.connect();
    world.send('client', 100).run(SECOND);
    const { local, remote } = world.client.open.subflows[0]!;
    const request = { localId: 0, remoteId: 0, backup: false, parameters: world.parameters() };
    const joined = world.client.open.openSubflow(world.now, {
      ...request,
      local: { ...local, port: 9 },
      remote,
    });
    expect(joined).toBeDefined();
  });

  it('joins only once a DSS went each way, and is never refused (RFC 6824 §3.1)', () => {
    for (const first of ['client', 'server'] as const) {
      const world = zeroWorld({ paths: [{}, { delayNs: MILLISECOND }] }).connect();
      world.send(first, 10).run(SECOND);
      const join = world.trace.findIndex((view) => view.path === 1);
      const before = world.trace.slice(0, join).filter((view) => subtypes(view).includes('DSS'));
      expect(new Set(before.map(({ from }) => from))).toEqual(new Set(['client', 'server']));
      expect(world.trace.some((view) => (view.flags & TcpFlag.RST) !== 0)).toBe(false);
      expect(world.server.of('subflow-opened').length).toBeGreaterThan(1);
    }
  });

  it('joins a round trip after the only DSS that it hears (RFC 6824 §3.1)', () => {
    const world = zeroWorld({ paths: [{ delayNs: 10 * MILLISECOND }, {}] });
    let heardAt = 0;
    world.tamper = (_packet, view) => {
      if (view.from === 'client' || !subtypes(view).includes('DSS')) return true;
      const isFirst = heardAt === 0;
      heardAt = isFirst ? world.now + 10 * MILLISECOND : heardAt;
      return isFirst;
    };
    world.connect();
    world.send('server', 10).run(200 * MILLISECOND);
    const join = world.trace.find((view) => view.path === 1);
    expect(join).toMatchObject({ from: 'client', flags: TcpFlag.SYN, at: heardAt + 20 * MILLISECOND });
  });

  it('resets a join before any data, without a word on why', () => {
    const world = zeroWorld({ paths: [{}, {}], managed: false });
    world.tamper = (packet, view) => {
      if (subtypes(view).includes('DSS')) stripOptions(packet, (option) => option.subtype === 'DSS');
      return subtypes(view).includes('MP_CAPABLE');
    };
    world.connect().run(SECOND);
    world.tamper = () => true;
    const bytes = segmentBytes(5000, 80, {
      flags: TcpFlag.SYN,
      seq: 1,
      mss: 1460,
      options: [
        {
          subtype: 'MP_JOIN',
          phase: 'syn',
          backup: false,
          addressId: 1,
          token: world.server.open.localToken!,
          nonce: 1,
        },
      ],
    });
    const source = { address: addressOn('client', 1), port: 5000 };
    world.inject('client', 1, { source, destination: { address: addressOn('server', 1), port: 80 }, bytes });
    world.run(SECOND);
    const [reply] = world.trace.filter((view) => view.path === 1 && view.from === 'server');
    expect(reply).toMatchObject({ flags: TcpFlag.RST | TcpFlag.ACK, options: [] });
  });

  it('is confirmed by data of either side, or by the end of a stream without data', () => {
    for (const begin of [
      (world: World) => world.send('client', 10),
      (world: World) => world.send('server', 10),
      (world: World) => world.send('client', 0, true),
    ]) {
      const world = zeroWorld({ paths: [{}, {}] }).connect();
      begin(world).run(5 * SECOND);
      expect(world.server.of('subflow-opened').length).toBeGreaterThan(1);
    }
  });
});

describe('version 0 on a path that strips options (RFC 6824 §3.6)', () => {
  it.each<[string, 'client' | 'server', (view: PacketView, option: MptcpOption) => boolean]>([
    ['from the SYN', 'client', (view) => (view.flags & TcpFlag.SYN) !== 0],
    ['from the SYN+ACK', 'server', (view) => (view.flags & TcpFlag.SYN) !== 0],
    ['from the third ACK and after', 'client', (view) => (view.flags & TcpFlag.SYN) === 0],
    ['from what the server sends after its SYN+ACK', 'server', (view) => (view.flags & TcpFlag.SYN) === 0],
    ['DSS from what the client sends', 'client', (_, option) => option.subtype === 'DSS'],
  ])('%s, a connection goes on as plain TCP and loses nothing', (_, from, isVictim) => {
    for (const first of ['client', 'server'] as const) {
      const world = zeroWorld();
      world.tamper = (packet, view) => {
        if (view.from === from) stripOptions(packet, (option) => isVictim(view, option));
        return true;
      };
      world.connect();
      world.send(first, 20_000, true).run(SECOND);
      world.send(first === 'client' ? 'server' : 'client', 20_000, true);
      expect(world.runUntil(() => world.isDelivered())).toBe(true);
      expect(world.client.open.isFallback && world.server.open.isFallback).toBe(true);
      expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
    }
  });

  it('that returns options as they were, a key of our own is no answer', () => {
    const world = zeroWorld({ server: { enabled: false } });
    world.tamper = (packet, view) => {
      if (view.from === 'client' || (view.flags & TcpFlag.SYN) === 0) return true;
      const { senderKey } = capables(world.trace)[0]!;
      packet.bytes = withOption(packet.bytes, senderKey!);
      return true;
    };
    world.connect();
    world.send('client', 5000, true).send('server', 5000, true);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-syn-ack' }]);
  });
});

/** The SYN+ACK `bytes` with an MP_CAPABLE of version 0 more. */
function withOption(bytes: Uint8Array, senderKey: bigint): Uint8Array {
  const option = new Uint8Array(12);
  option.set([30, 12, 0, MpCapableFlag.HMAC]);
  new DataView(option.buffer).setBigUint64(4, senderKey);
  const longer = Uint8Array.from([...bytes, ...option]);
  longer[12] = ((bytes[12]! >>> 4) + 3) << 4;
  return longer;
}

describe('the version of a connection (RFC 8684 §3.1)', () => {
  it.each([
    [both, both, 1],
    [{ versions: [0, 1] }, both, 0],
    [zero, both, 0],
    [one, both, 1],
    [both, one, 1],
    [zero, zero, 0],
    [both, zero, undefined],
    [one, zero, undefined],
    [zero, one, undefined],
  ] as const)('between a client of %j and a server of %j is %s', (client, server, version) => {
    const world = zeroWorld({ client, server }).connect();
    world.send('client', 20_000, true).send('server', 20_000, true);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
    expect(world.client.of('established')[0]!.version).toBe(version);
  });

  it('below the one asked for leaves plain TCP, and is offered for the next time when the client speaks it', () => {
    const offered = zeroWorld({ client: both }).connect().run(SECOND);
    const useless = zeroWorld({ client: one }).connect().run(SECOND);
    expect(capables(offered.trace).map(({ version }) => version)).toEqual([1, 0]);
    expect(offered.client.of('fallback')).toEqual([
      { type: 'fallback', cause: 'lower-version', nextVersion: 0 },
    ]);
    expect(useless.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'lower-version' }]);
    expect(offered.server.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-ack' }]);
  });

  it('above the one asked for is no answer', () => {
    const world = zeroWorld({ client: both, server: both });
    world.tamper = (packet, view) => {
      const isAnswer = view.from === 'server' && (view.flags & TcpFlag.SYN) !== 0;
      if (isAnswer) packet.bytes[packet.bytes.indexOf(30, 20) + 2]! |= 2;
      return true;
    };
    world.connect();
    world.run(SECOND);
    expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'no-capable-in-syn-ack' }]);
  });
});
