import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { IpAddress } from '../wire/index.js';
import { mayCreateNamespaces } from './capabilities.js';
import { NetworkNamespace } from './namespace.js';
import { NextHops } from './next-hop.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;

describeWith('next hops', [mayCreateNamespaces()], () => {
  let own: NetworkNamespace;
  let near: NetworkNamespace;
  let hops: NextHops;
  let changes: number;

  beforeEach(() => {
    own = NetworkNamespace.create('own');
    near = NetworkNamespace.create('near');
    own.connectTo(near, 'o0', 'n0');
    own.ip('address add 10.9.0.1/24 dev o0', 'address add fd09::1/64 dev o0');
    near.ip('address add 10.9.0.2/24 dev n0', 'address add fd09::2/64 dev n0');
    changes = 0;
    hops = new NextHops({ namespace: own, onChange: () => changes++ });
  });
  afterEach(() => {
    hops.close();
    own.close();
    near.close();
  });

  /** The Ethernet address and the number of an interface, as `ip` says. */
  function interfaceOf(namespace: NetworkNamespace, device: string): { hop: string; index: number } {
    const said = namespace.ip(`link show dev ${device}`);
    const hop = /link\/ether ([0-9a-f:]+)/.exec(said)![1]!;
    return { hop, index: Number(/^(\d+):/.exec(said)![1]) };
  }
  const text = (hop: Uint8Array | undefined): string => Buffer.from(hop ?? []).toString('hex');
  const plain = (hop: string): string => hop.replaceAll(':', '');

  it.each(['10.9.0.2', 'fd09::2'])('asks for a neighbour that the kernel does not know: %s', async (host) => {
    expect(hops.find(address(host))).toBeUndefined();
    const hop = await hops.resolve(address(host));
    expect(hop).toMatchObject({ interfaceName: 'o0', interfaceIndex: interfaceOf(own, 'o0').index });
    expect(text(hop.ownHop)).toBe(plain(interfaceOf(own, 'o0').hop));
    expect(text(hop.nextHop)).toBe(plain(interfaceOf(near, 'n0').hop));
    expect(hop.source.toString()).toBe(host.replace(/2$/, '1'));
  });

  it('goes by the router where a route says so, one of IPv6 for IPv4 too', async () => {
    // The kernel asks for a neighbour of the other family from a link-local address only.
    own.ip('address add fe80::1/64 dev o0', 'route add 192.0.2.0/24 via 10.9.0.2');
    own.ip('route add 198.51.100.0/24 via inet6 fd09::2');
    for (const host of ['192.0.2.7', '198.51.100.7']) {
      const hop = await hops.resolve(address(host));
      expect(text(hop.nextHop)).toBe(plain(interfaceOf(near, 'n0').hop));
    }
  });

  it('says why there is no way', async () => {
    expect(() => hops.find(address('192.0.2.7'))).toThrow(expect.objectContaining({ code: 'ENETUNREACH' }));
    expect(() => hops.find(address('2001:db8::7'))).toThrow(expect.objectContaining({ code: 'ENETUNREACH' }));
    expect(() => hops.find(address('10.9.0.1'))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNSUPPORTED' }),
    );
    await expect(hops.resolve(address('10.9.0.77'), 50)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
  });

  it('refuses a way that carries no Ethernet frames', () => {
    own.ip('tuntap add dev t0 mode tun', 'link set t0 up', 'route add 192.0.2.0/24 dev t0');
    expect(() => hops.find(address('192.0.2.7'))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNSUPPORTED' }),
    );
  });

  it('follows a host that gets another Ethernet address, and keeps the last one while it is away', async () => {
    const host = address('10.9.0.2');
    hops.follow([host]);
    await vi.waitUntil(() => hops.hopTo(host) !== undefined);
    expect(changes).toBe(1);
    const before = text(hops.hopTo(host)!.nextHop);
    near.ip('link set n0 down', 'link set n0 address 02:00:00:00:00:77');
    expect(text(hops.hopTo(host)!.nextHop)).toBe(before);
    near.ip('link set n0 up');
    own.ip('neigh flush dev o0');
    await vi.waitUntil(() => text(hops.hopTo(host)!.nextHop) === '020000000077');
    expect(changes).toBeGreaterThan(1);
  });

  it('follows a route that changes, and forgets hosts that are no longer followed', async () => {
    own.ip('route add 192.0.2.0/24 via 10.9.0.2');
    near.ip('address add 10.9.0.3/24 dev n0');
    const host = address('192.0.2.7');
    hops.follow([host]);
    await vi.waitUntil(() => hops.hopTo(host) !== undefined);
    const other = NetworkNamespace.create('other');
    own.connectTo(other, 'o1', 'x0');
    own.ip('address add 10.8.0.1/24 dev o1');
    other.ip('address add 10.8.0.2/24 dev x0');
    own.ip('route replace 192.0.2.0/24 via 10.8.0.2');
    await vi.waitUntil(() => hops.hopTo(host)!.interfaceName === 'o1');
    hops.follow([]);
    expect(hops.hopTo(host)).toBeUndefined();
    other.close();
  });
});
