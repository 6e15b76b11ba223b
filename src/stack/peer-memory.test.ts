import { describe, expect, it } from 'vitest';
import { prefix, World, type TestHost } from '../../test/support/stack-pair.js';
import { MINUTE, SECOND } from '../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../mptcp/index.js';
import { IpAddress } from '../wire/index.js';
import { PeerMemory } from './peer-memory.js';
import type { StackSettings } from './settings.js';

const address = (last: number): IpAddress => IpAddress.parse(`192.0.2.${last}`)!;

describe('the memory of peers', () => {
  it('knows a version for as long as it was told, and not beyond', () => {
    const memory = new PeerMemory(4, MINUTE);
    memory.noteVersion(0, address(1), 0);
    expect(memory.versionOf(MINUTE - 1, address(1))).toBe(0);
    expect(memory.versionOf(MINUTE - 1, address(2))).toBeUndefined();
    expect(memory.versionOf(MINUTE, address(1))).toBeUndefined();
    expect(memory.size).toBe(0);
  });

  it('is bounded, and the least recently used peer goes first', () => {
    const memory = new PeerMemory(3, MINUTE);
    for (let i = 1; i <= 3; i++) memory.noteVersion(0, address(i), 0);
    memory.versionOf(1, address(1));
    memory.noteVersion(1, address(4), 0);
    expect(memory.size).toBe(3);
    expect([1, 2, 3, 4].map((i) => memory.versionOf(2, address(i)))).toEqual([0, undefined, 0, 0]);
  });

  it('remembers nothing when there is no room or no time for it', () => {
    for (const memory of [new PeerMemory(0, MINUTE), new PeerMemory(5, 0)]) {
      memory.noteVersion(0, address(1), 0);
      expect(memory.versionOf(0, address(1))).toBeUndefined();
    }
  });
});

const both = { ...defaultMptcpSettings, versions: [1, 0] as const };
const only = (version: 0 | 1): MptcpSettings => ({ ...defaultMptcpSettings, versions: [version] });

/** Connects once, lets it pass, and gives the version that came of it. */
function versionOfNext(world: World, client: TestHost, server: TestHost, mptcp: MptcpSettings): unknown {
  const listener = server.stack.listen(world.now, { local: { port: 80 }, mptcp });
  const remote = { address: prefix('10.0.0.2/24').address, port: 80 };
  const socket = client.stack.connect(world.now, { remote });
  world.run(world.now + SECOND);
  expect(socket.state).toBe('open');
  socket.abort(world.now);
  listener.close(world.now);
  world.run(world.now + SECOND);
  return socket.connection.version;
}

function pair(
  settings: Partial<StackSettings> = { mptcp: both, peerMemoryNs: MINUTE },
): [World, TestHost, TestHost] {
  const world = new World();
  const client = world.host(settings);
  const server = world.host();
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')], {});
  return [world, client, server];
}

describe('a host that speaks both versions, towards one that answers with version 0 (RFC 8684 §3.1)', () => {
  it('is plain TCP the first time, version 0 the next, and asks for version 1 again when that was long ago', () => {
    const [world, client, server] = pair();
    expect(versionOfNext(world, client, server, only(0))).toBeUndefined();
    expect(versionOfNext(world, client, server, only(0))).toBe(0);
    expect(versionOfNext(world, client, server, both)).toBe(0);
    world.now += MINUTE;
    expect(versionOfNext(world, client, server, both)).toBe(1);
  });

  it('forgets a version that the peer answers no more', () => {
    const [world, client, server] = pair();
    versionOfNext(world, client, server, only(0));
    expect(versionOfNext(world, client, server, only(1))).toBeUndefined();
    expect(versionOfNext(world, client, server, only(1))).toBe(1);
  });
});

describe('a host that prefers version 0', () => {
  const zeroFirst = { mptcp: { ...defaultMptcpSettings, versions: [0, 1] as const }, peerMemoryNs: MINUTE };

  it('asks a peer that gave no answer for version 1 the next time, and stays with what was answered', () => {
    const [world, client, server] = pair(zeroFirst);
    const spoken = [1, 2, 3].map(() => versionOfNext(world, client, server, only(1)));
    expect(spoken).toEqual([undefined, 1, 1]);
  });

  it('asks in turn where nobody answers, so that neither version is given up', () => {
    const [world, client, server] = pair(zeroFirst);
    const plain = { ...defaultMptcpSettings, enabled: false };
    for (let i = 0; i < 3; i++) expect(versionOfNext(world, client, server, plain)).toBeUndefined();
    expect(versionOfNext(world, client, server, only(1))).toBe(1);
    expect(versionOfNext(world, client, server, only(1))).toBe(1);
  });
});
