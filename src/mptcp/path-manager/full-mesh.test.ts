import { describe, expect, it } from 'vitest';
import { IpAddress, parseNat64Prefix } from '../../wire/index.js';
import type { Subflow } from '../subflow.js';
import { fullMesh } from './full-mesh.js';
import type { LocalAddress, PathState, PathView, RemoteAddress } from './path-manager.js';
import { signal } from './signal.js';

const ip = (text: string): IpAddress => IpAddress.parse(text)!;

function local(id: number, text: string, more: Partial<LocalAddress> = {}): LocalAddress {
  return { id, address: ip(text), subflow: true, signal: false, port: 0, backup: false, ...more };
}

function remote(id: number, text: string): RemoteAddress {
  return { id, address: ip(text), port: 80 };
}

function path(from: string, to: string, subflow?: Subflow): PathState {
  return { local: ip(from), remote: { address: ip(to), port: 80 }, subflow, isAsked: false };
}

const view: PathView = {
  isClient: true,
  localAddresses: [local(1, '10.0.0.1'), local(2, '10.0.1.1')],
  remoteAddresses: [remote(0, '10.0.0.2')],
  announcedIds: [],
  paths: [path('10.0.0.1', '10.0.0.2', {} as Subflow)],
  subflowRoom: 5,
  now: 0,
  progress: { sentBytes: 0, receivedBytes: 0, unsentBytes: 0 },
  isMeteredBarred: false,
};

/** The pairs that full mesh wants to open, as `from>to`. */
function opened(overrides: Partial<PathView>): string[] {
  return fullMesh()
    .decide({ type: 'established' }, { ...view, ...overrides })
    .flatMap((action) =>
      action.type === 'open' ? [`${action.local.address}>${action.remote.address}`] : [],
    );
}

describe('full mesh', () => {
  it('opens what is missing between every two addresses of one family', () => {
    expect(opened({})).toEqual(['10.0.1.1>10.0.0.2']);
    const remoteAddresses = [...view.remoteAddresses, remote(3, '10.0.1.2'), remote(4, '2001:db8::2')];
    expect(opened({ remoteAddresses })).toEqual([
      '10.0.0.1>10.0.1.2',
      '10.0.1.1>10.0.0.2',
      '10.0.1.1>10.0.1.2',
    ]);
  });

  it('leaves alone what is being opened or rests, what is not for subflows, and what is beyond the limit', () => {
    expect(opened({ paths: [...view.paths, path('10.0.1.1', '10.0.0.2')] })).toEqual([]);
    expect(opened({ localAddresses: [local(2, '10.0.1.1', { subflow: false })] })).toEqual([]);
    expect(opened({ subflowRoom: 0 })).toEqual([]);
  });

  it('opens nothing from a server', () => {
    expect(opened({ isClient: false })).toEqual([]);
  });

  it('makes backups of subflows from a backup address', () => {
    const localAddresses = [local(1, '10.0.0.1'), local(2, '10.0.1.1', { backup: true })];
    const actions = fullMesh().decide({ type: 'established' }, { ...view, localAddresses });
    expect(actions).toMatchObject([{ type: 'open', backup: true }]);
  });
});

describe('full mesh through NAT64', () => {
  const nat64Prefixes = [parseNat64Prefix('2001:db8:64::/96')!];
  const wifi = local(1, '10.0.0.1');
  const lte = local(2, '2001:db8:1::1', { nat64Prefixes });

  it('reaches an IPv4 peer from an IPv6-only link that nobody announced anything for', () => {
    const actions = fullMesh().decide({ type: 'established' }, { ...view, localAddresses: [wifi, lte] });
    expect(actions).toMatchObject([{ type: 'open', local: lte, remote: { id: 0, port: 80 } }]);
    expect(opened({ localAddresses: [wifi, lte] })).toEqual(['2001:db8:1::1>2001:db8:64::a00:2']);
  });

  it('keeps the ID of an announced address, and opens nothing where there is no prefix', () => {
    const remoteAddresses = [remote(0, '10.0.0.2'), remote(7, '10.0.1.2')];
    const seen = { ...view, remoteAddresses, localAddresses: [lte], paths: [] };
    expect(fullMesh().decide({ type: 'established' }, seen)).toMatchObject([
      { remote: { id: 0, address: ip('2001:db8:64::a00:2') } },
      { remote: { id: 7, address: ip('2001:db8:64::a00:102') } },
    ]);
    expect(opened({ localAddresses: [local(2, '2001:db8:1::1')] })).toEqual([]);
  });

  it('reaches over IPv4, and through another translator, a peer that it began with through NAT64', () => {
    const other = local(3, '2001:db8:2::1', { nat64Prefixes: [parseNat64Prefix('2001:db8:f::/48')!] });
    const localAddresses = [lte, wifi, other];
    const began = { localAddresses, remoteAddresses: [remote(0, '2001:db8:64::a00:2')] };
    const paths = [path('2001:db8:1::1', '2001:db8:64::a00:2', {} as Subflow)];
    expect(opened({ ...began, paths })).toEqual([
      '10.0.0.1>10.0.0.2',
      '2001:db8:2::1>2001:db8:f:a00:0:200::',
    ]);
  });

  it('opens one subflow to a peer that announces the address that it was reached at through NAT64', () => {
    const remoteAddresses = [remote(0, '2001:db8:64::a00:2'), remote(4, '10.0.0.2')];
    const paths = [path('2001:db8:1::1', '2001:db8:64::a00:2', {} as Subflow)];
    expect(opened({ remoteAddresses, paths, localAddresses: [lte, wifi] })).toEqual(['10.0.0.1>10.0.0.2']);
  });
});

describe('announcing', () => {
  it('tells of addresses marked so, once', () => {
    const localAddresses = [local(1, '10.0.0.1'), local(2, '10.0.1.1', { signal: true })];
    for (const manager of [signal(), fullMesh()]) {
      const seen: PathView = { ...view, isClient: false, localAddresses };
      expect(manager.decide({ type: 'established' }, seen)).toEqual([
        { type: 'announce', address: localAddresses[1] },
      ]);
      expect(manager.decide({ type: 'established' }, { ...seen, announcedIds: [2] })).toEqual([]);
    }
  });

  it('withdraws what the host no longer has, and leaves the subflows that used it', () => {
    const subflow = {} as Subflow;
    const seen: PathView = {
      ...view,
      localAddresses: [local(1, '10.0.0.1')],
      announcedIds: [2],
      paths: [...view.paths, path('10.0.1.1', '10.0.0.2', subflow)],
    };
    expect(signal().decide({ type: 'local-addresses' }, seen)).toEqual([
      { type: 'withdraw', id: 2 },
      { type: 'close', subflow },
    ]);
  });
});
