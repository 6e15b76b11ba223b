import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../wire/index.js';
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
  return { local: ip(from), remote: { address: ip(to), port: 80 }, subflow };
}

const view: PathView = {
  isClient: true,
  localAddresses: [local(1, '10.0.0.1'), local(2, '10.0.1.1')],
  remoteAddresses: [remote(0, '10.0.0.2')],
  announcedIds: [],
  paths: [path('10.0.0.1', '10.0.0.2', {} as Subflow)],
  subflowRoom: 5,
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
