import { describe, expect, it } from 'vitest';
import {
  craft,
  dissect,
  pattern,
  prefix,
  readAll,
  isSame,
  World,
  type TestHost,
} from '../../test/support/stack-pair.js';
import { MINUTE, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { MAX_NOTICES, type StackSettings } from './index.js';

function pair(settings: Partial<StackSettings> = {}): { world: World; client: TestHost; server: TestHost } {
  const world = new World();
  const client = world.host();
  const server = world.host(settings);
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
  return { world, client, server };
}

const remote = { address: prefix('10.0.0.2/24').address, port: 80 };

/** A SYN from a host that does not exist. */
function forgedSyn(i: number): Uint8Array {
  return craft({
    from: `10.0.0.${3 + (i % 200)}`,
    to: '10.0.0.2',
    sourcePort: 1024 + i,
    destinationPort: 80,
    seq: i * 7919,
    flags: TcpFlag.SYN,
    options: [{ kind: 'mss', mss: 1460 }],
  });
}

describe('the backlog', () => {
  it('lets further peers wait outside, who come in when there is room', () => {
    const { world, client, server } = pair();
    const listener = server.stack.listen(0, { local: { port: 80 }, backlog: 2 });
    const sockets = [0, 1].map(() => client.stack.connect(0, { remote }));
    world.run(SECOND);
    sockets.push(client.stack.connect(world.now, { remote }));
    world.run(world.now + SECOND / 2);
    expect(sockets.map((socket) => socket.state)).toEqual(['open', 'open', 'connecting']);
    expect(server.stack.counters.backlogDrops).toBe(1);
    expect(server.eventsOf('acceptable')).toHaveLength(1);
    expect(listener.accept()).toBeDefined();
    world.run(world.now + 3 * SECOND);
    expect(sockets.map((socket) => socket.state)).toEqual(['open', 'open', 'open']);
    expect(listener.accept()).toBeDefined();
    expect(listener.accept()).toBeDefined();
    expect(listener.accept()).toBeUndefined();
  });

  it('is reset with the listener', () => {
    const { world, client, server } = pair();
    const listener = server.stack.listen(0, { local: { port: 80 } });
    const socket = client.stack.connect(0, { remote });
    world.run(SECOND);
    listener.close(world.now);
    world.run(world.now + SECOND);
    expect(socket.state).toBe('closed');
    expect(socket.error?.code).toBe('ECONNRESET');
    expect(server.stack.connectionCount).toBe(0);
    expect(server.stack.listen(world.now, { local: { port: 80 } }).port).toBe(80);
  });
});

describe('a SYN flood', () => {
  it('takes no more than the half-open limit, and real peers still get in', () => {
    const { world, client, server } = pair({ maxHalfOpen: 50 });
    const listener = server.stack.listen(0, { local: { port: 80 } });
    for (let i = 0; i < 5000; i++) server.stack.handlePacket(0, 0, forgedSyn(i));
    expect(server.stack.connectionCount).toBe(50);
    const { counters } = server.stack;
    expect(counters.synsAccepted).toBe(50);
    // No more wait to be sent than the reply queue holds.
    expect(counters.synCookiesSent).toBe(1024);
    const socket = client.stack.connect(0, { remote });
    world.run(10 * SECOND);
    expect(socket.state).toBe('open');
    expect(counters.synCookiesAccepted).toBe(1);
    const accepted = listener.accept()!;
    expect(accepted.connection.isFallback).toBe(true);
    const bytes = pattern(100_000);
    socket.write(world.now, bytes.slice());
    accepted.write(world.now, bytes.slice());
    world.run(world.now + 10 * SECOND);
    expect(isSame(readAll(world.now, accepted), bytes)).toBe(true);
    expect(isSame(readAll(world.now, socket), bytes)).toBe(true);
    world.run(world.now + 5 * MINUTE);
    expect(server.stack.connectionCount).toBe(1);
  });

  it('does not make guesses at cookies pass', () => {
    const { world, server } = pair({ maxHalfOpen: 1 });
    const listener = server.stack.listen(0, { local: { port: 80 } });
    for (let i = 0; i < 10; i++) server.stack.handlePacket(0, 0, forgedSyn(i));
    for (let i = 0; i < 1000; i++) {
      const guess = { sourcePort: 9, destinationPort: 80, seq: 1, ack: i * 4_000_037, flags: TcpFlag.ACK };
      server.stack.handlePacket(0, 0, craft({ from: '10.0.0.9', to: '10.0.0.2', ...guess }));
    }
    world.run(SECOND);
    expect(server.stack.counters.synCookiesRejected).toBe(1000);
    expect(listener.accept()).toBeUndefined();
  });
});

describe('the limit of connections', () => {
  it('drops SYNs and refuses to connect', () => {
    const { world, client, server } = pair({ maxConnections: 3 });
    server.stack.listen(0, { local: { port: 80 } });
    for (let i = 0; i < 5; i++) client.stack.connect(0, { remote });
    world.run(SECOND / 2);
    expect(server.stack.connectionCount).toBe(3);
    expect(server.stack.counters.connectionLimitDrops).toBe(2);
    expect(() => server.stack.connect(world.now, { remote })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_LIMIT' }),
    );
  });
});

describe('a segment that belongs to nothing', () => {
  const stray = { from: '10.0.0.1', to: '10.0.0.2', sourcePort: 5, destinationPort: 6 };
  const answerTo = (flags: number, fields: object = {}): ReturnType<typeof dissect> | undefined => {
    const { world, server } = pair();
    server.stack.handlePacket(0, 0, craft({ ...stray, flags, seq: 100, ack: 200, ...fields }));
    world.run(0);
    return server.sent[0] && dissect(server.sent[0]);
  };

  it('is answered with a reset that its sender believes', () => {
    expect(answerTo(TcpFlag.ACK)).toMatchObject({
      flags: TcpFlag.RST,
      seq: 200,
      sourcePort: 6,
      destinationPort: 5,
    });
    expect(answerTo(TcpFlag.SYN, { ack: 0, payload: new Uint8Array(10) })).toMatchObject({
      flags: TcpFlag.RST | TcpFlag.ACK,
      seq: 0,
      ack: 111,
    });
    expect(answerTo(TcpFlag.FIN, { ack: 0 })).toMatchObject({ flags: TcpFlag.RST | TcpFlag.ACK, ack: 101 });
  });

  it('is not answered when it is a reset, or comes from nowhere', () => {
    expect(answerTo(TcpFlag.RST)).toBeUndefined();
    expect(answerTo(TcpFlag.RST | TcpFlag.ACK)).toBeUndefined();
    expect(answerTo(TcpFlag.SYN, { from: '224.0.0.1' })).toBeUndefined();
    expect(answerTo(TcpFlag.SYN, { from: '0.0.0.0' })).toBeUndefined();
    expect(answerTo(TcpFlag.SYN, { from: '10.0.0.2', sourcePort: 6 })).toBeUndefined();
  });

  it('is answered no more often than the rate allows', () => {
    const { world, server } = pair({ repliesPerSecond: 5 });
    for (let i = 0; i < 100; i++) server.stack.handlePacket(0, 0, craft({ ...stray, flags: TcpFlag.ACK }));
    world.run(0);
    expect(server.sent).toHaveLength(5);
    expect(server.stack.counters).toMatchObject({ resetsSent: 5, resetsSuppressed: 95, unknownFlow: 100 });
  });

  it('is answered with the reason when it wanted to join what is not there', () => {
    const token = {
      subtype: 'MP_JOIN',
      phase: 'syn',
      backup: false,
      addressId: 1,
      token: 77,
      nonce: 1,
    } as const;
    const options = [{ kind: 'mptcp', option: token }];
    expect(answerTo(TcpFlag.SYN, { ack: 0, options })).toMatchObject({
      flags: TcpFlag.RST | TcpFlag.ACK,
      options: [{ kind: 'mptcp', option: { subtype: 'MP_TCPRST', reason: 1 } }],
    });
  });
});

describe('ports', () => {
  it('are not given twice towards one peer, and are free for another', () => {
    const { client } = pair();
    const local = { port: 5000 };
    client.stack.connect(0, { remote, local });
    expect(() => client.stack.connect(0, { remote, local })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    expect(client.stack.connect(0, { remote: { ...remote, port: 81 }, local }).local.port).toBe(5000);
  });

  it('run out', () => {
    const { server } = pair({ ephemeralPorts: { first: 40_000, last: 40_002 } });
    const peer = { address: prefix('10.0.0.1/24').address, port: 80 };
    const ports = [0, 1, 2].map(() => server.stack.connect(0, { remote: peer }).local.port);
    expect(ports.sort()).toEqual([40_000, 40_001, 40_002]);
    expect(() => server.stack.connect(0, { remote: peer })).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
    );
  });

  it('have one listener for each address', () => {
    const { server } = pair();
    const here = { address: prefix('10.0.0.2/24').address, port: 80 };
    server.stack.listen(0, { local: here });
    expect(() => server.stack.listen(0, { local: { port: 80 } })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    const { port } = server.stack.listen(0, { local: { port: 0 } });
    expect(port).toBeGreaterThanOrEqual(32_768);
    expect(() =>
      server.stack.listen(0, { local: { ...here, address: prefix('10.0.0.7/24').address } }),
    ).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }));
  });
});

describe('a peer that vanishes', () => {
  const vanish = (when: 'handshake' | 'open' | 'closed'): TestHost => {
    const { world, client, server } = pair();
    const listener = server.stack.listen(0, { local: { port: 80 } });
    if (when === 'handshake') {
      server.stack.handlePacket(0, 0, forgedSyn(0));
    } else {
      client.stack.connect(0, { remote });
      world.run(SECOND);
      const socket = listener.accept()!;
      client.filter = () => undefined;
      socket.write(world.now, pattern(1000));
      if (when === 'closed') socket.close(world.now);
    }
    world.run(world.now + 60 * MINUTE);
    return server;
  };

  it.each(['handshake', 'open', 'closed'] as const)('is forgotten in the end: %s', (when) => {
    const server = vanish(when);
    expect(server.stack.connectionCount).toBe(0);
    expect(server.stack.pollTimeout()).toBe(Infinity);
    expect(server.eventsOf('closed').length).toBe(when === 'handshake' ? 0 : 1);
  });
});

describe('notices of a socket that nobody asks', () => {
  it('are kept up to a limit, then counted', () => {
    const { world, client, server } = pair();
    const listener = server.stack.listen(0, { local: { port: 80 } });
    const socket = client.stack.connect(0, { remote });
    world.run(SECOND);
    for (let i = 0; i < 100; i++) {
      socket.setBackup(world.now, socket.connection.subflows[0]!, i % 2 === 0);
      world.run(world.now + SECOND);
    }
    expect(server.eventsOf('path')).toHaveLength(0);
    listener.accept();
    world.run(world.now);
    const notices = server.eventsOf('path').map((event) => event.notice.type);
    expect(notices).toHaveLength(MAX_NOTICES);
    expect(notices.slice(0, 3)).toEqual(['confirmed', 'subflow-opened', 'subflow-priority']);
    expect(server.stack.counters.eventsDropped).toBe(102 - MAX_NOTICES);
  });
});
