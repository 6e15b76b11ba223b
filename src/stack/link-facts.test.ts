import { describe, expect, it } from 'vitest';
import { isSame, pattern, prefix, readAll, World, type TestHost } from '../../test/support/stack-pair.js';
import { SECOND } from '../base/index.js';
import { defaultMptcpSettings, settingsForServiceType } from '../mptcp/index.js';
import type { LinkFacts } from '../policy/index.js';
import type { Listener, Socket } from './index.js';

const wifi: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true };
const cell: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };
const remote = { address: prefix('10.0.0.2/24').address, port: 80 };

interface TwoLinks {
  readonly world: World;
  readonly client: TestHost;
  readonly server: TestHost;
  readonly listener: Listener;
}

/** A client with Wi-Fi and cellular whose connections hand over. */
function twoLinks(): TwoLinks {
  const world = new World();
  const mptcp = { ...defaultMptcpSettings, ...settingsForServiceType('handover') };
  const client = world.host({ mptcp });
  const server = world.host({ mptcp });
  for (const i of [0, 1]) world.wire(client, [prefix(`10.0.${i}.1/24`)], server, [prefix(`10.0.${i}.2/24`)]);
  client.stack.setLinkFacts(0, 0, wifi);
  client.stack.setLinkFacts(0, client.stack.interfaces[1]!.name, cell);
  return { world, client, server, listener: server.stack.listen(0, { local: { port: 80 } }) };
}

const locals = (socket: Socket): string[] =>
  socket.connection.subflows
    .filter((subflow) => subflow.state === 'active')
    .map((subflow) => subflow.local.address.toString());

describe('facts of links', () => {
  it('move connections off a link without carrier, and back when it has one for a while', () => {
    const { world, client, listener } = twoLinks();
    const socket = client.stack.connect(world.now, { remote });
    world.run(world.now + SECOND);
    const peer = listener.accept()!;
    socket.write(world.now, pattern(1000, 1));
    world.run(world.now + SECOND);
    expect(locals(socket)).toEqual(['10.0.0.1']);
    client.stack.setLinkFacts(world.now, 0, { ...wifi, hasCarrier: false });
    client.pump();
    world.run(world.now + SECOND);
    expect(locals(socket)).toEqual(['10.0.1.1']);
    client.stack.setLinkFacts(world.now, 0, wifi);
    client.pump();
    world.run(world.now + SECOND);
    expect(locals(socket)).toEqual(['10.0.1.1']);
    world.run(world.now + 5 * SECOND);
    expect(locals(socket)).toEqual(['10.0.0.1']);
    expect(isSame(readAll(world.now, peer), pattern(1000, 1))).toBe(true);
  });

  it('let no connection begin on a link without carrier, and prefer free links among equals', () => {
    const { world, client } = twoLinks();
    const far = { address: prefix('192.0.2.1/24').address, port: 80 };
    const source = (): string => client.stack.connect(world.now, { remote: far }).local.address.toString();
    expect(source()).toBe('10.0.0.1');
    client.stack.setLinkFacts(world.now, 0, { ...wifi, isMetered: true, kind: 'cellular' });
    client.stack.setLinkFacts(world.now, 1, { ...cell, isMetered: false, kind: 'wifi' });
    expect(source()).toBe('10.0.1.1');
    client.stack.setLinkFacts(world.now, 1, { ...cell, hasCarrier: false });
    expect(source()).toBe('10.0.0.1');
  });

  it('let no connection begin from an address on a link without carrier either, by whatever wish', () => {
    const { world, client } = twoLinks();
    client.stack.setLinkFacts(world.now, 0, { ...wifi, hasCarrier: false });
    const local = { address: prefix('10.0.0.1/24').address };
    expect(() => client.stack.connect(world.now, { remote, local })).toThrow(
      expect.objectContaining({ code: 'ENETDOWN' }),
    );
  });

  it('count what passes a metered link, in both directions', () => {
    const { world, client } = twoLinks();
    client.stack.setLinkFacts(world.now, 0, { ...wifi, isMetered: true });
    client.stack.setLinkFacts(world.now, 1, { ...cell, isMetered: false });
    const socket = client.stack.connect(world.now, { remote });
    socket.write(world.now, pattern(5000, 1));
    client.pump();
    world.run(world.now + SECOND);
    const [metered, free] = client.stack.interfaces;
    expect(metered!.meteredBytes).toBeGreaterThan(5000);
    expect(free!.meteredBytes).toBe(0);
    const before = metered!.meteredBytes;
    client.stack.setLinkFacts(world.now, 0, wifi);
    socket.write(world.now, pattern(5000, 2));
    client.pump();
    world.run(world.now + SECOND);
    expect(metered!.meteredBytes).toBe(before);
  });

  it('of an interface that is not there are an error', () => {
    const { client } = twoLinks();
    for (const nobody of [7, 'nobody']) {
      expect(() => client.stack.setLinkFacts(0, nobody, wifi)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_INTERFACE' }),
      );
    }
  });
});
