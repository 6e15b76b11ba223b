import { describe, expect, it } from 'vitest';
import { IpAddress, parseNat64Prefix } from '../wire/index.js';
import { InterfaceTable } from './interface-table.js';
import { choosePath, choosePaths } from './source-selection.js';

const ip = (text: string): IpAddress => IpAddress.parse(text)!;
const at = (text: string, prefixLength: number) => ({ address: ip(text), prefixLength });

describe('InterfaceTable', () => {
  const make = () => {
    const table = new InterfaceTable();
    const wifi = table.add({ name: 'wifi', mtu: 1500, addresses: [at('10.1.0.2', 24), at('fe80::1', 64)] });
    const lte = table.add({
      name: 'lte',
      mtu: 1400,
      metric: 10,
      addresses: [at('10.2.0.2', 30), at('2001:db8::2', 64)],
    });
    return { table, wifi, lte };
  };
  const source = (table: InterfaceTable, remote: string): string | undefined =>
    choosePath(table, ip(remote))?.local.toString();

  it('prefers the link the peer is on, then routes, then the metric', () => {
    const { table, lte } = make();
    expect(source(table, '10.2.0.1')).toBe('10.2.0.2');
    expect(source(table, '192.0.2.9')).toBe('10.1.0.2');
    table.addRoute({ prefix: ip('192.0.2.0'), prefixLength: 24, interfaceId: lte.id });
    expect(source(table, '192.0.2.9')).toBe('10.2.0.2');
    expect(source(table, '192.0.3.9')).toBe('10.1.0.2');
  });

  it('keeps families and scopes apart', () => {
    const { table } = make();
    expect(source(table, '2001:db8:1::1')).toBe('2001:db8::2');
    expect(source(table, 'fe80::9')).toBe('fe80::1');
    expect(source(new InterfaceTable(), '10.0.0.1')).toBeUndefined();
  });

  it('chooses no interface that is down', () => {
    const { table, wifi } = make();
    table.setUp(wifi.id, false);
    expect(source(table, '192.0.2.9')).toBe('10.2.0.2');
    expect(source(table, '10.1.0.1')).toBe('10.2.0.2');
    expect(table.localAddresses().map((entry) => entry.address.toString())).toEqual([
      '10.2.0.2',
      '2001:db8::2',
    ]);
  });

  it('knows its addresses by value and in packets, also after they changed', () => {
    const { table, wifi, lte } = make();
    expect(table.ownerOf(ip('10.1.0.2'))).toBe(wifi);
    expect(table.localAddress(4, new Uint8Array([9, 10, 1, 0, 2]), 1)?.toString()).toBe('10.1.0.2');
    expect(table.removeAddress(wifi.id, ip('10.1.0.2'))).toBe(true);
    expect(table.ownerOf(ip('10.1.0.2'))).toBeUndefined();
    table.addAddress(lte.id, at('10.1.0.2', 24));
    expect(table.ownerOf(ip('10.1.0.2'))).toBe(lte);
    table.remove(lte.id);
    expect(table.ownerOf(ip('10.1.0.2'))).toBeUndefined();
  });

  it('gives addresses IDs that are unique and do not come back at once', () => {
    const { table, wifi } = make();
    const ids = () => table.localAddresses().map((entry) => entry.id);
    const before = ids();
    expect(new Set(before).size).toBe(4);
    table.removeAddress(wifi.id, ip('10.1.0.2'));
    table.addAddress(wifi.id, at('10.1.0.3', 24));
    const fresh = ids().filter((id) => !before.includes(id));
    expect(fresh).toHaveLength(1);
  });

  it('refuses what cannot be', () => {
    const { table, wifi } = make();
    const code = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_INTERFACE' });
    expect(() => table.add({ name: 'wifi', mtu: 1500, addresses: [] })).toThrow(code);
    expect(() => table.add({ name: 'tiny', mtu: 1279, addresses: [at('2001:db8::7', 64)] })).toThrow(code);
    expect(() => table.addAddress(wifi.id, at('10.2.0.2', 24))).toThrow(code);
    expect(() => table.addAddress(wifi.id, at('224.0.0.1', 24))).toThrow(code);
    expect(() => table.addAddress(wifi.id, at('10.9.0.1', 33))).toThrow(code);
    expect(() => table.get(99)).toThrow(code);
  });

  it('reaches IPv4 through the NAT64 of an interface without IPv4, and only of such a one', () => {
    const { table, lte } = make();
    const only = table.add({ name: 'only6', mtu: 1500, metric: -1, addresses: [at('2001:db8:9::2', 64)] });
    expect(source(table, '192.0.2.1')).toBe('10.1.0.2');
    const prefixes = [parseNat64Prefix('2001:db8:64::/96')!];
    table.setNat64Prefixes(lte.id, prefixes);
    table.setNat64Prefixes(only.id, prefixes);
    const chosen = choosePaths(table, ip('192.0.2.1')).map(({ local, remote }) => `${local}>${remote}`);
    expect(chosen).toEqual([
      '2001:db8:9::2>2001:db8:64::c000:201',
      '10.1.0.2>192.0.2.1',
      '10.2.0.2>192.0.2.1',
    ]);
    const withPrefix = table.localAddresses().filter((entry) => entry.nat64Prefixes !== undefined);
    expect(withPrefix.map(({ address }) => address.toString())).toEqual(['2001:db8:9::2']);
  });
});
