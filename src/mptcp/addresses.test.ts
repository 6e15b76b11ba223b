import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import type { AddAddr, MptcpOption, RemoveAddr } from '../wire/index.js';
import { World, addressOn, arrived, localAddress } from '../../test/support/mptcp-world.js';

const isAddAddr = (option: MptcpOption): option is AddAddr => option.subtype === 'ADD_ADDR';
const isRemoveAddr = (option: MptcpOption): option is RemoveAddr => option.subtype === 'REMOVE_ADDR';

/** A world without path managers' own deeds, with the connection confirmed. */
function quiet(options: ConstructorParameters<typeof World>[0] = {}): World {
  return new World({ managed: false, ...options }).connect().send('client', 10).run(SECOND);
}

function announcements(world: World, echo: boolean): AddAddr[] {
  return world.trace
    .flatMap((view) => view.options.filter(isAddAddr))
    .filter((option) => option.echo === echo);
}

function announce(world: World, text: string, port: number, id: number): boolean {
  const isTaken = world.server.open.announceAddress(world.now, { address: IpAddress.parse(text)!, port }, id);
  world.poll(world.server);
  world.run(100 * MILLISECOND);
  return isTaken;
}

describe('ADD_ADDR', () => {
  it('is sent with a proof, believed and echoed, in every form', () => {
    for (const [text, port] of [
      ['10.9.9.9', 0],
      ['10.9.9.9', 8080],
      ['2001:db8::9', 0],
      ['2001:db8::9', 8080],
    ] as const) {
      const world = quiet();
      expect(announce(world, text, port, 7)).toBe(true);
      const address = IpAddress.parse(text)!;
      expect(world.client.of('address-announced')).toEqual([
        { type: 'address-announced', id: 7, address, port },
      ]);
      expect(announcements(world, false)).toHaveLength(1);
      expect(announcements(world, false)[0]!.hmac).toHaveLength(8);
      expect(announcements(world, true)).toEqual([
        { subtype: 'ADD_ADDR', version: 1, echo: true, addressId: 7, address, ...(port !== 0 && { port }) },
      ]);
      world.run(60 * SECOND);
      expect(announcements(world, false)).toHaveLength(1);
    }
  });

  it('is repeated until it is echoed, and no more than the limit', () => {
    const world = quiet({ server: { addAddrTimeoutNs: SECOND, addAddrRetries: 2 } });
    world.tamper = (_, view) => !view.options.some((option) => isAddAddr(option) && option.echo);
    announce(world, '10.9.9.9', 0, 7);
    world.run(100 * SECOND);
    expect(announcements(world, false)).toHaveLength(3);
    expect(world.client.of('address-announced')).toHaveLength(1);
  });

  it('with a wrong proof is ignored in silence', () => {
    const world = quiet();
    world.tamper = (packet, view) => {
      if (view.options.some(isAddAddr) && view.from === 'server') {
        const segment = arrived(packet.bytes);
        const last = segment.mptcpCount - 1;
        packet.bytes[segment.mptcpOffsets[last]! + 4]! ^= 1;
      }
      return true;
    };
    announce(world, '10.9.9.9', 0, 7);
    expect(world.client.of('address-announced')).toEqual([]);
    expect(announcements(world, true)).toEqual([]);
    expect(world.client.open.statistics.hmacFailures).toBeGreaterThan(0);
  });

  it('keeps to the limits of both sides', () => {
    const world = quiet({ server: { maxAnnouncedAddresses: 5 }, client: { maxAcceptedAddresses: 3 } });
    const taken = [1, 2, 3, 4, 5, 6].map((id) => announce(world, `10.9.9.${id}`, 0, id));
    expect(taken).toEqual([true, true, true, true, true, false]);
    expect(world.client.of('address-announced')).toHaveLength(3);
  });

  it('of an ID that stands for another address changes nothing', () => {
    const world = quiet();
    expect(announce(world, '10.9.9.1', 0, 7)).toBe(true);
    expect(announce(world, '10.9.9.2', 0, 7)).toBe(false);
    expect(
      world.server.open.announceAddress(world.now, { address: addressOn('server', 1), port: 0 }, 0),
    ).toBe(false);
    expect(world.client.of('address-announced')).toHaveLength(1);
  });

  it('leads the full mesh to join the address, at the port announced', () => {
    const world = new World({ paths: [{}, {}], server: { joinInitialAddress: false } })
      .connect()
      .send('client', 10)
      .run(SECOND);
    expect(world.client.open.subflows.map(({ remoteId }) => remoteId)).toEqual([0, 2, 2]);
    expect(world.client.open.subflows[1]!.remote).toEqual({ address: addressOn('server', 1), port: 80 });
  });
});

describe('REMOVE_ADDR', () => {
  it('closes the subflows of the address on both sides, and the announcement is gone', () => {
    const world = new World({ paths: [{}, {}] }).connect().send('client', 10).run(SECOND);
    expect(world.client.open.subflows.filter(({ remoteId }) => remoteId === 2)).toHaveLength(2);
    world.server.open.withdrawAddress(world.now, 2);
    world.poll(world.server);
    world.run(SECOND);
    expect(world.client.of('address-removed')).toEqual([{ type: 'address-removed', id: 2 }]);
    expect(
      world.client.open.subflows.filter(({ state }) => state === 'active').map(({ remoteId }) => remoteId),
    ).toEqual([0, 0]);
    world
      .send('client', 100_000)
      .send('server', 100_000)
      .run(5 * SECOND);
    expect(world.isDelivered()).toBe(true);
  });

  it('of several IDs goes in one option, and unknown ones harm nothing', () => {
    const world = quiet();
    world.server.open.withdrawAddress(world.now, 3);
    world.server.open.withdrawAddress(world.now, 9);
    world.poll(world.server);
    world.run(SECOND);
    const removals = world.trace.flatMap((view) => view.options.filter(isRemoveAddr));
    expect(removals.flatMap(({ addressIds }) => addressIds)).toEqual([3, 9]);
    expect(world.client.of('address-removed')).toEqual([]);
    expect(world.client.open.subflows).toHaveLength(1);
  });

  it('goes ahead of a change of priority: what the old path lost comes before new data on the new one', () => {
    const world = quiet();
    world.server.open.setBackup(world.now, world.server.open.subflows[0]!, true);
    world.server.open.withdrawAddress(world.now, 3);
    world.poll(world.server);
    world.run(SECOND);
    const said = world.trace.flatMap((view) => view.options.map(({ subtype }) => subtype));
    expect(said.filter((subtype) => subtype === 'REMOVE_ADDR' || subtype === 'MP_PRIO').slice(0, 2)).toEqual([
      'REMOVE_ADDR',
      'MP_PRIO',
    ]);
  });

  it('follows when an announced address leaves the host', () => {
    const world = new World({ paths: [{}, {}] }).connect().send('client', 10).run(SECOND);
    world.tellAddresses(world.server, [localAddress('server', 0)]);
    world.run(SECOND);
    expect(world.client.of('address-removed')).toMatchObject([{ id: 2 }]);
    expect(
      world.client.open.subflows.every(({ remoteId, state }) => remoteId === 0 || state === 'closed'),
    ).toBe(true);
  });
});

describe('a pair of addresses that fails', () => {
  it('rests, longer each time, and is tried again', () => {
    const world = new World({
      paths: [{}, {}],
      server: { maxAnnouncedAddresses: 0 },
      client: { retrySubflowNs: SECOND },
    });
    world.client.opensSubflows = false;
    world
      .connect()
      .send('client', 10)
      .run(20 * SECOND);
    const asked = world.client.of('subflow-wanted').length;
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(8);
    world.client.opensSubflows = true;
    world.run(60 * SECOND);
    expect(world.client.subflowOn(1)?.state).toBe('active');
  });
});
