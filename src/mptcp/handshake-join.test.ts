import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MpJoin, MpTcpRst, MptcpOption, MptcpVersion } from '../wire/index.js';
import { World, arrived } from '../../test/support/mptcp-world.js';
import type { Packet, PacketView } from '../../test/support/mptcp-world.js';
import { ResetReason } from './reset-reason.js';

const versions: readonly MptcpVersion[] = [0, 1];
const isJoin = (option: MptcpOption): option is MpJoin => option.subtype === 'MP_JOIN';
const isReset = (option: MptcpOption): option is MpTcpRst => option.subtype === 'MP_TCPRST';

/** Two paths and one address on the server, so that there is exactly one join. */
function oneJoin(version: MptcpVersion, overrides: ConstructorParameters<typeof World>[0] = {}): World {
  return new World({
    versions: [version],
    paths: [{}, {}],
    ...overrides,
    server: { maxAnnouncedAddresses: 0, ...overrides.server },
  });
}

function phaseOf(view: PacketView): MpJoin['phase'] | undefined {
  return view.options.find(isJoin)?.phase;
}

/** Changes one byte of the join option of packets in `phase`. */
function corrupt(world: World, phase: MpJoin['phase'], byte: number): void {
  world.tamper = (packet: Packet, view) => {
    if (phaseOf(view) === phase) {
      const segment = arrived(packet.bytes);
      packet.bytes[segment.mptcpOffsets[0]! + byte]! ^= 1;
    }
    return true;
  };
}

describe.each(versions)('a join, in version %i', (version) => {
  it('exchanges token, nonces and proofs, and opens the subflow on both sides', () => {
    const world = oneJoin(version).connect().send('client', 100).run(SECOND);
    const joins = world.trace.flatMap((view) => view.options.filter(isJoin));
    expect(joins.map(({ phase }) => phase)).toEqual(['syn', 'synack', 'ack']);
    expect(joins[0]).toMatchObject({ token: world.client.open.remoteToken, addressId: 2, backup: false });
    expect(world.client.of('subflow-opened')).toHaveLength(2);
    expect(world.server.of('subflow-opened')).toHaveLength(2);
    expect(world.server.open.subflows[1]).toMatchObject({ remoteId: 2, localId: 0, state: 'active' });
  });

  it('sends no data before the fourth packet, and repeats the third until that comes', () => {
    const world = oneJoin(version, { client: { joinAckTimeoutNs: 300 * MILLISECOND } });
    const lossUntil = world.now + 2 * SECOND;
    world.tamper = (_, view) =>
      !(view.path === 1 && view.from === 'server' && (view.flags & TcpFlag.SYN) === 0 && view.at < lossUntil);
    world
      .connect()
      .send('client', 3_000_000)
      .run(5 * SECOND);
    const sent = world.trace.filter(({ path, from }) => path === 1 && from === 'client');
    const thirds = sent.filter((view) => phaseOf(view) === 'ack');
    expect(thirds.length).toBeGreaterThan(2);
    expect(sent.filter(({ payloadLength, at }) => payloadLength > 0 && at < lossUntil)).toEqual([]);
    expect(world.client.subflowOn(1)?.state).toBe('active');
  });

  it('gives up after the last repetition', () => {
    const world = oneJoin(version, {
      client: { joinAckTimeoutNs: 100 * MILLISECOND, joinAckRetries: 2, retrySubflowNs: 100 * SECOND },
    });
    world.tamper = (_, view) =>
      !(view.path === 1 && view.from === 'server' && (view.flags & TcpFlag.SYN) === 0);
    world
      .connect()
      .send('client', 100)
      .run(5 * SECOND);
    expect(world.client.of('subflow-closed')).toMatchObject([
      { reason: 'aborted', resetReason: ResetReason.UNACCEPTABLE_PERFORMANCE },
    ]);
    expect(world.client.open.subflows).toHaveLength(1);
  });

  it('survives the loss of each of its packets', () => {
    for (const phase of ['syn', 'synack', 'ack'] as const) {
      const world = oneJoin(version);
      let lost = 0;
      world.tamper = (_, view) => phaseOf(view) !== phase || lost++ > 0;
      world
        .connect()
        .send('client', 100)
        .run(6 * SECOND);
      expect(world.client.subflowOn(1)?.state).toBe('active');
      expect(world.server.open.subflows[1]?.state).toBe('active');
    }
  });

  it('says with the backup flag that it is one', () => {
    const world = oneJoin(version, { managed: false }).connect().send('client', 10).run(SECOND);
    const local = { address: world.client.open.subflows[0]!.local.address, port: 50_001 };
    const request = {
      local,
      remote: world.client.open.subflows[0]!.remote,
      localId: 0,
      remoteId: 0,
      parameters: world.parameters(),
    };
    world.client.open.openSubflow(world.now, { ...request, backup: true });
    world.poll(world.client);
    world.run(SECOND);
    expect(world.server.open.subflows[1]).toMatchObject({ peerBackup: true, isBackup: true, backup: false });
  });
});

describe.each(versions)('a join that is refused, in version %i', (version) => {
  it('is one with a wrong token', () => {
    const world = oneJoin(version);
    corrupt(world, 'syn', 5);
    world.connect().send('client', 100).run(SECOND);
    expect(world.client.of('subflow-closed')).toMatchObject([{ reason: 'refused' }]);
    expect(world.server.open.subflows).toHaveLength(1);
  });

  it('is one whose SYN+ACK has a wrong proof, and the RST says so', () => {
    const world = oneJoin(version);
    corrupt(world, 'synack', 5);
    world.connect().send('client', 100).run(SECOND);
    expect(world.client.of('subflow-closed')).toMatchObject([
      { reason: 'aborted', resetReason: ResetReason.MPTCP_ERROR },
    ]);
    expect(world.client.open.statistics.hmacFailures).toBe(1);
    const rst = world.trace.find(({ flags, path }) => path === 1 && (flags & TcpFlag.RST) !== 0)!;
    expect(rst.options.filter(isReset)).toEqual(
      version === 0 ? [] : [{ subtype: 'MP_TCPRST', flags: 0, reason: ResetReason.MPTCP_ERROR }],
    );
    expect(world.server.open.subflows).toHaveLength(1);
  });

  it('is one whose third packet has a wrong proof', () => {
    const world = oneJoin(version);
    corrupt(world, 'ack', 23);
    world.connect().send('client', 100).run(SECOND);
    expect(world.server.open.statistics.hmacFailures).toBe(1);
    expect(world.server.open.subflows).toHaveLength(1);
    expect(world.server.of('subflow-opened')).toHaveLength(1);
    expect(world.client.of('subflow-closed')).toMatchObject([
      { reason: 'reset', resetReason: version === 0 ? undefined : ResetReason.MPTCP_ERROR },
    ]);
  });

  it('is one whose third packet lost its option', () => {
    const world = oneJoin(version);
    world.tamper = (packet, view) => {
      if (phaseOf(view) === 'ack') {
        const segment = arrived(packet.bytes);
        packet.bytes.fill(1, segment.mptcpOffsets[0]!, segment.mptcpOffsets[0]! + 24);
      }
      return true;
    };
    world.connect().send('client', 100).run(SECOND);
    expect(world.server.open.subflows).toHaveLength(1);
    expect(world.server.open.isFallback).toBe(false);
  });

  it('is one beyond the limit, for want of resources, for the time being', () => {
    const world = new World({ versions: [version], paths: [{}, {}, {}, {}], server: { maxSubflows: 2 } })
      .connect()
      .send('client', 100)
      .run(SECOND);
    expect(world.server.open.subflows.filter(({ state }) => state === 'active')).toHaveLength(2);
    const refusals = world.trace.flatMap(({ options }) => options.filter(isReset));
    const isRefused = (view: PacketView): boolean => view.path > 0 && (view.flags & TcpFlag.RST) !== 0;
    expect(world.trace.some(isRefused)).toBe(true);
    expect(refusals.length > 0).toBe(version === 1);
    // Version 0 says no reason. Joins that come at once displace each other, for no reason of their own, before one of them has the place for good.
    const { LACK_OF_RESOURCES, UNSPECIFIED } = ResetReason;
    for (const { reason, flags } of refusals) {
      expect([LACK_OF_RESOURCES, UNSPECIFIED]).toContain(reason);
      expect(flags).toBe(1);
    }
  });

  it('is not even asked for beyond the client’s own limit', () => {
    const world = new World({ versions: [version], paths: [{}, {}, {}, {}], client: { maxSubflows: 3 } })
      .connect()
      .send('client', 100)
      .run(SECOND);
    expect(world.client.open.subflows).toHaveLength(3);
    expect(world.client.of('subflow-wanted')).toHaveLength(2);
  });
});

describe('a join that version 1 alone can refuse', () => {
  it('is one to the initial address after flag C', () => {
    const world = oneJoin(1, { server: { joinInitialAddress: false } });
    // A middlebox hides the flag from the client.
    world.tamper = (packet, view) => {
      if (view.from === 'server' && (view.flags & TcpFlag.SYN) !== 0 && view.path === 0) {
        const segment = arrived(packet.bytes);
        if (segment.mptcpCount > 0) packet.bytes[segment.mptcpOffsets[0]! + 3]! &= ~0x20;
      }
      return true;
    };
    world.connect().send('client', 100).run(SECOND);
    expect(world.client.of('subflow-closed')).toMatchObject([
      { reason: 'refused', resetReason: ResetReason.PROHIBITED, transient: false },
    ]);
  });
});
