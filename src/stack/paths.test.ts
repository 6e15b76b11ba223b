import { describe, expect, it } from 'vitest';
import {
  dissect,
  isSame,
  pattern,
  prefix,
  readAll,
  World,
  type TestHost,
} from '../../test/support/stack-pair.js';
import { MILLISECOND, SECOND } from '../base/index.js';
import {
  emitIcmp,
  emitIpHeader,
  icmpLength,
  IcmpUnreachableCode,
  IpAddress,
  IpProtocol,
  parseIcmp,
  pseudoHeaderSum,
  type IcmpMessage,
} from '../wire/index.js';
import type { Listener, Socket, StackSettings } from './index.js';

const remote = { address: prefix('10.0.0.2/24').address, port: 80 };

interface TwoPaths {
  readonly world: World;
  readonly client: TestHost;
  readonly server: TestHost;
  readonly listener: Listener;
}

/** Two hosts with two wires between them. */
function twoPaths(settings: Partial<StackSettings> = {}): TwoPaths {
  const world = new World();
  const client = world.host(settings);
  const server = world.host();
  for (const i of [0, 1]) world.wire(client, [prefix(`10.0.${i}.1/24`)], server, [prefix(`10.0.${i}.2/24`)]);
  return { world, client, server, listener: server.stack.listen(0, { local: { port: 80 } }) };
}

function connected({ world, client, listener }: TwoPaths): [Socket, Socket] {
  const socket = client.stack.connect(world.now, { remote });
  world.run(world.now + SECOND);
  return [socket, listener.accept()!];
}

const locals = (socket: Socket): string[] =>
  socket.connection.subflows
    .filter((subflow) => subflow.state === 'active')
    .map((subflow) => subflow.local.address.toString())
    .sort();

describe('two interfaces', () => {
  it('are two subflows, each by its own wire', () => {
    const paths = twoPaths();
    const { world, client, server } = paths;
    const [a, b] = connected(paths);
    expect(locals(a)).toEqual(['10.0.0.1', '10.0.1.1']);
    expect(server.stack.counters.joinsAccepted).toBe(1);
    const bytes = pattern(2_000_000);
    a.write(world.now, bytes.slice());
    world.run(world.now + 20 * SECOND);
    expect(isSame(readAll(world.now, b), bytes)).toBe(true);
    for (const subflow of a.connection.subflows) expect(subflow.bytesSent).toBeGreaterThan(100_000);
    const notices = client.eventsOf('path').map((event) => event.notice.type);
    expect(notices.filter((type) => type === 'subflow-opened')).toHaveLength(2);
    expect(client.stack.counters.checksumErrors + server.stack.counters.checksumErrors).toBe(0);
  });

  it('carry on when one goes down in the middle, and again when it is back', () => {
    const paths = twoPaths();
    const { world, client } = paths;
    const [a, b] = connected(paths);
    const bytes = pattern(3_000_000);
    a.write(world.now, bytes.slice());
    world.run(world.now + 30 * MILLISECOND);
    client.stack.setInterfaceState(world.now, 0, false);
    world.run(world.now + 30 * SECOND);
    expect(isSame(readAll(world.now, b), bytes)).toBe(true);
    expect(locals(a)).toEqual(['10.0.1.1']);
    client.stack.setInterfaceState(world.now, 0, true);
    world.run(world.now + 30 * SECOND);
    expect(locals(a)).toEqual(['10.0.0.1', '10.0.1.1']);
  });

  it('follow addresses that come and go', () => {
    const paths = twoPaths();
    const { world, client } = paths;
    const [a, b] = connected(paths);
    client.stack.removeAddress(world.now, 1, prefix('10.0.1.1/24').address);
    world.run(world.now + 5 * SECOND);
    expect(locals(a)).toEqual(['10.0.0.1']);
    client.stack.addAddress(world.now, 1, prefix('10.0.1.9/24'));
    world.run(world.now + 5 * SECOND);
    expect(locals(a)).toEqual(['10.0.0.1', '10.0.1.9']);
    a.write(world.now, pattern(10_000));
    world.run(world.now + 5 * SECOND);
    expect(readAll(world.now, b)).toHaveLength(10_000);
  });

  it('are opened and closed at the owner’s wish, too', () => {
    const paths = twoPaths();
    const { world } = paths;
    const [a] = connected(paths);
    const second = a.connection.subflows.find((subflow) => subflow.local.address.toString() === '10.0.1.1')!;
    const more = { local: { address: second.local.address, port: 0 }, remote: second.remote };
    const third = a.openSubflow(world.now, more)!;
    world.run(world.now + SECOND);
    expect(third.state).toBe('active');
    expect(a.openSubflow(world.now, { ...more, local: third.local })).toBeUndefined();
    a.closeSubflow(world.now, third);
    world.run(world.now + SECOND);
    expect(locals(a)).toEqual(['10.0.0.1', '10.0.1.1']);
  });
});

/** A message of a router at 10.0.0.254, or of `from`, about a packet. */
function icmp(from: string, to: string, message: IcmpMessage): Uint8Array {
  const source = IpAddress.parse(from)!;
  const destination = IpAddress.parse(to)!;
  const { family } = source;
  const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  const payloadLength = icmpLength(message);
  const bytes = new Uint8Array((family === 4 ? 20 : 40) + payloadLength);
  const at = emitIpHeader(bytes, 0, { source, destination, protocol, payloadLength, hopLimit: 64 });
  emitIcmp(
    message,
    family,
    bytes,
    at,
    family === 4 ? 0 : pseudoHeaderSum(source, destination, protocol, payloadLength),
  );
  return bytes;
}

describe('ICMP', () => {
  it('answers echo requests, as often as the rate allows', () => {
    const world = new World();
    const host = world.host({ echoRepliesPerSecond: 2 });
    world.wire(host, [prefix('10.0.0.1/24'), prefix('2001:db8::1/64')], world.host(), [
      prefix('10.0.0.2/24'),
    ]);
    const payload = new Uint8Array([1, 2, 3]);
    const request = { type: 'echo-request', identifier: 7, sequence: 9, payload } as const;
    host.stack.handlePacket(0, 0, icmp('10.0.0.2', '10.0.0.1', request));
    host.stack.handlePacket(0, 0, icmp('2001:db8::2', '2001:db8::1', request));
    host.stack.handlePacket(0, 0, icmp('10.0.0.2', '10.0.0.1', request));
    world.run(0);
    expect(host.sent).toHaveLength(2);
    expect(parseIcmp(host.sent[0]!, 20, 11, 4)).toMatchObject({ value: { ...request, type: 'echo-reply' } });
    expect(parseIcmp(host.sent[1]!, 40, 11, 6)).toMatchObject({ value: { ...request, type: 'echo-reply' } });
    expect(host.stack.counters).toMatchObject({ echoReplies: 2, echoSuppressed: 1, icmpReceived: 3 });
  });

  it('ends an attempt to connect when it says that there is nothing to connect to', () => {
    const { world, client } = twoPaths();
    client.filter = (packet) => {
      const quotedBytes = packet.subarray(0, 28);
      const error = { type: 'unreachable', code: IcmpUnreachableCode.PORT, quotedBytes } as const;
      client.stack.handlePacket(world.now, 0, icmp('10.0.0.254', '10.0.0.1', error));
      return undefined;
    };
    const socket = client.stack.connect(0, { remote });
    world.run(SECOND / 2);
    expect(socket.state).toBe('closed');
    expect(client.stack.counters.icmpUnreachable).toBe(1);
  });

  it('tells the subflow that it quotes how large packets may be, and no other', () => {
    const paths = twoPaths();
    const { world, client } = paths;
    const [a, b] = connected(paths);
    client.filter = (packet) => {
      const isFirstPath = packet[14] === 0;
      if (!isFirstPath || packet.length <= 1000) return packet;
      const error = {
        type: 'unreachable',
        code: IcmpUnreachableCode.FRAGMENTATION_NEEDED,
        mtuBytes: 1000,
        quotedBytes: packet.subarray(0, 28),
      } as const;
      client.stack.handlePacket(world.now, 0, icmp('10.0.0.254', '10.0.0.1', error));
      return undefined;
    };
    const bytes = pattern(1_000_000);
    a.write(world.now, bytes.slice());
    world.run(world.now + 20 * SECOND);
    expect(isSame(readAll(world.now, b), bytes)).toBe(true);
    const mtus = Object.fromEntries(
      a.connection.subflows.map((subflow) => [subflow.local.address.toString(), subflow.tcp.pathMtu]),
    );
    expect(mtus).toEqual({ '10.0.0.1': 1000, '10.0.1.1': 1500 });
  });

  it('is not believed when what it quotes was never sent', () => {
    const paths = twoPaths();
    const { world, client } = paths;
    const [a] = connected(paths);
    const quotedBytes = client.sent[0]!.slice(0, 28);
    const error = {
      type: 'unreachable',
      code: IcmpUnreachableCode.FRAGMENTATION_NEEDED,
      mtuBytes: 600,
      quotedBytes,
    } as const;
    // The SYN was acknowledged long ago; another port never had a flow.
    client.stack.handlePacket(world.now, 0, icmp('10.0.0.254', '10.0.0.1', error));
    quotedBytes[21]! ^= 1;
    client.stack.handlePacket(world.now, 0, icmp('10.0.0.254', '10.0.0.1', error));
    world.run(world.now + SECOND);
    expect(a.connection.subflows[0]!.tcp.pathMtu).toBe(1500);
    expect(client.stack.counters.icmpIgnored).toBe(1);
  });
});

describe('a packet', () => {
  it('leaves by the interface that owns its source address, whatever its destination', () => {
    const { world, client } = twoPaths();
    const local = { address: prefix('10.0.1.1/24').address };
    client.stack.connect(0, { remote, local });
    const seen: number[] = [];
    client.filter = (packet) => {
      seen.push(dissect(packet).destinationPort);
      return packet;
    };
    client.peers[0] = undefined;
    world.run(SECOND / 2);
    // It went out by the second wire, whose far end has the address too, in the weak model.
    expect(seen).toContain(80);
    expect(client.stack.sockets[Symbol.iterator]().next().value?.state).toBe('open');
  });
});
