import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { SeededRandom } from '../base/index.js';
import { MiddleboxDevice, Nat64, Simulator } from '../network/index.js';
import { IpAddress, parseNat64Prefix } from '../wire/index.js';
import {
  connect,
  createServer,
  discoverNat64,
  UserspaceHost,
  type RobustOption,
  type Socket,
} from './index.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

function twoHosts(): { client: UserspaceHost; server: UserspaceHost } {
  const world = { client: new UserspaceHost(), server: new UserspaceHost() };
  hosts.push(world.client, world.server);
  return world;
}

async function serve(host: UserspaceHost): Promise<{ port: number; accepted: Promise<[Socket]> }> {
  const server = createServer({ via: host });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  server.listen(0);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, accepted };
}

describe('connect with robust', () => {
  it.each([
    'timeout',
    'simultaneous',
    { mode: 'timeout', delay: 20, localAddresses: ['10.0.0.1', '10.0.1.1'] },
  ] as const)('connects by the path that answers: %o', async (robust: RobustOption) => {
    const { client, server } = twoHosts();
    for (const i of [0, 1]) {
      const [left, right] = MemoryDevice.pair();
      // Path 0 swallows everything and looks as if it were up.
      if (i === 0) right.isUp = false;
      client.addDevice(left, { name: `path${i}`, addresses: [`10.0.${i}.1/24`] });
      server.addDevice(right, { name: `path${i}`, addresses: [`10.0.${i}.2/24`] });
      if (i === 0) server.setInterfaceState(0, true);
    }
    const { port, accepted } = await serve(server);
    const socket = connect({ via: client, host: '10.0.0.2', port, robust });
    socket.write('first');
    const [peer] = await accepted;
    const [bytes] = (await once(peer, 'data')) as [Buffer];
    expect(String(bytes)).toBe('first');
    expect(socket.localAddress).toBe('10.0.1.1');
    expect(socket.isMultipath).toBe(true);
  });

  it('throws for what is no such option', () => {
    const { client } = twoHosts();
    const attempt = (robust: unknown) => () =>
      connect({ via: client, host: '10.0.0.2', port: 1, robust: robust as RobustOption });
    expect(attempt('fast')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(attempt(null)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(attempt({ mode: 'timeout', delay: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
    );
    expect(attempt({ mode: 'timeout', localAddresses: ['wifi'] })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_IP_ADDRESS' }),
    );
  });
});

describe('a host on a network without IPv4', () => {
  it('finds the prefix with the resolver’s help (RFC 7050), none where there is no DNS64, and hands errors on', async () => {
    const asked: string[] = [];
    const resolver = {
      resolve6: (name: string) => {
        asked.push(name);
        return Promise.resolve(['64:ff9b::c000:aa', '64:ff9b::c000:ab', 'nonsense']);
      },
    };
    expect(await discoverNat64(resolver)).toEqual(['64:ff9b::/96']);
    expect(asked).toEqual(['ipv4only.arpa']);
    const failing = (code: string) => ({
      resolve6: () => Promise.reject(Object.assign(new Error(code), { code })),
    });
    expect(await discoverNat64(failing('ENODATA'))).toEqual([]);
    await expect(discoverNat64(failing('ETIMEOUT'))).rejects.toMatchObject({ code: 'ETIMEOUT' });
  });

  it('connects to IPv4 addresses through NAT64', async () => {
    const { client, server } = twoHosts();
    const [left, right] = MemoryDevice.pair({ maxOffloadBytes: 0, checksumOffload: false });
    const box = new Nat64({
      prefix: parseNat64Prefix('2001:db8:64::/96')!,
      publicAddress: IpAddress.parse('198.51.100.1')!,
      random: new SeededRandom(1),
    });
    const device = new MiddleboxDevice(new Simulator(0), box, left);
    const id = client.addDevice(device, {
      name: 'lte',
      addresses: ['2001:db8:1::2/64'],
      nat64Prefixes: ['2001:db8:64::/96'],
    });
    server.addDevice(right, { name: 'eth', addresses: ['192.0.2.1/24'] });
    const { port, accepted } = await serve(server);
    const socket = connect({ via: client, host: '192.0.2.1', port });
    socket.write('over six');
    const [peer] = await accepted;
    const [bytes] = (await once(peer, 'data')) as [Buffer];
    expect(String(bytes)).toBe('over six');
    expect(socket.remoteAddress).toBe('2001:db8:64::c000:201');
    expect(peer.remoteAddress).toBe('198.51.100.1');
    client.setNat64Prefixes(id, []);
    const failed = connect({ via: client, host: '192.0.2.1', port });
    const [error] = (await once(failed, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ENETUNREACH' });
    expect(() => client.setNat64Prefixes(id, ['2001:db8::/33'])).toThrow(/not a NAT64 prefix/);
  });
});
