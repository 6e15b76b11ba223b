import { describe, expect, it } from 'vitest';
import { parseMibCounters } from './mib.js';

const text = [
  'TcpExt: SyncookiesSent SyncookiesRecv',
  'TcpExt: 3 4',
  'MPTcpExt: MPCapableSYNRX MPJoinSynRx',
  'MPTcpExt: 7 0',
  '',
].join('\n');

describe('MIB counters', () => {
  it('are named by group and name, as nstat names them', () => {
    const counters = parseMibCounters(text);
    expect(counters.get('TcpExtSyncookiesRecv')).toBe(4);
    expect(counters.get('MPTcpExtMPCapableSYNRX')).toBe(7);
    expect(counters.has('MPTcpExtMPJoinSynRx')).toBe(true);
    expect(counters.has('MPTcpExtOther')).toBe(false);
    expect(counters.get('MPTcpExtOther')).toBe(0);
  });

  it('differ from an earlier reading by what was counted between', () => {
    const later = parseMibCounters(text.replace('7 0', '9 2').replace('3 4', '3 5'));
    const difference = later.since(parseMibCounters(text));
    expect(difference.nonZero()).toEqual({
      TcpExtSyncookiesRecv: 1,
      MPTcpExtMPCapableSYNRX: 2,
      MPTcpExtMPJoinSynRx: 2,
    });
    expect(difference.nonZero('MPTcpExt')).toEqual({ MPTcpExtMPCapableSYNRX: 2, MPTcpExtMPJoinSynRx: 2 });
  });

  it('leaves out lines that are not pairs', () => {
    expect(parseMibCounters('Ip: A B\nTcp: 1 2\nTcp: X\n').nonZero()).toEqual({});
    expect(parseMibCounters('Ip: A B\nIp: 1\n').nonZero()).toEqual({});
  });
});
