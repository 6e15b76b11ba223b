import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { World, arrived, localAddress } from '../../test/support/mptcp-world.js';
import type { PacketView } from '../../test/support/mptcp-world.js';
import { ResetReason } from './reset-reason.js';

const versions: readonly MptcpVersion[] = [0, 1];
const delayNs = 20 * MILLISECOND;
const rttNs = 2 * delayNs;
const early = { earlyJoinData: true };

/** One path too narrow for what is sent, and one to join. */
function narrow(version: MptcpVersion, client: object, server: object): World {
  return new World({
    versions: [version],
    paths: [{ delayNs, rateBps: 2e6, queueBytes: 30_000 }, { delayNs }],
    client,
    server: { maxAnnouncedAddresses: 0, ...server },
  });
}

const onJoin = (world: World): PacketView[] => world.trace.filter(({ path }) => path === 1);
const isThird = ({ options }: PacketView): boolean =>
  options.some((option) => option.subtype === 'MP_JOIN' && option.phase === 'ack');

/** Round trips from the SYN of the join to its first data. */
function roundTripsToData(world: World): number {
  const [syn] = onJoin(world);
  const data = onJoin(world).find(({ from, payloadLength }) => from === 'client' && payloadLength > 0)!;
  return (data.at - syn!.at) / rttNs;
}

function expectAll(world: World, bytes: number): void {
  expect(world.server.received).toBe(bytes);
  expect(world.server.wrongAt).toBe(-1);
}

describe.each(versions)('data early on a join, in version %i', (version) => {
  it('waits for the fourth packet unless it is asked for (RFC 8684 §3.2): two round trips', () => {
    const world = narrow(version, {}, early)
      .connect()
      .send('client', 200_000)
      .run(5 * SECOND);
    expect(roundTripsToData(world)).toBe(2);
    expectAll(world, 200_000);
  });

  it('follows the third ACK at once when it is: one round trip', () => {
    const world = narrow(version, early, early)
      .connect()
      .send('client', 200_000)
      .run(5 * SECOND);
    expect(roundTripsToData(world)).toBe(1);
    const sent = onJoin(world).filter(({ from }) => from === 'client');
    expect(sent.findIndex(isThird)).toBeLessThan(sent.findIndex(({ payloadLength }) => payloadLength > 0));
    expect(world.client.of('subflow-opened')).toHaveLength(2);
    expectAll(world, 200_000);
  });

  it('is taken by a peer that knows nothing of it while nothing is lost', () => {
    const world = narrow(version, early, {})
      .connect()
      .send('client', 200_000)
      .run(5 * SECOND);
    expect(roundTripsToData(world)).toBe(1);
    expect(world.client.subflowOn(1)?.state).toBe('active');
    expectAll(world, 200_000);
  });

  it('is not looked at before the proof: without the third ACK it is left until that comes again', () => {
    const world = narrow(version, early, early);
    let lost = 0;
    world.tamper = (_, view) => !(view.path === 1 && isThird(view) && lost++ === 0);
    world.connect().send('client', 1_000_000);
    const hasEarlyData = (): boolean => onJoin(world).some(({ payloadLength }) => payloadLength > 0);
    world.runUntil(hasEarlyData);
    world.run(delayNs + MILLISECOND);
    expect(world.server.open.subflows[1]).toMatchObject({ isConfirmed: false, bytesReceived: 0 });
    world.run(10 * SECOND);
    expect(lost).toBeGreaterThan(1);
    expect(world.client.subflowOn(1)?.state).toBe('active');
    expect(world.server.open.subflows[1]!.bytesReceived).toBeGreaterThan(0);
    expectAll(world, 1_000_000);
  });

  it('costs the subflow, and no byte, when the third ACK is lost towards a peer that knows nothing of it', () => {
    const world = narrow(version, early, {});
    let lost = 0;
    world.tamper = (_, view) => !(view.path === 1 && isThird(view) && lost++ === 0);
    world
      .connect()
      .send('client', 200_000)
      .run(10 * SECOND);
    expect(world.client.of('subflow-closed')[0]).toMatchObject({ reason: 'reset' });
    expectAll(world, 200_000);
  });

  it('brings a liar nothing: with a wrong proof no byte of it is delivered', () => {
    const world = narrow(version, early, early);
    let resets = 0;
    world.tamper = (packet, view) => {
      if (view.path === 1 && isThird(view)) {
        const segment = arrived(packet.bytes);
        packet.bytes[segment.mptcpOffsets[0]! + 23]! ^= 1;
      }
      if (view.path === 1 && view.from === 'server' && (view.flags & TcpFlag.RST) !== 0) resets++;
      return true;
    };
    world
      .connect()
      .send('client', 200_000)
      .run(5 * SECOND);
    expect(resets).toBeGreaterThan(0);
    expect(world.server.open.statistics.hmacFailures).toBeGreaterThan(0);
    expect(world.server.of('subflow-opened')).toHaveLength(1);
    expect(world.client.of('subflow-closed')[0]).toMatchObject({
      resetReason: version === 1 ? ResetReason.MPTCP_ERROR : undefined,
    });
    expectAll(world, 200_000);
  });
});

describe.each(versions)('a path that dies when there is no other, in version %i', (version) => {
  /** Round trips from the SYN of the join to the first byte that the server gets over it. */
  function gap(setting: object): number {
    const world = new World({
      versions: [version],
      paths: [{ delayNs }, { delayNs }],
      client: setting,
      server: setting,
      managed: false,
    });
    world.connect();
    world.tellAddresses(world.client, [localAddress('client', 0)]);
    world.send('client', 100_000).run(SECOND);
    expect(world.server.received).toBe(100_000);
    world.paths[0]!.isUp = false;
    world.send('client', 50_000).run(delayNs);
    const joinedAt = world.now;
    world.tellAddresses(world.client, [localAddress('client', 1)]);
    world.runUntil(() => world.server.received > 100_000);
    const arrivedAt = world.now;
    world.run(5 * SECOND);
    expectAll(world, 150_000);
    return (arrivedAt - joinedAt) / rttNs;
  }

  it('is handed over to a new one in two and a half round trips, and in one and a half with early data', () => {
    expect(gap({})).toBe(2.5);
    expect(gap(early)).toBe(1.5);
  });

  it('first sends again there, lowest first, what was in flight on the old one, and then what is new', () => {
    const world = new World({
      paths: [{ delayNs, rateBps: 10e6 }, { delayNs }],
      client: { ...early, checksum: false },
      server: early,
      managed: false,
    });
    world.connect();
    world.tellAddresses(world.client, [localAddress('client', 0)]);
    world.send('client', 1_000_000).run(SECOND / 2);
    const isUplinkOf = ({ from, path }: PacketView): boolean => from === 'client' && path === 0;
    world.tamper = (_, view) => !isUplinkOf(view);
    world.run(SECOND / 4);
    const { received } = world.server;
    world.tellAddresses(world.client, [localAddress('client', 1)]);
    world.runUntil(() => onJoin(world).some(({ payloadLength }) => payloadLength > 0));
    const [first] = onJoin(world).filter(({ payloadLength }) => payloadLength > 0);
    world.run(delayNs + MILLISECOND);
    // Its first byte is the one that the server waits for, a round trip before the server says so.
    expect(first!.options[0]).toMatchObject({ subtype: 'DSS' });
    expect(first!.at).toBeLessThan(
      onJoin(world).find(({ from, options }) => from === 'server' && options[0]?.subtype === 'DSS')!.at,
    );
    expect(world.server.open.subflows.at(-1)!.bytesReceived).toBeGreaterThan(0);
    expect(world.server.received).toBeGreaterThan(received);
    world.run(10 * SECOND);
    expectAll(world, 1_000_000);
  });
});
