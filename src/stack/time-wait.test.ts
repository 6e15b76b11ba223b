import { describe, expect, it } from 'vitest';
import { craft, dissect, prefix, World, type TestHost } from '../../test/support/stack-pair.js';
import { MINUTE, SECOND } from '../base/index.js';
import { defaultMptcpSettings } from '../mptcp/index.js';
import { TcpFlag } from '../wire/index.js';
import type { Listener, StackSettings } from './index.js';

const remote = { address: prefix('10.0.0.2/24').address, port: 80 };
const local = { port: 5000 };

interface Ended {
  readonly world: World;
  readonly client: TestHost;
  readonly server: TestHost;
  readonly listener: Listener;
}

/** A connection from port 5000 that the server ended first, so that the server keeps the record. */
function ended(settings: Partial<StackSettings> = {}, count = 1): Ended {
  const world = new World();
  const client = world.host({ maxTimeWait: 0, ...settings });
  const server = world.host(settings);
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
  const listener = server.stack.listen(0, { local: { port: 80 } });
  for (let i = 0; i < count; i++) {
    const socket = client.stack.connect(world.now, { remote, local: { port: 5000 + i } });
    world.run(world.now + SECOND);
    listener.accept()!.close(world.now);
    world.run(world.now + SECOND);
    socket.close(world.now);
    world.run(world.now + SECOND);
  }
  return { world, client, server, listener };
}

describe.each([
  ['Multipath TCP', {}],
  ['plain TCP', { mptcp: { ...defaultMptcpSettings, enabled: false } }],
])('TIME-WAIT of %s', (_name, settings) => {
  it('is a record, not a connection, and ends', () => {
    const { world, client, server } = ended(settings);
    expect([client.stack.connectionCount, server.stack.connectionCount]).toEqual([0, 0]);
    expect([client.stack.timeWaitCount, server.stack.timeWaitCount]).toEqual([0, 1]);
    world.run(world.now + 5 * MINUTE);
    expect(server.stack.timeWaitCount).toBe(0);
    expect(server.stack.pollTimeout()).toBe(Infinity);
  });

  it('repeats the last acknowledgment, with all its options, to a FIN that comes again', () => {
    const { world, client, server } = ended(settings);
    const fin = client.sent.findLast((packet) => (dissect(packet).flags & TcpFlag.FIN) !== 0)!;
    const lastAck = dissect(server.sent.at(-1)!);
    server.sent.length = 0;
    server.stack.handlePacket(world.now, 0, fin);
    world.run(world.now);
    expect(server.sent).toHaveLength(1);
    const { seq, ack, flags, options } = dissect(server.sent[0]!);
    expect({ seq, ack, flags }).toEqual({ seq: lastAck.seq, ack: lastAck.ack, flags: TcpFlag.ACK });
    expect(options.filter((option) => option.kind === 'mptcp')).toEqual(
      lastAck.options.filter((option) => option.kind === 'mptcp'),
    );
  });

  it('makes way for a newer connection of the same ports', () => {
    const { world, client, server, listener } = ended(settings);
    const again = client.stack.connect(world.now, { remote, local });
    world.run(world.now + SECOND);
    expect(again.state).toBe('open');
    expect(listener.accept()?.remote.port).toBe(5000);
    expect(server.stack.counters.timeWaitReused).toBe(1);
  });

  it('does not make way for a SYN that is old, nor for a reset', () => {
    const { world, client, server } = ended(settings);
    const syn = client.sent.find((packet) => dissect(packet).flags === TcpFlag.SYN)!;
    server.sent.length = 0;
    server.stack.handlePacket(world.now, 0, syn);
    const ends = { from: '10.0.0.1', to: '10.0.0.2', sourcePort: 5000, destinationPort: 80 };
    const { ack } = dissect(client.sent.at(-1)!);
    server.stack.handlePacket(world.now, 0, craft({ ...ends, flags: TcpFlag.RST, seq: ack }));
    world.run(world.now);
    expect(server.sent.map((packet) => dissect(packet).flags)).toEqual([TcpFlag.ACK]);
    expect(server.stack.timeWaitCount).toBe(1);
    expect(server.stack.connectionCount).toBe(0);
  });

  it('keeps no more records than its limit', () => {
    const { server } = ended({ ...settings, maxTimeWait: 3 }, 5);
    expect(server.stack.timeWaitCount).toBe(3);
    expect(server.stack.counters).toMatchObject({ timeWaits: 5, timeWaitEvicted: 2 });
  });

  it('does not answer its own kind for ever', () => {
    const { world, server } = ended(settings);
    const lastAck = dissect(server.sent.at(-1)!);
    const { seq, ack } = lastAck;
    const ends = { from: '10.0.0.1', to: '10.0.0.2', sourcePort: 5000, destinationPort: 80 };
    server.sent.length = 0;
    server.stack.handlePacket(world.now, 0, craft({ ...ends, flags: TcpFlag.ACK, seq: ack, ack: seq }));
    world.run(world.now);
    expect(server.sent).toEqual([]);
  });
});
