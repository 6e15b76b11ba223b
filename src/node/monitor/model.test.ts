import { describe, expect, it } from 'vitest';
import {
  type ConnectionListing,
  type ListedConnection,
  type ListedSubflow,
  MibCounters,
} from '../../linux/index.js';
import { MonitorModel } from './model.js';

const none = new MibCounters(new Map());

function connection(index: number, bytes: bigint, fields: object = {}): ListedConnection {
  return {
    ...{ state: 'established', cookie: index, uid: 7, inode: index, receiveQueue: 0, sendQueue: 0 },
    local: { address: '10.0.0.1', port: index % 65_536 },
    remote: { address: '2001:db8::1', port: 443 },
    mptcp: { token: index, fallback: false, checksum: false, bytesSent: bytes, bytesReceived: 0n, ...fields },
  } as unknown as ListedConnection;
}

function subflow(token: number, cookie: number, bytes: bigint): ListedSubflow {
  return {
    ...{
      token,
      cookie,
      state: 1,
      localId: 0,
      remoteId: 0,
      isJoin: false,
      isBackup: false,
      isBackupForPeer: false,
    },
    local: { address: '10.0.0.1', port: 1 },
    remote: { address: '10.0.0.2', port: 443 },
    tcp: { bytesSent: bytes, bytesReceived: 0n, srttNs: 5e6, minRttNs: 0xffff_ffff * 1000, cwndSegments: 10 },
  } as unknown as ListedSubflow;
}

function listing(connections: ListedConnection[], subflows: ListedSubflow[] = []): ConnectionListing {
  return { connections, subflows, plain: [], listeners: [], isWhole: true };
}

/** Sockets of which the model knows something. */
function remembered(model: MonitorModel): number {
  return (model as unknown as { last: ReadonlyMap<unknown, unknown> }).last.size;
}

describe('what is known of connections', () => {
  it('has rates from the second look on, of what began since too', () => {
    const model = new MonitorModel(true);
    const first = model.look({ nowMs: 0, listing: listing([connection(1, 1000n)]), counters: none });
    expect(first.connections[0]).toMatchObject({ token: '00000001', sentBytes: 1000, sendRateBps: null });
    const second = model.look({
      nowMs: 2000,
      listing: listing([connection(1, 3000n), connection(2, 500n)]),
      counters: new MibCounters(new Map([['MPTcpExtMPFallbackTokenInit', 2]])),
    });
    expect(second.connections.map(({ sendRateBps }) => sendRateBps)).toEqual([8000, 2000]);
    expect(second.totals).toMatchObject({ sentBytes: 3500, sendRateBps: 10_000 });
    expect(second.counted).toEqual({ MPTcpExtMPFallbackTokenInit: 2 });
    // Another socket with an old one's number, and a clock that was set back.
    const third = model.look({ nowMs: 1000, listing: listing([connection(1, 10n)]), counters: none });
    expect(third.sinceMs).toBe(1);
    expect(third.connections[0]!.sendRateBps).toBe(0);
  });

  it('counts by subflows where the kernel does not count at the data level', () => {
    const model = new MonitorModel(true);
    const { connections } = model.look({
      nowMs: 0,
      listing: listing(
        [connection(1, 0n, { bytesSent: undefined }), connection(2, 9n, { fallback: true })],
        [subflow(1, 1, 600n), subflow(1, 2, 200n), subflow(2, 3, 70n)],
      ),
      counters: none,
    });
    expect(connections[0]!.sentBytes).toBe(800);
    expect(connections[0]!.subflows.map(({ sendShare }) => sendShare)).toEqual([0.75, 0.25]);
    expect(connections[0]!.subflows[0]).toMatchObject({ rttMs: 5, minRttMs: null });
    expect(connections[1]!.sentBytes).toBe(70);
  });

  it('says where the kernel told of connections, and of none of their subflows', () => {
    const look = (rights: boolean, subflows: ListedSubflow[], count = 1): boolean =>
      new MonitorModel(rights).look({
        nowMs: 0,
        listing: listing(
          Array.from({ length: count }, () => connection(1, 1n)),
          subflows,
        ),
        counters: none,
      }).seesSubflows;
    expect(look(false, [])).toBe(false);
    expect(look(false, [subflow(1, 1, 1n)])).toBe(true);
    expect(look(true, [])).toBe(true);
    expect(look(false, [], 0)).toBe(true);
  });

  it('remembers nothing of connections that are gone', () => {
    const model = new MonitorModel(true);
    expect(remembered(model)).toBe(0);
    for (let look = 0; look < 5; look++) {
      const many = Array.from({ length: 10_000 }, (_, i) => connection(look * 10_000 + i, 1n));
      const subflows = many.map(({ mptcp }, i) => subflow(mptcp.token, 1e6 + look * 10_000 + i, 1n));
      model.look({ nowMs: look, listing: listing(many, subflows), counters: none });
      expect(remembered(model)).toBe(20_000);
    }
    model.look({ nowMs: 9, listing: listing([]), counters: none });
    expect(remembered(model)).toBe(0);
  });
});
