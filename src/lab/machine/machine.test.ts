import { describe, expect, it } from 'vitest';
import { connectionKey, HISTORY_MS, MachineHistory, rowsOf, shareOf } from './index.js';
import { type MachineConnection, machineSchema, type MachineState, type MachineSubflow } from './state.js';

function subflow(changes: Partial<MachineSubflow> = {}): MachineSubflow {
  return {
    ...{ local: '192.0.2.1:40000', remote: '198.51.100.1:443', state: 'established', joined: false },
    ...{ backup: 'none', localId: 0, remoteId: 0, rttMs: 20, minRttMs: 19, cwndSegments: 10 },
    ...{ retransmittedBytes: 0, sendShare: 1, receiveShare: 1 },
    ...{ sentBytes: 1000, receivedBytes: 0, sendRateBps: 8000, receiveRateBps: 0 },
    ...changes,
  };
}

function connection(token: string, changes: Partial<MachineConnection> = {}): MachineConnection {
  return {
    ...{ token, local: '192.0.2.1:40000', remote: '198.51.100.1:443', state: 'established' },
    ...{ uid: 0, inode: 7, fallback: false, checksum: false, retransmittedBytes: 0, subflowCount: 1 },
    ...{ sentBytes: 1000, receivedBytes: 0, sendRateBps: 8000, receiveRateBps: 0 },
    ...{ subflows: [subflow()], ...changes },
  };
}

function state(atMs: number, connections: readonly MachineConnection[]): MachineState {
  return {
    ...{ schema: machineSchema, atMs, sinceMs: 1000, lacks: [], allowsControl: false, connections },
    totals: {
      ...{ connections: connections.length, subflows: 0, backups: 0, fallenBack: 0, plain: 0, listeners: 0 },
      ...{ sentBytes: 0, receivedBytes: 0, sendRateBps: atMs, receiveRateBps: null },
    },
    ...{ moreConnections: 0, services: [], events: [], lostEvents: 0 },
    paths: { pathManager: 'kernel', limits: null, endpoints: null, links: [] },
  };
}

describe('the last minute of a machine', () => {
  it('is drawn as time before now, and what is older is let go', () => {
    const history = new MachineHistory();
    for (let second = 0; second < 200; second++) history.take(state(second * 1000, []));
    const [series, ...others] = history.ratesFigure().series;
    // What is not known is not drawn.
    expect(others).toEqual([]);
    expect(series).toMatchObject({ name: 'sent' });
    expect(series!.points[0]).toEqual({ x: -HISTORY_MS / 1000, y: 139_000 });
    expect(series!.points.at(-1)).toEqual({ x: 0, y: 199_000 });
    expect(series!.points).toHaveLength(61);
  });

  it('has the subflows of a connection in the direction in which more goes, those that ended too', () => {
    const history = new MachineHistory();
    const second = subflow({ local: '203.0.113.1:40001', joined: true, sendRateBps: 16_000, rttMs: 40 });
    history.take(state(0, [connection('a', { subflows: [subflow(), second] })]));
    const now = connection('a');
    history.take(state(1000, [now]));
    const names = ['192.0.2.1:40000 to 198.51.100.1:443', '203.0.113.1:40001 to 198.51.100.1:443'];
    const shares = history.shareFigure(now);
    expect(shares.series.map(({ name }) => name)).toEqual(names);
    expect(shares.series[1]!.points).toEqual([{ x: -1, y: 16_000 }]);
    expect(history.rttFigure(now).series[1]!.points).toEqual([{ x: -1, y: 0.04 }]);
    const receiving = { ...now, sentBytes: 0, receivedBytes: 9 };
    expect(history.shareFigure(receiving).series[0]!.points.at(-1)).toEqual({ x: 0, y: 0 });
    history.take(state(2000 + HISTORY_MS, [now]));
    expect(history.shareFigure(now).series.map(({ name }) => name)).toEqual(names.slice(0, 1));
  });

  it('says how long a connection has been seen, and at least where it was there before anybody looked', () => {
    const history = new MachineHistory();
    const [old, young] = [connection('a'), connection('b')];
    history.take(state(5000, [old]));
    history.take(state(6000, [old, young]));
    history.take(state(9000, [old, young]));
    expect(history.seenFor(old)).toEqual({ ms: 4000, isLeast: true });
    expect(history.seenFor(young)).toEqual({ ms: 4000, isLeast: false });
    // A token that is used again is another connection.
    expect(history.seenFor({ ...old, inode: 8 })).toBeUndefined();
    history.take(state(9001 + HISTORY_MS, []));
    expect(history.seenFor(old)).toBeUndefined();
  });

  it('keeps connections in an order that changes only where one moves twice as much', () => {
    const history = new MachineHistory();
    const order = (rates: Readonly<Record<string, number>>, atMs: number): string[] => {
      const all = Object.entries(rates).map(([token, sendRateBps]) => connection(token, { sendRateBps }));
      history.take(state(atMs, all));
      return history.inOrder(all).map(({ token }) => token);
    };
    expect(order({ a: 1e6, b: 100 }, 0)).toEqual(['a', 'b']);
    for (let i = 1; i < 30; i++) order({ a: 1e6, b: 1.02e6 }, i * 1000);
    expect(order({ a: 1e6, b: 1.02e6 }, 30_000)).toEqual(['a', 'b']);
    for (let i = 31; i < 60; i++) order({ a: 1e6, b: 3e6 }, i * 1000);
    expect(order({ a: 1e6, b: 3e6 }, 60_000)).toEqual(['b', 'a']);
  });

  it('does not grow with subflows that come and go', () => {
    const history = new MachineHistory();
    for (let i = 0; i < 1000; i++) {
      const local = `192.0.2.1:${i}`;
      history.take(state(i * 10, [connection('a', { subflows: [subflow({ local })] })]));
    }
    expect(history.shareFigure(connection('a')).series).toHaveLength(8);
  });
});

describe('rows of connections', () => {
  const all = [
    connection('b', { sentBytes: 5, remote: '[2001:db8::1]:443' }),
    connection('a', { sentBytes: 9, fallback: true, subflows: [] }),
    connection('c', {
      sentBytes: 7,
      subflows: [subflow(), subflow({ backup: 'peer', local: '203.0.113.9:1' })],
    }),
  ];
  const tokens = (filter: string, key?: Parameters<typeof rowsOf>[2]): string =>
    rowsOf(all, filter, key)
      .map(({ token }) => token)
      .join('');

  it('are those in which all words are found, of subflows too', () => {
    expect(tokens('')).toBe('bac');
    expect(tokens('  ')).toBe('bac');
    expect(tokens('2001:DB8')).toBe('b');
    expect(tokens('203.0.113.9 backup')).toBe('c');
    expect(tokens('fell')).toBe('a');
    expect(tokens('fell 2001')).toBe('');
  });

  it('are sorted, words from a and numbers from the largest, or the other way round', () => {
    expect(tokens('', { key: 'token', isReversed: false })).toBe('abc');
    expect(tokens('', { key: 'sent', isReversed: false })).toBe('acb');
    expect(tokens('', { key: 'sent', isReversed: true })).toBe('bca');
    expect(tokens('', { key: 'rtt', isReversed: false })).toBe('bca');
    expect(tokens('', { key: 'state', isReversed: true }).startsWith('a')).toBe(true);
    // What it was given stays as it was.
    expect(all.map(({ token }) => token).join('')).toBe('bac');
  });

  it('have the share of the direction in which more was moved', () => {
    expect(shareOf(subflow({ sentBytes: 2, receivedBytes: 1, sendShare: 0.4 }))).toBe(0.4);
    expect(shareOf(subflow({ sentBytes: 1, receivedBytes: 2, receiveShare: 0.3 }))).toBe(0.3);
    expect(connectionKey(all[0]!)).not.toBe(connectionKey({ ...all[0]!, inode: 1 }));
  });
});
