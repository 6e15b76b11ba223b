import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MPTCP_INFO_LENGTH,
  TCP_INFO_LENGTH,
  decodeConnectionInfo,
  decodeSubflowAddresses,
  decodeTcpInfo,
} from './mptcp-info.js';
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.js';

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i + 1);
}

describe('struct mptcp_info', () => {
  it('is read field by field at its place', () => {
    const info = decodeConnectionInfo(filled(MPTCP_INFO_LENGTH), 0, MPTCP_INFO_LENGTH)!;
    expect(info.joinedSubflows).toBe(1);
    expect(info.announcedAddresses).toBe(2);
    expect(info.acceptedAddresses).toBe(3);
    expect(info.fallback).toBe(true);
    expect(info.remoteKeyReceived).toBe(false);
    expect(info.token).toBe(0x100f0e0d);
    expect(info.rcvNxt).toBe(0x2827262524232221n);
    expect(info.checksum).toBe(true);
    expect(info.bytesAcked).toBe(0x504f4e4d4c4b4a49n);
    expect(info.totalSubflows).toBe(81);
    expect([info.maxSubflows, info.maxAnnouncedAddresses, info.maxAcceptedAddresses]).toEqual([4, 5, 6]);
    expect([info.localAddresses, info.maxLocalAddresses]).toEqual([41, 42]);
    expect(info.lastDataSentNs).toBe(0x58575655 * 1e6);
    expect(info.lastAckReceivedNs).toBe(0x605f5e5d * 1e6);
  });

  it('of an older kernel lacks the later fields', () => {
    const info = decodeConnectionInfo(filled(MPTCP_INFO_LENGTH), 0, 40)!;
    expect(info.rcvNxt).toBe(0x2827262524232221n);
    expect(info.checksum).toBeUndefined();
    expect(info.bytesSent).toBeUndefined();
    expect(info.totalSubflows).toBeUndefined();
    expect(decodeConnectionInfo(filled(MPTCP_INFO_LENGTH), 0, 39)).toBeUndefined();
  });

  it('never throws, however short', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, offset, length) => {
        const at = Math.min(offset, bytes.length);
        decodeConnectionInfo(bytes, at, length);
        decodeTcpInfo(bytes, at, length);
        decodeSubflowAddresses(bytes, 0);
        decodeSocketAddress(bytes, at);
      }),
    );
  });
});

describe('struct tcp_info', () => {
  it('gives times in ns and lacks what an older kernel does not give', () => {
    const bytes = new Uint8Array(TCP_INFO_LENGTH);
    new DataView(bytes.buffer).setUint32(68, 1500, true);
    expect(decodeTcpInfo(bytes, 0, TCP_INFO_LENGTH)!.srttNs).toBe(1_500_000);
    const places = decodeTcpInfo(filled(TCP_INFO_LENGTH), 0, TCP_INFO_LENGTH)!;
    expect([places.receiveMss, places.lostSegments]).toEqual([0x18171615, 0x24232221]);
    expect([places.pathMtu, places.notSentBytes]).toEqual([0x403f3e3d, 0x94939291]);
    expect(places.pacingRate).toBe(0x706f6e6d6c6b6a69n);
    const old = decodeTcpInfo(bytes, 0, 104)!;
    expect(old.srttNs).toBe(1_500_000);
    expect(old.bytesAcked).toBeUndefined();
    expect(old.minRttNs).toBeUndefined();
    expect(decodeTcpInfo(bytes, 0, 103)).toBeUndefined();
  });
});

describe('socket addresses', () => {
  it.each([
    ['10.1.2.3', 80, 4],
    ['2001:db8::1', 65_535, 6],
  ] as const)('%s comes back as it was', (address, port, family) => {
    expect(decodeSocketAddress(encodeSocketAddress(address, port))).toEqual({ address, port, family });
  });

  it('of other families, and cut ones, are none', () => {
    expect(decodeSocketAddress(new Uint8Array(128))).toBeUndefined();
    expect(decodeSocketAddress(encodeSocketAddress('10.1.2.3', 1).subarray(0, 15))).toBeUndefined();
    expect(decodeSocketAddress(encodeSocketAddress('::1', 1).subarray(0, 27))).toBeUndefined();
  });

  it.each([
    ['10.1.2', 1],
    ['host', 1],
    ['10.1.2.3', 65_536],
    ['10.1.2.3', -1],
    ['10.1.2.3', 1.5],
  ])('refuses %s port %d', (address, port) => {
    expect(() => encodeSocketAddress(address, port)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_INVALID_ARGUMENT' }),
    );
  });
});
