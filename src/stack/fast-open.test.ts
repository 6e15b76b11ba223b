/** Fast Open between two hosts (RFC 7413; RFC 8684 appendix B for Multipath TCP). */
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
import { MILLISECOND, MINUTE, SECOND } from '../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../mptcp/index.js';
import { TcpFlag } from '../wire/index.js';
import type { FastOpenListenOptions, FastOpenMode, Listener, Socket, StackSettings } from './index.js';

const protocols: readonly (readonly [string, Partial<MptcpSettings>])[] = [
  ['TCP', { enabled: false }],
  ['Multipath TCP version 1', {}],
  ['Multipath TCP version 1 with checksums', { checksum: true }],
  ['Multipath TCP version 0', { versions: [0] }],
  ['Multipath TCP version 0 with checksums', { versions: [0], checksum: true }],
];

interface Scene {
  readonly world: World;
  readonly client: TestHost;
  readonly server: TestHost;
  readonly listener: Listener;
}

function scene(
  settings: Partial<StackSettings> = {},
  fastOpen: boolean | FastOpenListenOptions = true,
  addresses = ['10.0.0.1/24', '10.0.0.2/24'],
): Scene {
  const world = new World();
  const client = world.host(settings);
  const server = world.host(settings);
  world.wire(client, [prefix(addresses[0]!)], server, [prefix(addresses[1]!)]);
  const listener = server.stack.listen(world.now, { local: { port: 80 }, fastOpen });
  return { world, client, server, listener };
}

function open({ world, client, server }: Scene, data: Uint8Array, fastOpen: FastOpenMode = true): Socket {
  const { address } = server.stack.interfaces[0]!.addresses[0]!;
  const socket = client.stack.connect(world.now, { remote: { address, port: 80 }, fastOpen });
  if (data.length > 0) socket.write(world.now, data.slice());
  return socket;
}

/** A first connection, which fetches the cookie; both ends are closed after it. */
function fetchCookie(at: Scene): void {
  const socket = open(at, pattern(10));
  at.world.run(at.world.now + SECOND);
  socket.abort(at.world.now);
  at.world.run(at.world.now + SECOND);
  at.listener.accept();
  at.client.sent.length = 0;
  at.server.sent.length = 0;
}

/** SYNs among the packets of a host, as far as these tests look at them. */
function syns(host: TestHost): { payload: number; cookie: number; kinds: string[] }[] {
  return host.sent
    .map((packet) => dissect(packet))
    .filter((packet) => (packet.flags & TcpFlag.SYN) !== 0)
    .map(({ payload, options }) => {
      const option = options.find((each) => each.kind === 'fast-open');
      const kinds = options.filter((each) => each.kind !== 'nop').map((each) => each.kind);
      return {
        payload: payload.length,
        cookie: option?.kind === 'fast-open' ? option.cookie.length : -1,
        kinds,
      };
    });
}

describe.each(protocols)('Fast Open with %s', (_name, protocol) => {
  const mptcp = { ...defaultMptcpSettings, ...protocol };

  it.each([
    ['10.0.0.1/24', '10.0.0.2/24'],
    ['2001:db8::1/64', '2001:db8::2/64'],
  ])('fetches a cookie from %s, and with it delivers data in the SYN', (...addresses) => {
    const at = scene({ mptcp }, { earlyAnswer: true }, addresses);
    fetchCookie(at);
    const { world, client, listener } = at;
    const up = pattern(100_000);
    const down = pattern(80_000, 5);
    const socket = open(at, up.subarray(0, 300));
    world.run(world.now + 6 * MILLISECOND);
    // Half a round trip later the server has it, and answers.
    const accepted = listener.accept()!;
    expect(isSame(readAll(world.now, accepted), up.subarray(0, 300))).toBe(true);
    accepted.write(world.now, down.slice());
    accepted.shutdown(world.now);
    expect(socket.state).toBe('connecting');
    world.run(world.now + 5 * MILLISECOND);
    expect(socket.connection.fastOpen).toMatchObject({ sentBytes: 300, acceptedBytes: 300, isSettled: true });
    expect(socket.connection.readableBytes).toBeGreaterThan(0);
    socket.write(world.now, up.slice(300));
    socket.shutdown(world.now);
    world.run(world.now + 10 * SECOND);
    expect(isSame(readAll(world.now, accepted), up.subarray(300))).toBe(true);
    expect(isSame(readAll(world.now, socket), down)).toBe(true);
    world.run(world.now + 10 * SECOND);
    expect([socket.state, accepted.state]).toEqual(['closed', 'closed']);
    expect([socket.error, accepted.error]).toEqual([undefined, undefined]);
    expect(socket.connection.isFallback).toBe(mptcp.enabled === false);
    expect(accepted.connection.isFallback).toBe(mptcp.enabled === false);
    expect(syns(client).length).toBe(1);
    expect(client.stack.counters.fastOpensActive).toBe(1);
  });

  it('answers at once, or in version 1 when the key has come unless told otherwise', () => {
    const at = scene({ mptcp });
    fetchCookie(at);
    const { world, listener } = at;
    const socket = open(at, pattern(100));
    world.run(world.now + 6 * MILLISECOND);
    const accepted = listener.accept()!;
    accepted.write(world.now, pattern(100));
    accepted.shutdown(world.now);
    world.run(world.now + 5 * MILLISECOND);
    const isHeld = mptcp.enabled && mptcp.versions[0] === 1;
    expect(readAll(world.now, socket).length).toBe(isHeld ? 0 : 100);
    world.run(world.now + 11 * MILLISECOND);
    expect(readAll(world.now, socket).length).toBe(isHeld ? 100 : 0);
    expect(socket.connection.isFallback).toBe(!mptcp.enabled);
  });

  it('sends data that the server did not take again at once after the SYN+ACK', () => {
    const at = scene({ mptcp }, false);
    const { world, listener } = at;
    const up = pattern(5_000);
    const socket = open(at, up.subarray(0, 400), 'without-cookie');
    world.run(world.now + 12 * MILLISECOND);
    expect(socket.connection.fastOpen).toMatchObject({ sentBytes: 400, acceptedBytes: 0, isSettled: true });
    world.run(world.now + 5 * MILLISECOND);
    const accepted = listener.accept()!;
    expect(isSame(readAll(world.now, accepted), up.subarray(0, 400))).toBe(true);
    socket.write(world.now, up.slice(400));
    socket.shutdown(world.now);
    world.run(world.now + SECOND);
    expect(isSame(readAll(world.now, accepted), up.subarray(400))).toBe(true);
    expect(accepted.connection.isFallback).toBe(mptcp.enabled === false);
    expect(at.client.stack.counters.fastOpensRefused).toBe(1);
  });

  it('leaves data and option out of a SYN that is sent again, and delivers the data once', () => {
    const at = scene({ mptcp });
    fetchCookie(at);
    const { world, client, listener } = at;
    let lost = 0;
    client.filter = (packet) => (lost++ === 0 ? undefined : packet);
    const up = pattern(3_000);
    const socket = open(at, up.subarray(0, 400));
    world.run(world.now + 3 * SECOND);
    const accepted = listener.accept()!;
    expect(syns(client).map(({ payload, cookie }) => [payload, cookie])).toEqual([
      [400, 8],
      [0, -1],
    ]);
    socket.write(world.now, up.slice(400));
    world.run(world.now + SECOND);
    expect(isSame(readAll(world.now, accepted), up)).toBe(true);
    expect(accepted.connection.isFallback).toBe(mptcp.enabled === false);
    // RFC 7413 §4.1.3.1: the path may drop such SYNs.
    expect(client.stack.counters.fastOpenLosses).toBe(1);
    client.sent.length = 0;
    open(at, up.subarray(0, 400));
    world.run(world.now + 100 * MILLISECOND);
    expect(syns(client).map(({ payload, cookie }) => [payload, cookie])).toEqual([[0, -1]]);
    world.run(world.now + 2 * MINUTE);
    client.sent.length = 0;
    open(at, up.subarray(0, 400));
    world.run(world.now + 100 * MILLISECOND);
    expect(syns(client).map(({ payload, cookie }) => [payload, cookie])).toEqual([[400, 8]]);
  });

  it('delivers the data once when the SYN+ACK is lost and the SYN comes again without', () => {
    const at = scene({ mptcp });
    fetchCookie(at);
    const { world, client, server, listener } = at;
    let lost = 0;
    server.filter = (packet) => (lost++ < 2 ? undefined : packet);
    const up = pattern(3_000);
    const socket = open(at, up.subarray(0, 400));
    world.run(world.now + 3 * SECOND);
    const accepted = listener.accept()!;
    expect(syns(client)[1]).toMatchObject({ payload: 0, cookie: -1 });
    expect(socket.connection.fastOpen).toMatchObject({ acceptedBytes: 400 });
    socket.write(world.now, up.slice(400));
    world.run(world.now + SECOND);
    expect(isSame(readAll(world.now, accepted), up)).toBe(true);
    expect(accepted.connection.isFallback).toBe(mptcp.enabled === false);
    // The server took it: such SYNs do get through.
    expect(client.stack.counters.fastOpenLosses).toBe(0);
  });
});

describe('cookies', () => {
  it('may be done without where both sides are set up so', () => {
    const at = scene({}, { requireCookie: false });
    const { world, listener } = at;
    const socket = open(at, pattern(200), 'without-cookie');
    world.run(world.now + 6 * MILLISECOND);
    expect(readAll(world.now, listener.accept()!).length).toBe(200);
    world.run(world.now + 6 * MILLISECOND);
    expect(socket.connection.fastOpen).toMatchObject({ acceptedBytes: 200 });
    expect(syns(at.client)).toMatchObject([{ cookie: -1, payload: 200 }]);
  });

  it('of the key before are taken and replaced, of the one before that refused and replaced', () => {
    const at = scene();
    fetchCookie(at);
    const { world, client, server } = at;
    server.stack.rotateFastOpenKey(world.now);
    const first = open(at, pattern(100));
    world.run(world.now + SECOND);
    expect(first.connection.fastOpen).toMatchObject({ acceptedBytes: 100 });
    expect(first.connection.fastOpen!.cookie).toHaveLength(8);
    server.stack.rotateFastOpenKey(world.now);
    server.stack.rotateFastOpenKey(world.now);
    const second = open(at, pattern(100));
    world.run(world.now + SECOND);
    expect(second.connection.fastOpen).toMatchObject({ sentBytes: 100, acceptedBytes: 0 });
    expect(server.stack.counters.fastOpenCookiesRejected).toBe(1);
    const third = open(at, pattern(100));
    world.run(world.now + SECOND);
    expect(third.connection.fastOpen).toMatchObject({ acceptedBytes: 100 });
    expect(client.stack.counters.fastOpensActive).toBe(2);
  });

  it('are not believed from another address', () => {
    const at = scene();
    const { world, client } = at;
    fetchCookie(at);
    const other = prefix('10.0.0.7/24');
    client.stack.addAddress(world.now, client.stack.interfaces[0]!.id, other);
    const socket = client.stack.connect(world.now, {
      remote: { address: prefix('10.0.0.2/24').address, port: 80 },
      local: { address: other.address },
      fastOpen: true,
    });
    socket.write(world.now, pattern(100));
    world.run(world.now + SECOND);
    // Nothing is known for that pair: it asks, and sends nothing early (RFC 7413 §4.1.3).
    expect(syns(client)[0]).toMatchObject({ payload: 0, cookie: 0 });
    expect(socket.connection.fastOpen).toMatchObject({ sentBytes: 0, acceptedBytes: 0 });
  });

  it('fit: the SYN+ACK that hands one out beside the keys leaves out the timestamps', () => {
    const at = scene();
    const socket = open(at, pattern(10));
    at.world.run(SECOND);
    expect(syns(at.client)[0]!.kinds).toContain('timestamps');
    const [answer] = syns(at.server);
    expect(answer).toMatchObject({ cookie: 8 });
    expect(answer!.kinds).toContain('mptcp');
    expect(answer!.kinds).not.toContain('timestamps');
    expect(socket.connection.isFallback).toBe(false);
  });

  it('fit: a SYN with one beside a key of version 0 leaves out the timestamps', () => {
    const at = scene({ mptcp: { ...defaultMptcpSettings, versions: [0] } });
    fetchCookie(at);
    const socket = open(at, pattern(100));
    at.world.run(at.world.now + SECOND);
    expect(syns(at.client)[0]!.kinds).toEqual([
      'mss',
      'sack-permitted',
      'window-scale',
      'fast-open',
      'mptcp',
    ]);
    expect(socket.connection.fastOpen).toMatchObject({ acceptedBytes: 100 });
  });
});

describe('connections that a SYN alone made', () => {
  it('are limited: beyond that SYNs are ordinary ones, and the data is sent again', () => {
    const at = scene({}, { maxPending: 2 });
    fetchCookie(at);
    const { world, client, server, listener } = at;
    server.filter = () => undefined;
    for (let i = 0; i < 3; i++) open(at, pattern(100));
    world.run(world.now + 6 * MILLISECOND);
    expect(server.stack.counters).toMatchObject({ fastOpensAccepted: 2, fastOpenOverflows: 1 });
    expect(listener.fastOpen!.queue.size).toBe(2);
    server.filter = (packet) => packet;
    world.run(world.now + 10 * SECOND);
    expect(listener.fastOpen!.queue.size).toBe(0);
    for (let i = 0; i < 3; i++) expect(readAll(world.now, listener.accept()!).length).toBe(100);
    expect(client.stack.counters).toMatchObject({ fastOpensActive: 2 });
  });

  it('stay counted for a while when they are reset before the ACK (RFC 7413 §5.1)', () => {
    const at = scene({}, { maxPending: 1 });
    fetchCookie(at);
    const { world, server, listener } = at;
    server.filter = () => undefined;
    const socket = open(at, pattern(100));
    world.run(world.now + 6 * MILLISECOND);
    const pending = listener.accept()!;
    expect(pending.state).toBe('open');
    server.filter = (packet) => packet;
    // What a victim does when a SYN+ACK comes that it never asked for.
    socket.abort(world.now);
    world.run(world.now + 3 * SECOND);
    expect(pending.state).toBe('closed');
    expect(listener.fastOpen!.queue.size).toBe(1);
    world.run(world.now + 2 * MINUTE);
    expect(listener.fastOpen!.queue.hasRoom(world.now)).toBe(true);
  });
});
