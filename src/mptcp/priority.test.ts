import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import type { MptcpOption } from '../wire/index.js';
import { Impostor } from '../../test/support/mptcp-impostor.js';
import { World, localAddress } from '../../test/support/mptcp-world.js';
import type { PacketView } from '../../test/support/mptcp-world.js';
import type { Subflow } from './subflow.js';

const prio = (backup: boolean): MptcpOption => ({ subtype: 'MP_PRIO', backup });
const isPrio = (option: MptcpOption): boolean => option.subtype === 'MP_PRIO';
const says = (view: PacketView): boolean => view.options.some(isPrio);

/** Two subflows, both open. */
function twoPaths(): World {
  const world = new World({ paths: [{}, {}], managed: false }).connect().send('client', 10).run(SECOND);
  world.tellAddresses(world.client);
  world.run(SECOND);
  expect(world.client.open.subflows).toHaveLength(2);
  return world;
}

function setBackup(world: World, backup: boolean, index = 1): void {
  world.client.open.setBackup(world.now, world.client.open.subflows[index]!, backup);
  world.poll(world.client);
}

describe('MP_PRIO (RFC 8684 §3.3.8)', () => {
  it('set by us goes out on the subflow it means, and the peer sends nothing more over that one', () => {
    const world = twoPaths();
    setBackup(world, true);
    world.run(SECOND);
    expect(world.trace.filter(says).every(({ path }) => path === 1)).toBe(true);
    expect(world.server.of('subflow-priority')).toMatchObject([{ peerBackup: true }]);
    const backup = world.server.open.subflows[1]!;
    const before = backup.bytesSent;
    world.send('server', 300_000).run(10 * SECOND);
    expect(world.isDelivered()).toBe(true);
    expect(backup.bytesSent).toBe(before);
    setBackup(world, false);
    world.run(SECOND);
    world.send('server', 3_000_000).run(10 * SECOND);
    expect(backup.bytesSent).toBeGreaterThan(before);
  });

  it('heard makes the subflow it came on a backup, and no other', () => {
    const impostor = new Impostor();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.send({ options: [prio(true)] }, second);
    expect([impostor.initial.isBackup, second.isBackup]).toEqual([false, true]);
    impostor.send({ options: [prio(false)] }, second);
    expect(second.isBackup).toBe(false);
  });

  it('is said three times in all, so that a loss does not leave the peer in the wrong', () => {
    const world = twoPaths();
    let lost = 0;
    world.tamper = (_packet, view) => !says(view) || lost++ >= 2;
    setBackup(world, true);
    world.run(30 * SECOND);
    expect(world.trace.filter(says)).toHaveLength(3);
    expect(world.server.of('subflow-priority')).toMatchObject([{ peerBackup: true }]);
  });

  it('changed in quick succession ends with what was said last', () => {
    const world = twoPaths();
    for (const backup of [true, false, true, false, true]) setBackup(world, backup);
    world.run(30 * SECOND);
    expect(world.server.open.subflows[1]!.peerBackup).toBe(true);
    expect(world.trace.filter(says).length).toBeLessThanOrEqual(7);
  });

  it('follows a join whose priority changed while it was on its way', () => {
    const world = new World({ paths: [{}, {}], managed: false }).connect().send('client', 10).run(SECOND);
    world.tellAddresses(world.client, [localAddress('client', 0), localAddress('client', 1)]);
    setBackup(world, true);
    world.run(SECOND);
    const syn = world.trace.flatMap((view) =>
      view.options.flatMap((option) =>
        option.subtype === 'MP_JOIN' && option.phase === 'syn' ? [option.backup] : [],
      ),
    );
    expect(syn).toEqual([false]);
    expect(world.server.open.subflows[1]!.peerBackup).toBe(true);
  });

  it('with an address ID, as version 0 had it, says nothing in version 1', () => {
    const impostor = new Impostor();
    impostor.send({ options: [{ subtype: 'MP_PRIO', backup: true, addressId: 0 }] });
    expect(impostor.initial.isBackup).toBe(false);
  });

  it('in a flood tells of changes only', () => {
    const impostor = new Impostor();
    for (let i = 0; i < 500; i++) impostor.send({ options: [prio(true)] });
    expect(impostor.events.filter(({ type }) => type === 'subflow-priority')).toHaveLength(1);
  });
});
