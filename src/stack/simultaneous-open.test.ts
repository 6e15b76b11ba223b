/** Two hosts that connect to each other at the same time, from the ports that they connect to (RFC 9293 §3.5). */
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
import { SECOND } from '../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../mptcp/index.js';
import { TcpFlag } from '../wire/index.js';
import type { Socket } from './index.js';

const settings: readonly (readonly [string, Partial<MptcpSettings>])[] = [
  ['TCP', { enabled: false }],
  ['Multipath TCP version 1', {}],
  ['Multipath TCP version 0', { versions: [0] }],
];
const addresses = [prefix('10.0.0.1/24'), prefix('10.0.0.2/24')] as const;
const ports = [4000, 5000] as const;

function connect(world: World, host: TestHost, own: 0 | 1): Socket {
  const other = own === 0 ? 1 : 0;
  return host.stack.connect(world.now, {
    local: { address: addresses[own].address, port: ports[own] },
    remote: { address: addresses[other].address, port: ports[other] },
  });
}

describe.each(settings)('hosts that open at once with %s', (_, protocol) => {
  it('get one connection, and what each wrote arrives whole', () => {
    const world = new World();
    const mptcp = { ...defaultMptcpSettings, ...protocol };
    const hosts = [world.host({ mptcp }), world.host({ mptcp })] as const;
    world.wire(hosts[0], [addresses[0]], hosts[1], [addresses[1]]);
    const sockets = [connect(world, hosts[0], 0), connect(world, hosts[1], 1)] as const;
    const streams = [pattern(50_000), pattern(40_000, 3)] as const;
    for (const side of [0, 1] as const) {
      sockets[side].write(world.now, streams[side].slice());
      sockets[side].shutdown(world.now);
    }
    world.run(5 * SECOND);
    for (const side of [0, 1] as const) {
      const flags = hosts[side].sent.map((packet) => dissect(packet).flags & (TcpFlag.SYN | TcpFlag.ACK));
      expect(flags.filter((each) => (each & TcpFlag.SYN) !== 0)).toEqual([
        TcpFlag.SYN,
        TcpFlag.SYN | TcpFlag.ACK,
      ]);
      expect(isSame(readAll(world.now, sockets[side]), streams[side === 0 ? 1 : 0])).toBe(true);
    }
    world.run(120 * SECOND);
    for (const side of [0, 1] as const) {
      expect([sockets[side].state, sockets[side].error]).toEqual(['closed', undefined]);
      expect(sockets[side].connection.isFallback).toBe(true);
      expect(hosts[side].stack.connectionCount).toBe(0);
    }
  });
});
