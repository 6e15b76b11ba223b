import { describe, expect, it } from 'vitest';
import { World, localAddress } from '../../../test/support/mptcp-world.js';
import type { PathOptions, Role } from '../../../test/support/mptcp-world.js';
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { LinkFacts, ServiceType } from '../../policy/index.js';
import { settingsForServiceType } from './service-settings.js';

const wifiFacts: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true, signalDbm: -55 };
const cellFacts: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };
const wifi: PathOptions = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queueBytes: 50_000 };
const cell: PathOptions = { rateBps: 10e6, delayNs: 30 * MILLISECOND, queueBytes: 100_000 };

const wifiAddress = localAddress('client', 0, { link: { id: 1, facts: wifiFacts } });
const cellAddress = localAddress('client', 1, { link: { id: 2, facts: cellFacts } });

/** A client with Wi-Fi and cellular, in the middle of a transfer over Wi-Fi. */
function midTransfer(type: ServiceType, sender: Role): World {
  const world = new World({
    paths: [wifi, cell],
    client: settingsForServiceType(type),
    server: settingsForServiceType(type),
  }).connect();
  world.tellAddresses(world.client, [wifiAddress, cellAddress]);
  world.tellAddresses(world.server, [localAddress('server', 0)]);
  world.send(sender, 4_000_000, true);
  const receiver = world.other(sender);
  expect(world.runUntil(() => receiver.received > 1_000_000)).toBe(true);
  return world;
}

/** A round trip over cellular, with the time that a full segment and its ACK take to send. */
const NEW_RTT_NS = 2 * 30 * MILLISECOND + ((1480 + 80) * 8 * SECOND) / 10e6;

/** How long from now on until data arrives over cellular, and until the stream goes on, in ns. */
function gapsNs(world: World, sender: Role): { data: number; stream: number } {
  const receiver = world.other(sender);
  const from = world.now;
  const overCellular = (): number =>
    receiver.open.subflows
      .filter((subflow) => world.pathOf(receiver.role, subflow) === 1)
      .reduce((sum, { tcp }) => sum + tcp.rcvDelivered, 0);
  // What is on its way when the link dies is lost with it.
  const before = { stream: receiver.received, data: Math.max(1, overCellular()) };
  expect(world.runUntil(() => overCellular() > before.data, 30 * SECOND)).toBe(true);
  const data = world.now - from;
  expect(world.runUntil(() => receiver.received > before.stream, 30 * SECOND)).toBe(true);
  return { data, stream: world.now - from };
}

const types = ['handover', 'interactive', 'aggregate'] as const;
const cases = types.flatMap((type) => (['client', 'server'] as const).map((sender) => ({ type, sender })));

describe.each(cases)('$type, with data from the $sender', ({ type, sender }) => {
  it('goes on within two round trips of the new path after a loss of carrier that is known', () => {
    const world = midTransfer(type, sender);
    world.paths[0]!.isUp = false;
    world.tellAddresses(world.client, [cellAddress]);
    const gaps = gapsNs(world, sender);
    expect(gaps.data).toBeLessThanOrEqual(2 * NEW_RTT_NS);
    // A client that sends cannot know which acknowledgments were lost with the old path: its first window may repeat.
    const isBlind = type === 'handover' && sender === 'client';
    expect(gaps.stream).toBeLessThanOrEqual((isBlind ? 3 : 2) * NEW_RTT_NS);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  });

  it('goes on within one and a half timeouts after a loss that nobody tells of', () => {
    const world = midTransfer(type, sender);
    const { rtoNs } = world.side(sender).subflowOn(0)!.tcp.rtt;
    world.paths[0]!.isUp = false;
    const gaps = gapsNs(world, sender);
    expect(gaps.stream).toBeLessThanOrEqual(1.5 * rtoNs);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  });
});
