/** Address IDs that repeat, clash and go, and paths that are probed before they are given up. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { IpAddress, TcpFlag, addAddrHmac } from '../wire/index.js';
import type { AddAddr, MptcpOption, MptcpVersion, RemoveAddr } from '../wire/index.js';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { World, localAddress } from '../../test/support/mptcp-world.js';
import type { Subflow } from './subflow.js';

const isReset = (flags: number): boolean => (flags & TcpFlag.RST) !== 0;

function announcement(id: number, text: string, port = 0, version: MptcpVersion = 1): AddAddr {
  const address = IpAddress.parse(text)!;
  const hmac = addAddrHmac(impostorKey, ownKey, { addressId: id, address, port });
  return {
    subtype: 'ADD_ADDR',
    version,
    echo: false,
    addressId: id,
    address,
    ...(version === 1 && { hmac }),
    ...(port > 0 && { port }),
  };
}

/** An impostor whose peer manages paths from the initial address, with what it asked for so far. */
function managed(settings: ConstructorParameters<typeof Impostor>[0] = {}): Impostor {
  const impostor = new Impostor(settings);
  impostor.connection.setLocalAddresses(impostor.now, [
    { address: IpAddress.parse('10.0.0.1')!, id: 1, port: 0, backup: false, signal: false, subflow: true },
  ]);
  impostor.poll();
  return impostor;
}

const wanted = (impostor: Impostor): string[] =>
  impostor.events.flatMap((event) =>
    event.type === 'subflow-wanted' ? [`${event.remote.address.toString()}:${event.remote.port}`] : [],
  );
const announced = (impostor: Impostor): number =>
  impostor.events.filter(({ type }) => type === 'address-announced').length;
const echoes = (impostor: Impostor): MptcpOption[] =>
  impostor.sent.flatMap(({ options }) =>
    options.filter((option) => option.subtype === 'ADD_ADDR' && option.echo),
  );
const removed = (impostor: Impostor): number[] =>
  impostor.events.flatMap((event) => (event.type === 'address-removed' ? [event.id] : []));

describe('an announcement heard (RFC 8684 §3.4.1)', () => {
  it('again with the same ID, address and port is echoed again and leads to no second subflow', () => {
    const impostor = managed();
    for (let i = 0; i < 5; i++) impostor.send({ options: [announcement(7, '10.3.0.1')] });
    expect(echoes(impostor)).toHaveLength(5);
    expect(announced(impostor)).toBe(1);
    expect(wanted(impostor)).toEqual(['10.3.0.1:80']);
  });

  it('with the same ID and address but another port leads to a subflow to that port', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(7, '10.3.0.1', 8080)] });
    impostor.send({ options: [announcement(7, '10.3.0.1', 8081)] });
    expect(echoes(impostor)).toMatchObject([{ port: 8080 }, { port: 8081 }]);
    expect(wanted(impostor)).toEqual(['10.3.0.1:8080', '10.3.0.1:8081']);
  });

  it('with the ID of another address is neither believed nor echoed, until that one is withdrawn', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(7, '10.3.0.1')] });
    impostor.send({ options: [announcement(7, '10.3.0.2')] });
    expect(echoes(impostor)).toHaveLength(1);
    expect(wanted(impostor)).toEqual(['10.3.0.1:80']);
    impostor.send({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [7] }] });
    impostor.send({ options: [announcement(7, '10.3.0.2')] });
    expect(echoes(impostor)).toHaveLength(2);
    expect(wanted(impostor)).toEqual(['10.3.0.1:80', '10.3.0.2:80']);
  });

  it('of one address under two IDs is echoed both times and used once', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(7, '10.3.0.1')] });
    impostor.send({ options: [announcement(8, '10.3.0.1')] });
    expect(echoes(impostor)).toHaveLength(2);
    expect(wanted(impostor)).toEqual(['10.3.0.1:80']);
  });

  it('of the initial address, under ID 0 or another, is echoed and adds nothing', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(0, '10.0.0.2')] });
    impostor.send({ options: [announcement(5, '10.0.0.2')] });
    expect(echoes(impostor)).toHaveLength(2);
    expect(announced(impostor)).toBe(0);
    expect(wanted(impostor)).toEqual([]);
  });

  it('with ID 0 for another address than the initial one is ignored', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(0, '10.3.0.1')] });
    expect(echoes(impostor)).toEqual([]);
    expect(wanted(impostor)).toEqual([]);
  });

  it('of IPv6 is echoed and, to a host without IPv6, of no use', () => {
    const impostor = managed();
    impostor.send({ options: [announcement(7, '2001:db8::1', 443)] });
    expect(echoes(impostor)).toMatchObject([{ addressId: 7, port: 443 }]);
    expect(wanted(impostor)).toEqual([]);
  });

  it('comes back to life under ID 0 after the initial address was withdrawn', () => {
    const impostor = managed();
    impostor.send({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [0] }] });
    impostor.send({ options: [announcement(0, '10.0.0.2')] });
    expect(announced(impostor)).toBe(1);
    expect(removed(impostor)).toEqual([0]);
  });

  it('in a flood of ports and IDs is bounded in memory and in subflows', () => {
    const impostor = managed({ maxAcceptedAddresses: 4, maxSubflows: 3 });
    for (let i = 0; i < 2000; i++) {
      impostor.send({ options: [announcement(1 + (i % 255), `10.3.0.${1 + (i % 255)}`, 1 + i)] });
    }
    expect(wanted(impostor).length).toBeLessThanOrEqual(2);
    expect(announced(impostor)).toBeLessThanOrEqual(4 * 8);
  });
});

describe.each([0, 1] as const)('announcements and withdrawals in turn, in version %i', (version) => {
  const limits = { announcedJoinBurst: 3, announcedJoinIntervalNs: 2 * SECOND };

  /** Announces `count` addresses one by one, each withdrawn before the next; the peer opens what it is asked for. */
  function churn(impostor: Impostor, count: number, everyNs: number): void {
    for (let i = 0; i < count; i++) {
      const seen = impostor.events.length;
      impostor.send({ options: [announcement(7, `10.3.${i >> 8}.${i & 255}`, 80, version)] });
      for (const event of impostor.events.slice(seen))
        if (event.type === 'subflow-wanted') impostor.open(event);
      impostor.send({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [7] }] });
      impostor.run(everyNs);
    }
  }
  const synsSent = (impostor: Impostor): number =>
    impostor.sent.filter(({ flags }) => flags === TcpFlag.SYN).length;

  it('draw a burst of joins and then one per interval, however fast they come', () => {
    const impostor = managed({ versions: [version], ...limits });
    churn(impostor, 1000, SECOND / 100);
    expect(wanted(impostor)).toHaveLength(3 + 4);
    expect(synsSent(impostor)).toBe(3 + 4);
  });

  it('delay the join that comes after them, and do not lose it', () => {
    const impostor = managed({ versions: [version], ...limits });
    churn(impostor, 500, 1000);
    impostor.send({ options: [announcement(9, '10.9.9.9', 80, version)] });
    expect(wanted(impostor)).not.toContain('10.9.9.9:80');
    impostor.run(3 * SECOND);
    expect(wanted(impostor)).toContain('10.9.9.9:80');
    expect(wanted(impostor)).toHaveLength(4);
  });
});

describe('an announcement of ours (RFC 8684 §3.4.1)', () => {
  /** A world without path managers, its connection confirmed. */
  const quiet = (options: ConstructorParameters<typeof World>[0] = {}): World =>
    new World({ managed: false, ...options }).connect().send('client', 10).run(SECOND);
  const announce = (world: World, text: string, port: number, id: number): boolean => {
    const isTaken = world.server.open.announceAddress(
      world.now,
      { address: IpAddress.parse(text)!, port },
      id,
    );
    world.poll(world.server);
    world.run(SECOND / 10);
    return isTaken;
  };
  const options = (world: World): MptcpOption[] => world.trace.flatMap((view) => view.options);

  it('may be repeated, and may change its port', () => {
    const world = quiet();
    expect(announce(world, '10.9.9.1', 0, 7)).toBe(true);
    expect(announce(world, '10.9.9.1', 0, 7)).toBe(true);
    expect(announce(world, '10.9.9.1', 8080, 7)).toBe(true);
    expect(world.client.of('address-announced').map(({ port }) => port)).toEqual([0, 8080]);
    world.run(60 * SECOND);
    expect(options(world).filter((option) => option.subtype === 'ADD_ADDR' && !option.echo)).toHaveLength(3);
  });

  it('may name the initial address, with ID 0 only', () => {
    const world = quiet();
    expect(announce(world, '10.0.0.2', 0, 0)).toBe(true);
    expect(announce(world, '10.9.9.1', 0, 0)).toBe(false);
    expect(announce(world, '10.9.9.1', 0, 256)).toBe(false);
    expect(announce(world, '10.9.9.1', 0, 1.5)).toBe(false);
  });

  it('of another address for an ID that was just withdrawn goes out behind the withdrawal', () => {
    const world = quiet();
    announce(world, '10.9.9.1', 0, 7);
    world.server.open.withdrawAddress(world.now, 7);
    expect(announce(world, '10.9.9.2', 0, 7)).toBe(true);
    expect(world.client.of('address-announced').map(({ address }) => address.toString())).toEqual([
      '10.9.9.1',
      '10.9.9.2',
    ]);
  });

  it('withdrawn with a hundred others takes as many options as needed, none too long', () => {
    const world = quiet();
    for (let id = 1; id <= 100; id++) world.server.open.withdrawAddress(world.now, id);
    world.poll(world.server);
    world.run(SECOND);
    const removals = options(world).flatMap((option) =>
      option.subtype === 'REMOVE_ADDR' ? [option.addressIds] : [],
    );
    expect(removals.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(Math.max(...removals.map(({ length }) => length))).toBeLessThanOrEqual(16);
  });

  it('cannot be withdrawn by a number that is no ID', () => {
    const world = quiet();
    for (const id of [-1, 256, Number.NaN]) {
      expect(() => {
        world.server.open.withdrawAddress(world.now, id);
      }).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_ADDRESS_ID' }));
    }
  });
});

describe('REMOVE_ADDR heard (RFC 8684 §3.4.2)', () => {
  /** An impostor with a second subflow from its address 9. */
  function joined(): { impostor: Impostor; second: Subflow } {
    const impostor = managed();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.sent.length = 0;
    return { impostor, second };
  }
  const remove = (...addressIds: number[]): MptcpOption => ({ subtype: 'REMOVE_ADDR', addressIds });

  it('has the subflow of the address probed, and reset when nothing answers', () => {
    const { impostor, second } = joined();
    impostor.send({ options: [remove(9)] });
    expect(removed(impostor)).toEqual([9]);
    const probes = (): number => impostor.sent.filter(({ subflow }) => subflow === second).length;
    expect(probes()).toBe(1);
    expect(second.state).toBe('active');
    impostor.run(30 * SECOND);
    expect(probes()).toBe(4);
    expect(isReset(impostor.sent.at(-1)!.flags)).toBe(true);
    expect(second.state).toBe('closed');
  });

  it('leaves a subflow alone that answers the probe', () => {
    const { impostor, second } = joined();
    impostor.send({ options: [remove(9)] });
    impostor.now += SECOND / 10;
    impostor.send({ options: [impostor.dataAck(1)] }, second);
    impostor.run(60 * SECOND);
    expect(second.state).toBe('active');
    expect(impostor.sent.filter(({ flags }) => isReset(flags))).toEqual([]);
  });

  it('resets at once a join from the address that is not through', () => {
    const impostor = managed();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.send({ options: [remove(9)] });
    expect(second.state).toBe('closed');
  });

  it('of ID 0 concerns the initial subflow, and nothing new goes to the initial address', () => {
    const { impostor, second } = joined();
    impostor.send({ options: [remove(0)] }, second);
    impostor.run(30 * SECOND);
    expect(removed(impostor)).toEqual([0]);
    expect(impostor.connection.subflows).toEqual([second]);
    expect(wanted(impostor)).toEqual([]);
  });

  it('with a list deals with each, and ignores the IDs that nobody has', () => {
    const { impostor, second } = joined();
    impostor.send({ options: [announcement(7, '10.3.0.1')] });
    impostor.send({ options: [remove(200, 7, 9, 201)] });
    expect(removed(impostor)).toEqual([7, 9]);
    impostor.run(30 * SECOND);
    expect(second.state).toBe('closed');
    expect(impostor.initial.state).toBe('active');
  });

  it('in a flood is told once and probes once at a time', () => {
    const { impostor, second } = joined();
    for (let i = 0; i < 500; i++) impostor.send({ options: [remove(9)] });
    expect(removed(impostor)).toEqual([9]);
    expect(impostor.sent.filter(({ subflow }) => subflow === second)).toHaveLength(1);
  });

  it.each([0, 1] as const)(
    'again, of an address that was removed, has no effect, in version %i',
    (version) => {
      const world = new World({ paths: [{ rateBps: 10e6 }, { rateBps: 10e6 }], versions: [version] })
        .connect()
        .send('client', 10)
        .run(SECOND);
      const { client, server } = world;
      const bearer = server.open.subflows[0]!;
      const repeat = (seconds: number): void => {
        for (let i = 0; i < 20 * seconds; i++) {
          bearer.enqueueOption(world.now, remove(0, 1, 2) as RemoveAddr);
          world.poll(server);
          world.run(SECOND / 20);
        }
      };
      world.send('client', 20_000_000);
      repeat(2);
      const { reinjectedBytes } = client.open.statistics;
      const told = client.of('address-removed').length;
      repeat(4);
      expect(client.of('address-removed')).toHaveLength(told);
      expect(client.open.statistics.reinjectedBytes).toBe(reinjectedBytes);
      expect(client.open.subflows.every(({ removalCheck }) => removalCheck === undefined)).toBe(true);
    },
  );

  it('is heeded again once the address was announced again', () => {
    const { impostor, second } = joined();
    const survive = (): void => {
      impostor.now += SECOND / 10;
      impostor.send({ options: [impostor.dataAck(1)] }, second);
      impostor.run(10 * SECOND);
    };
    impostor.send({ options: [announcement(9, '10.3.0.1'), remove(9)] });
    survive();
    impostor.send({ options: [remove(9)] });
    expect(second.removalCheck).toBeUndefined();
    impostor.send({ options: [announcement(9, '10.3.0.1')] });
    impostor.send({ options: [remove(9)] });
    expect(second.removalCheck).toBeDefined();
    expect(removed(impostor)).toEqual([9, 9]);
  });

  it('for a path that works costs the stream nothing, by whoever it was forged', () => {
    const world = new World({ paths: [{}, {}] }).connect().send('client', 10).run(SECOND);
    const before = world.client.open.subflows.filter(({ remoteId }) => remoteId === 2).length;
    expect(before).toBeGreaterThan(0);
    const server = world.server.open;
    // Says it and goes on using the address.
    server.subflows[0]!.enqueueOption(world.now, remove(2));
    world.poll(world.server);
    world
      .send('client', 500_000)
      .send('server', 500_000)
      .run(20 * SECOND);
    expect(world.isDelivered()).toBe(true);
    expect(
      world.client.open.subflows.filter(({ remoteId, state }) => remoteId === 2 && state === 'active'),
    ).toHaveLength(before);
  });
});

describe('flag C (RFC 8684 §3.1)', () => {
  it('bars the initial address under any ID, but not another port of it that is announced', () => {
    const impostor = managed();
    (impostor.connection as unknown as { core: { peerForbidsInitial: boolean } }).core.peerForbidsInitial =
      true;
    impostor.send({ options: [announcement(0, '10.0.0.2')] });
    impostor.send({ options: [announcement(5, '10.0.0.2')] });
    expect(wanted(impostor)).toEqual([]);
    impostor.send({ options: [announcement(6, '10.0.0.2', 8080)] });
    expect(wanted(impostor)).toEqual(['10.0.0.2:8080']);
  });

  it('set by the server leads the client to the announced addresses alone', () => {
    const world = new World({ paths: [{}, {}], server: { joinInitialAddress: false } });
    world.connect().send('client', 10).run(SECOND);
    const joined = world.client.open.subflows.filter((subflow) => !subflow.isInitial);
    expect(joined.length).toBeGreaterThan(0);
    expect(joined.every(({ remoteId }) => remoteId === localAddress('server', 1).id)).toBe(true);
  });
});
