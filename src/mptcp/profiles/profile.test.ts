import { describe, expect, it } from 'vitest';
import { World, addressOn, localAddress } from '../../../test/support/mptcp-world.js';
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { MptcpOption } from '../../wire/index.js';
import { defaultMptcpSettings } from '../settings.js';
import { applyProfile, profileNamed, profiles } from './profile.js';

const wifi = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queueBytes: 50_000 };
const cellular = { rateBps: 10e6, delayNs: 30 * MILLISECOND, queueBytes: 100_000 };

/** A client that behaves as `profile` says, and a server of ours that announces its second address. */
function world(profile: string): World {
  const client = applyProfile(defaultMptcpSettings, profileNamed(profile), 'client');
  return new World({ paths: [wifi, cellular], client }).connect();
}

/** The options of one kind that one side sent. */
function sent<T extends MptcpOption['subtype']>(
  from: 'client' | 'server',
  within: World,
  subtype: T,
): Extract<MptcpOption, { subtype: T }>[] {
  return within.trace
    .filter((view) => view.from === from)
    .flatMap((view) => view.options)
    .filter((option): option is Extract<MptcpOption, { subtype: T }> => option.subtype === subtype);
}

/** Payload bytes that the client sent and received on path `index`. */
function bytesOn(within: World, index: number): number {
  return within.client.open.subflows
    .filter(({ local }) => local.address.equals(addressOn('client', index)))
    .reduce((sum, subflow) => sum + subflow.bytesSent + subflow.bytesReceived, 0);
}

describe('profiles', () => {
  it('are found by name; an unknown name is an error that lists them', () => {
    for (const name of Object.keys(profiles)) expect(profileNamed(name).name).toBe(name);
    expect(() => profileNamed('toString')).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNKNOWN_NAME', hint: 'There are: apple, linux.' }),
    );
  });

  it('refuse the role that they do not have', () => {
    expect(() => applyProfile(defaultMptcpSettings, profileNamed('apple'), 'server')).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_CLIENT_ONLY' }),
    );
    expect(applyProfile(defaultMptcpSettings, profileNamed('linux'), 'server').maxSubflows).toBe(3);
  });
});

describe('the Apple profile', () => {
  it('sends 32-bit data sequence numbers (RFC 8684 §3.3.1)', () => {
    const both = world('apple')
      .send('client', 20_000, true)
      .send('server', 20_000, true)
      .run(3 * SECOND);
    expect(both.isDelivered()).toBe(true);
    const mappings = sent('client', both, 'DSS').flatMap(({ mapping }) => mapping ?? []);
    expect(mappings.length).toBeGreaterThan(0);
    expect(new Set(mappings.map(({ dataSeq }) => dataSeq.bits))).toEqual(new Set([32]));
  });

  it('neither echoes nor uses an address that the server announces', () => {
    const quiet = world('apple')
      .send('client', 1000)
      .run(10 * SECOND);
    expect(sent('server', quiet, 'ADD_ADDR').length).toBeGreaterThan(1);
    expect(sent('client', quiet, 'ADD_ADDR')).toEqual([]);
    expect(quiet.client.of('address-announced')).toEqual([]);
    const remotes = quiet.client.open.subflows.map(({ remote }) => remote.address.toString());
    expect(new Set(remotes)).toEqual(new Set([addressOn('server', 0).toString()]));
  });

  it('opens the second path by itself, as a backup that carries nothing while the first lives', () => {
    const calm = world('apple')
      .send('client', 500_000)
      .send('server', 500_000)
      .run(5 * SECOND);
    expect(calm.isDelivered()).toBe(true);
    expect(calm.client.open.subflows.map(({ isBackup, state }) => [isBackup, state])).toEqual([
      [false, 'active'],
      [true, 'active'],
    ]);
    expect(bytesOn(calm, 1)).toBe(0);
    // Either side may say so; here the client did in the SYN of its join (RFC 8684 §3.2, flag B).
    expect(sent('client', calm, 'MP_JOIN').some((join) => join.phase === 'syn' && join.backup)).toBe(true);
  });

  it('hands over when the first path dies in silence, and loses no byte', () => {
    const torn = world('apple').send('client', 1_500_000).send('server', 500_000);
    torn.runUntil(() => torn.server.received > 300_000);
    torn.paths[0]!.isUp = false;
    expect(torn.runUntil(() => torn.isDelivered(), 60 * SECOND)).toBe(true);
    expect([torn.client.wrongAt, torn.server.wrongAt]).toEqual([-1, -1]);
    expect(bytesOn(torn, 1)).toBeGreaterThan(500_000);
  });

  it('withdraws an address that goes (REMOVE_ADDR), makes the other path the regular one, and hands back later', () => {
    const moved = world('apple').send('client', 1_500_000);
    moved.runUntil(() => moved.server.received > 300_000);
    moved.paths[0]!.isUp = false;
    moved.tellAddresses(moved.client, [localAddress('client', 1)]);
    moved.run(2 * SECOND);
    expect(sent('client', moved, 'REMOVE_ADDR')).toMatchObject([{ addressIds: [0] }]);
    expect(sent('client', moved, 'MP_PRIO')[0]).toMatchObject({ backup: false });
    expect(moved.client.open.subflows.map(({ isBackup }) => isBackup)).toEqual([false]);
    moved.paths[0]!.isUp = true;
    moved.tellAddresses(moved.client);
    moved.send('client', 1_000_000);
    expect(moved.runUntil(() => moved.isDelivered(), 60 * SECOND)).toBe(true);
    expect(moved.server.wrongAt).toBe(-1);
    const [first, second] = [0, 1].map((path) => moved.client.subflowOn(path)!);
    expect([first!.isBackup, second!.isBackup]).toEqual([false, true]);
    expect(first!.bytesSent).toBeGreaterThan(0);
  });
});

describe('the Linux profile', () => {
  it('echoes an announced address and opens nothing to it', () => {
    const quiet = world('linux')
      .send('client', 1000)
      .run(3 * SECOND);
    expect(sent('client', quiet, 'ADD_ADDR').some(({ echo }) => echo)).toBe(true);
    expect(quiet.client.open.subflows.length).toBe(2);
    expect(
      quiet.client.open.subflows.every(({ remote }) => remote.address.equals(addressOn('server', 0))),
    ).toBe(true);
  });
});
