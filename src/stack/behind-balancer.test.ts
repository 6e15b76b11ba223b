import { describe, expect, it } from 'vitest';
import { craft, dissect, prefix, World } from '../../test/support/stack-pair.js';
import { SECOND, SeededRandom } from '../base/index.js';
import { emitIcmp, emitIpHeader, TcpFlag, type MptcpVersion } from '../wire/index.js';
import { Stack } from './stack.js';

/** A client with a connection to a server with these settings. */
function connected(settings = {}, version: MptcpVersion = 1) {
  const world = new World();
  const client = world.host();
  const server = world.host(settings);
  world.wire(client, [prefix('10.0.0.1/24'), prefix('fd00::1/64')], server, [
    prefix('10.0.0.2/24'),
    prefix('fd00::2/64'),
  ]);
  const listener = server.stack.listen(0, { local: { port: 80 } });
  const { mptcp } = client.stack.settings;
  const remote = { address: prefix('10.0.0.2/24').address, port: 80 };
  const socket = client.stack.connect(0, { remote, mptcp: { ...mptcp, versions: [version] } });
  world.run(SECOND);
  const accepted = listener.accept()!;
  return { world, client, server, socket, accepted };
}

describe('a host with a mark among servers', () => {
  it.each([0, 1] as const)(
    'has it in the token of every connection that it takes, in version %i',
    (version) => {
      for (let value = 1; value < 8; value++) {
        const { accepted } = connected({ serverMark: { bits: 3, value } }, version);
        expect(accepted.connection.localToken! & 7).toBe(value);
      }
    },
  );

  it('has it in every timestamp that it sends, and its peer echoes it', () => {
    const { world, client, server, socket, accepted } = connected({ serverMark: { bits: 8, value: 201 } });
    for (let i = 0; i < 20; i++) {
      socket.write(world.now, new Uint8Array(2000));
      accepted.write(world.now, new Uint8Array(2000));
      world.run(world.now + 0.1 * SECOND);
    }
    const stamps = (packets: readonly Uint8Array[], field: 'tsVal' | 'tsEcr'): number[] =>
      packets.flatMap((packet) => {
        const { options, flags } = dissect(packet);
        if ((flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN) return [];
        return options.flatMap((option) => (option.kind === 'timestamps' ? [option[field] & 255] : []));
      });
    expect(server.sent.length).toBeGreaterThan(20);
    expect(new Set(stamps(server.sent, 'tsVal'))).toEqual(new Set([201]));
    expect(new Set(stamps(client.sent, 'tsEcr'))).toEqual(new Set([201]));
  });

  it.each([
    { bits: 0, value: 0 },
    { bits: 9, value: 1 },
    { bits: 4, value: 16 },
    { bits: 4, value: 0 },
    { bits: 4, value: 1.5 },
  ])('is not made with the mark %j', (serverMark) => {
    expect(() => new Stack({ random: new SeededRandom(1), settings: { serverMark } })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }),
    );
  });
});

describe('a host that is asked whether a packet is its own', () => {
  const from = '10.0.0.1';
  const to = '10.0.0.2';

  it('knows its flows in both phases of their life, and no others', () => {
    const { world, server, client, socket, accepted } = connected();
    const ends = { from, to, sourcePort: socket.local.port, destinationPort: 80 };
    const segment = craft({ ...ends, flags: TcpFlag.ACK });
    const other = craft({ ...ends, sourcePort: 1, flags: TcpFlag.ACK });
    expect(server.stack.knowsPacket(world.now, segment)).toBe(true);
    expect(server.stack.knowsPacket(world.now, other)).toBe(false);
    accepted.close(world.now);
    world.run(world.now + SECOND);
    socket.close(world.now);
    world.run(world.now + SECOND);
    expect(server.stack.connectionCount).toBe(0);
    expect(server.stack.timeWaitCount).toBe(1);
    expect(server.stack.knowsPacket(world.now, segment)).toBe(true);
    expect(client.stack.knowsPacket(world.now, segment)).toBe(false);
  });

  it('knows the answer to a SYN cookie, and no made-up one', () => {
    const world = new World();
    const client = world.host();
    const server = world.host({ maxHalfOpen: 0 });
    world.wire(client, [prefix(`${from}/24`)], server, [prefix(`${to}/24`)]);
    server.stack.listen(0, { local: { port: 80 } });
    const ends = { from, to, sourcePort: 1234, destinationPort: 80 };
    server.stack.handlePacket(0, 0, craft({ ...ends, seq: 99, flags: TcpFlag.SYN }));
    server.pump();
    const cookie = dissect(server.sent[0]!).seq;
    const answer = craft({ ...ends, seq: 100, ack: (cookie + 1) >>> 0, flags: TcpFlag.ACK });
    const guess = craft({ ...ends, seq: 100, ack: (cookie + 2) >>> 0, flags: TcpFlag.ACK });
    expect(server.stack.knowsPacket(SECOND, answer)).toBe(true);
    expect(server.stack.knowsPacket(SECOND, guess)).toBe(false);
  });

  it('knows an ICMP error by the flow of the packet that it quotes', () => {
    const { world, server, socket } = connected();
    const error = (port: number): Uint8Array => {
      const quotedBytes = craft({
        from: to,
        to: from,
        sourcePort: 80,
        destinationPort: port,
        flags: TcpFlag.ACK,
      });
      const bytes = new Uint8Array(20 + 8 + quotedBytes.length);
      const source = prefix(`${from}/24`).address;
      const destination = prefix(`${to}/24`).address;
      emitIpHeader(bytes, 0, {
        source,
        destination,
        protocol: 1,
        payloadLength: bytes.length - 20,
        hopLimit: 9,
      });
      emitIcmp({ type: 'unreachable', code: 4, mtuBytes: 1300, quotedBytes }, 4, bytes, 20, 0);
      return bytes;
    };
    expect(server.stack.knowsPacket(world.now, error(socket.local.port))).toBe(true);
    expect(server.stack.knowsPacket(world.now, error(5))).toBe(false);
    expect(server.stack.knowsPacket(world.now, new Uint8Array(3))).toBe(false);
  });
});
