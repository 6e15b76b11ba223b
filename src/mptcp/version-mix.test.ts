/** Options of one version on a connection of the other, and what a peer of version 0 may do with those of its own. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { IpAddress, MpCapableFlag, TcpFlag, addAddrHmac } from '../wire/index.js';
import type { AddAddr, MptcpOption, MptcpVersion } from '../wire/index.js';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { World, addressOn, segmentBytes } from '../../test/support/mptcp-world.js';
import type { MptcpSettings } from './settings.js';
import { Subflow } from './subflow.js';

const versions: MptcpVersion[] = [0, 1];
const bytes = (length: number, from = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
const other = IpAddress.parse('10.1.1.1')!;

function impostorOf(version: MptcpVersion, settings: Partial<MptcpSettings> = {}): Impostor {
  return new Impostor({ versions: [version], ...settings });
}

function eventsOf(impostor: Impostor, type: string): unknown[] {
  return impostor.events.filter((event) => event.type === type);
}

function isAddAddr(option: MptcpOption): option is AddAddr {
  return option.subtype === 'ADD_ADDR';
}

function announcements(impostor: Impostor): AddAddr[] {
  return impostor.sent.flatMap(({ options }) => options.filter(isAddAddr));
}

/** An announcement in the layout of `version`, with the right proof where that has one. */
function announcement(version: MptcpVersion, addressId = 5, address = other): AddAddr {
  const base = { subtype: 'ADD_ADDR', version, echo: false, addressId, address } as const;
  if (version === 0) return base;
  return { ...base, hmac: addAddrHmac(impostorKey, ownKey, { addressId, address, port: 0 }) };
}

/** The impostor joins; the join carries the address ID given. */
function join(impostor: Impostor, id: number, to?: IpAddress): Subflow {
  const subflow = impostor.join(impostor.connection.localToken!, id, id, to);
  if (!(subflow instanceof Subflow)) throw new Error('the join was refused');
  impostor.joinAck(subflow, id);
  expect(subflow.state).toBe('active');
  return subflow;
}

describe.each(versions)('a connection of version %i', (version) => {
  const foreign: MptcpVersion = version === 0 ? 1 : 0;

  it('believes an announcement in its own layout and echoes it in version 1 only (RFC 6824 §3.4.1)', () => {
    const impostor = impostorOf(version);
    impostor.send({ options: [announcement(version)] });
    expect(eventsOf(impostor, 'address-announced')).toEqual([
      { type: 'address-announced', id: 5, address: other, port: 0 },
    ]);
    expect(announcements(impostor).map(({ echo }) => echo)).toEqual(version === 0 ? [] : [true]);
  });

  it('ignores an announcement in the layout of the other version', () => {
    const impostor = impostorOf(version);
    impostor.send({ options: [announcement(foreign)] });
    impostor.run(10 * SECOND);
    expect(eventsOf(impostor, 'address-announced')).toEqual([]);
    expect(announcements(impostor)).toEqual([]);
  });

  it('takes the word of an MP_TCPRST in version 1 only', () => {
    const impostor = impostorOf(version);
    const rst = { subtype: 'MP_TCPRST', flags: 1, reason: 5 } as const;
    impostor.send({ options: [rst] });
    expect(impostor.initial.state).toBe('active');
    impostor.send({ flags: TcpFlag.RST | TcpFlag.ACK, options: [rst] });
    expect(eventsOf(impostor, 'subflow-closed')).toMatchObject([
      { reason: 'reset', resetReason: version === 0 ? undefined : 5 },
    ]);
  });

  it('says why it resets a subflow in version 1 only', () => {
    const impostor = impostorOf(version);
    impostor.send({ options: [impostor.mapping(1, 1, 20)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(11, 500, 10)], payload: bytes(10) });
    const rst = impostor.sent.find(({ flags }) => (flags & TcpFlag.RST) !== 0)!;
    expect(rst.options.map(({ subtype }) => subtype)).toEqual([version === 0 ? 'DSS' : 'MP_TCPRST']);
  });

  it('has nothing said to it by MP_CAPABLE of either version once it stands', () => {
    const impostor = impostorOf(version);
    const keys = { senderKey: 1n, receiverKey: 2n };
    for (const each of versions) {
      const option = { subtype: 'MP_CAPABLE', version: each, flags: MpCapableFlag.HMAC, ...keys } as const;
      impostor.send({ options: [option] });
    }
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(10));
    expect(impostor.connection.isFallback).toBe(false);
  });

  it('takes a join with the proof of its own version and no other', () => {
    const impostor = impostorOf(version);
    join(impostor, 9);
    const subflow = impostor.join(impostor.connection.localToken!, 10, 10) as Subflow;
    Object.assign(impostor, { version: foreign });
    impostor.joinAck(subflow, 10);
    expect(subflow.wasClosed).toBe(true);
    expect(impostor.connection.statistics.hmacFailures).toBe(1);
  });
});

describe('data that MP_CAPABLE maps (RFC 8684 §3.1)', () => {
  it.each(versions)('does so only in version 1: a server of version %i', (version) => {
    const keys = { clientKey: ownKey, serverKey: impostorKey };
    const side = { versions: [version] };
    const world = new World({ managed: false, client: side, server: side, ...keys }).connect().run(SECOND);
    const before = world.trace.find(({ from, flags }) => from === 'client' && (flags & TcpFlag.SYN) !== 0)!;
    const answer = world.trace.find(({ from, flags }) => from === 'server' && (flags & TcpFlag.SYN) !== 0)!;
    const option: MptcpOption = {
      subtype: 'MP_CAPABLE',
      version: 1,
      flags: MpCapableFlag.HMAC,
      senderKey: 0x1111111122222222n,
      receiverKey: 0x3333333344444444n,
      dataLength: 10,
    };
    const segment = segmentBytes(40_000, 80, {
      flags: TcpFlag.ACK,
      seq: before.seq + 1,
      ack: answer.seq + 1,
      options: [option],
      payload: Uint8Array.from({ length: 10 }, (_, i) => (i * 31) & 0xff),
    });
    const source = { address: addressOn('client', 0), port: 40_000 };
    const destination = { address: addressOn('server', 0), port: 80 };
    world.inject('client', 0, { source, destination, bytes: segment });
    world.run(SECOND / 2);
    // In version 0 it says nothing: the bytes wait for a DSS, and are not guessed at.
    expect(world.server.open.isFallback).toBe(false);
    expect([world.server.received, world.server.wrongAt]).toEqual([version === 0 ? 0 : 10, -1]);
  });
});

describe('an announcement of version 0, which has no echo (RFC 6824 §3.4.1)', () => {
  const settings = { addAddrTimeoutNs: SECOND, addAddrRetries: 3 };

  function announcing(): Impostor {
    const impostor = impostorOf(0, settings);
    expect(impostor.connection.announceAddress(impostor.now, { address: other, port: 0 }, 7)).toBe(true);
    impostor.poll();
    return impostor;
  }

  it('has no proof, and is repeated a bounded number of times', () => {
    const impostor = announcing();
    impostor.run(1000 * SECOND);
    const sent = { subtype: 'ADD_ADDR', version: 0, echo: false, addressId: 7, address: other };
    expect(announcements(impostor)).toEqual([sent, sent, sent, sent]);
  });

  it('rests once a join to it shows that it arrived', () => {
    const impostor = announcing();
    join(impostor, 9, other);
    impostor.run(1000 * SECOND);
    expect(announcements(impostor)).toHaveLength(1);
  });

  it('goes on after a join to another address', () => {
    const impostor = announcing();
    join(impostor, 9);
    impostor.run(1000 * SECOND);
    expect(announcements(impostor)).toHaveLength(4);
  });

  it('is not stilled by an echo, which is an option of the other version', () => {
    const impostor = announcing();
    impostor.send({
      options: [{ ...announcement(1, 7), echo: true, hmac: undefined } as unknown as AddAddr],
    });
    impostor.run(1000 * SECOND);
    expect(announcements(impostor)).toHaveLength(4);
  });

  it('that comes in a flood fills the table and no more, and cannot be of a group, of nobody or of ID 0', () => {
    const impostor = impostorOf(0, { maxAcceptedAddresses: 4 });
    for (const [id, text] of [
      [5, '0.0.0.0'],
      [5, '224.0.0.1'],
      [0, '10.1.1.1'],
    ] as const) {
      impostor.send({ options: [announcement(0, id, IpAddress.parse(text)!)] });
    }
    expect(eventsOf(impostor, 'address-announced')).toEqual([]);
    for (let id = 1; id < 256; id++)
      impostor.send({ options: [announcement(0, id, IpAddress.parse(`10.1.1.${id}`)!)] });
    expect(eventsOf(impostor, 'address-announced')).toHaveLength(4);
  });
});

describe('MP_PRIO with an address ID (RFC 6824 §3.3.8)', () => {
  const backup = (addressId: number): MptcpOption => ({ subtype: 'MP_PRIO', backup: true, addressId });

  it.each<[MptcpVersion, boolean]>([
    [0, false],
    [1, false],
    [1, true],
  ])('is ignored in version %i with acceptPriorityForAddress %s', (version, acceptPriorityForAddress) => {
    const impostor = impostorOf(version, { acceptPriorityForAddress });
    const joined = join(impostor, 9);
    for (const id of [9, 0, 77]) impostor.send({ options: [backup(id)] });
    expect(eventsOf(impostor, 'subflow-priority')).toEqual([]);
    expect([impostor.initial.isBackup, joined.isBackup]).toEqual([false, false]);
  });

  it('changes the subflows of that address, and no other, in version 0 where that was asked for', () => {
    const impostor = impostorOf(0, { acceptPriorityForAddress: true });
    const [first, second] = [join(impostor, 9), join(impostor, 10)];
    for (const id of [9, 77]) impostor.send({ options: [backup(id)] }, second);
    expect([impostor.initial, first, second].map(({ isBackup }) => isBackup)).toEqual([false, true, false]);
    impostor.send({ options: [backup(0)] }, second);
    expect([impostor.initial, first, second].map(({ isBackup }) => isBackup)).toEqual([true, true, false]);
    impostor.send({ options: [{ subtype: 'MP_PRIO', backup: false, addressId: 9 }] }, second);
    expect(first.isBackup).toBe(false);
  });

  it.each(versions)('without one concerns the subflow it came on, in version %i', (version) => {
    const impostor = impostorOf(version);
    const joined = join(impostor, 9);
    impostor.send({ options: [{ subtype: 'MP_PRIO', backup: true }] }, joined);
    expect([impostor.initial.isBackup, joined.isBackup]).toEqual([false, true]);
  });
});
