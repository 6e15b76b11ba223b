import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { KernelSubflow, KernelTcpInfo } from '../../linux/index.js';
import { KernelPaths, targetPathOf } from './kernel-paths.js';

/** A subflow that has sent something and waits, unless said otherwise. */
function subflow(id: number, tcp: Partial<KernelTcpInfo> = {}): KernelSubflow {
  const end = { address: '10.0.0.1', port: 1, family: 4 } as const;
  return {
    ...{ id, local: end, remote: end },
    tcp: {
      ...{ state: 1, timeoutsInARow: 0, rtoNs: 220 * MILLISECOND, sendMss: 1000, srttNs: 20 * MILLISECOND },
      ...{ rttVarianceNs: 0, minRttNs: undefined, cwndSegments: 10, ssthreshSegments: 0, unackedSegments: 5 },
      ...{ lastDataSentNs: 60 * SECOND, lastDataReceivedNs: 60 * SECOND, lastAckReceivedNs: 60 * SECOND },
      retransmittedSegments: 0,
      ...{ bytesAcked: 100n, bytesReceived: 0n, bytesSent: 5100n, bytesRetransmitted: 0n },
      ...{ deliveryRate: undefined, pacingRate: undefined, receiveMss: 1000, lostSegments: 0 },
      ...{ pathMtu: 1500, notSentBytes: undefined, synDataAccepted: false, hasTimestamps: true },
      ...{ hasSack: true, peerWindowShift: 7, ...tcp },
    },
  };
}

const about = () => ({ link: 7, addressId: 0, isBackup: false });

/** Looks every 100 ms, at what `each` gives; returns when the path was silent, in ms. */
function silentAt(each: (ms: number) => Partial<KernelTcpInfo>): number[] {
  const paths = new KernelPaths();
  const silent: number[] = [];
  for (let ms = 0; ms <= 600; ms += 100) {
    paths.look(ms * MILLISECOND, [subflow(1, each(ms))], about);
    if (paths.policyPaths(ms * MILLISECOND)[0]!.sample!.isSilent) silent.push(ms);
  }
  return silent;
}

describe('a path of a kernel connection', () => {
  it('is silent when it owes an acknowledgment for three round-trip times, and at least 200 ms', () => {
    expect(silentAt(() => ({}))).toEqual([200, 300, 400, 500, 600]);
    expect(silentAt(() => ({ srttNs: 150 * MILLISECOND }))).toEqual([500, 600]);
  });

  it('is not silent while something comes, or when it owes nothing', () => {
    expect(silentAt((ms) => ({ bytesAcked: BigInt(ms) }))).toEqual([]);
    expect(silentAt(() => ({ lastAckReceivedNs: 30 * MILLISECOND }))).toEqual([]);
    expect(silentAt(() => ({ lastDataReceivedNs: 30 * MILLISECOND }))).toEqual([]);
    expect(silentAt(() => ({ unackedSegments: 0 }))).toEqual([]);
  });

  it('is silent from when it began to owe, however long it was idle before', () => {
    expect(silentAt((ms) => ({ unackedSegments: ms < 300 ? 0 : 5 }))).toEqual([400, 500, 600]);
  });

  it('is not silent for what it sent a moment ago, however long ago the last look was', () => {
    const paths = new KernelPaths();
    const isSilentAt = (ms: number, tcp: Partial<KernelTcpInfo>): boolean => {
      paths.look(ms * MILLISECOND, [subflow(1, tcp)], about);
      return paths.policyPaths(ms * MILLISECOND)[0]!.sample!.isSilent;
    };
    expect(isSilentAt(0, { unackedSegments: 0 })).toBe(false);
    expect(isSilentAt(500, { lastDataSentNs: 10 * MILLISECOND })).toBe(false);
    expect(isSilentAt(600, { lastDataSentNs: 110 * MILLISECOND })).toBe(false);
    expect(isSilentAt(700, { lastDataSentNs: 210 * MILLISECOND })).toBe(true);
  });

  it('counts as open when it is established, and has nothing to show before', () => {
    const paths = new KernelPaths();
    expect(paths.look(0, [subflow(1), subflow(2, { state: 2 }), subflow(3, { state: 4 })], about)).toEqual(
      [],
    );
    expect(paths.policyPaths(0)).toMatchObject([
      { id: 1, link: 7, isOpen: true, sample: { srttNs: 20 * MILLISECOND } },
      { id: 2, isOpen: false, sample: undefined },
    ]);
    const gone = paths.look(1, [subflow(1)], about);
    expect(gone).toMatchObject([{ subflow: { id: 2 }, wasOpen: false }]);
  });

  it('is left out until it is known what link it is on', () => {
    const paths = new KernelPaths();
    paths.look(0, [subflow(1)], () => undefined);
    expect(paths.policyPaths(0)).toEqual([]);
    paths.look(0, [subflow(1)], about);
    expect(paths.policyPaths(0)).toHaveLength(1);
  });

  it('counts the bytes in both directions from look to look', () => {
    const paths = new KernelPaths();
    paths.look(0, [subflow(1, { bytesSent: 100n, bytesReceived: 20n })], about);
    expect(paths.paths.get(1)!.newBytes).toBe(120);
    paths.look(1, [subflow(1, { bytesSent: 150n, bytesReceived: 20n })], about);
    expect(paths.paths.get(1)!.newBytes).toBe(50);
  });

  it('tells of the bytes that it moved up to its end, once', () => {
    const paths = new KernelPaths();
    const both = [1, 2].map((id) => subflow(id, { bytesSent: 100n }));
    paths.look(0, both, about);
    const FIN_WAIT_1 = 4;
    const gone = paths.look(1, [subflow(1, { state: FIN_WAIT_1, bytesSent: 170n })], about);
    expect(gone.map(({ subflow: { id }, newBytes }) => [id, newBytes])).toEqual([
      [1, 70],
      [2, 0],
    ]);
  });
});

describe('a path of a kernel connection, for a target', () => {
  it('has its window and what is in flight in bytes, and what was received on it', () => {
    const paths = new KernelPaths();
    paths.look(0, [subflow(1, { bytesReceived: 70n })], about);
    expect(targetPathOf(paths.paths.get(1)!)).toEqual({
      ...{ id: 1, srttNs: 20 * MILLISECOND, windowBytes: 10_000, inFlightBytes: 5000, receivedBytes: 70 },
    });
  });
});
