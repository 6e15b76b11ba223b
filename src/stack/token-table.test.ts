/** Tokens name connections of both versions: MP_JOIN tells a token and no version, so there is one table (RFC 8684 §3.1). */
import { expect, it } from 'vitest';
import type { RandomSource } from '../base/index.js';
import { SeededRandom } from '../base/index.js';
import { defaultMptcpSettings } from '../mptcp/index.js';
import { IpAddress, deriveKeyMaterial } from '../wire/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { Stack } from './stack.js';

/** Keys whose tokens are the same, the one by SHA-256 and the other by SHA-1. */
const twins: Record<MptcpVersion, number> = { 1: 198_489, 0: 38_709 };
const HIGH_WORD = 1;

/** Gives the words queued, and then random ones. */
class KeySource implements RandomSource {
  private readonly random = new SeededRandom(1);
  queue: number[] = [];

  nextUint32(): number {
    return this.queue.shift() ?? this.random.nextUint32();
  }
}

it.each<[MptcpVersion, MptcpVersion]>([
  [1, 0],
  [0, 1],
])('a connection of version %i keeps its token to itself, also from one of version %i', (first, second) => {
  const random = new KeySource();
  const stack = new Stack({ random });
  const address = { address: IpAddress.parse('192.0.2.1')!, prefixLength: 24 };
  stack.addInterface(0, { name: 'eth0', mtu: 1500, addresses: [address] });
  const remote = { address: IpAddress.parse('192.0.2.2')!, port: 80 };
  const token = deriveKeyMaterial({ hi: HIGH_WORD, lo: twins[first] }, first).token;
  expect(deriveKeyMaterial({ hi: HIGH_WORD, lo: twins[second] }, second).token).toBe(token);
  const { host } = stack as unknown as { host: { uniqueKey(version: MptcpVersion): unknown } };
  const draw = host.uniqueKey.bind(host);
  const tokens = [first, second].map((version) => {
    host.uniqueKey = (asked) => {
      random.queue = [HIGH_WORD, twins[version]];
      return draw(asked);
    };
    const mptcp = { ...defaultMptcpSettings, versions: [version] };
    const socket = stack.connect(0, { remote, mptcp });
    while (stack.pollEvent() !== undefined);
    return socket.connection.localToken;
  });
  expect(tokens[0]).toBe(token);
  expect(tokens[1]).toBeTypeOf('number');
  expect(random.queue).toEqual([]);
  expect(tokens[1]).not.toBe(token);
});
