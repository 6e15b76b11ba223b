import { describe, expect, it } from 'vitest';
import {
  address,
  countingBytes,
  readTcpPacket,
  RecordingDevice,
  tcpPacket,
} from '../../test/simulation/packets.js';
import {
  IpPacket,
  parseIcmp,
  parseIp,
  pseudoHeaderSum,
  verifyIcmpChecksum,
  writeU16,
} from '../wire/index.js';
import { Packet } from './device.js';
import { Router } from './router.js';

/** A router with a device each to 10.0.0.0/16, 10.0.1.0/24, 2001:db8::/32 and where packets come from, 192.0.2.0/24. */
function world(mtu = 1500) {
  const router = new Router();
  const devices = Array.from({ length: 4 }, () => new RecordingDevice());
  const [from, wide, narrow, six] = devices as [
    RecordingDevice,
    RecordingDevice,
    RecordingDevice,
    RecordingDevice,
  ];
  Object.assign(narrow.capabilities, { mtu });
  Object.assign(six.capabilities, { mtu });
  const ids = devices.map((device, i) =>
    router.addDevice(device, [address(`172.16.${i}.1`), address(`fe80::${i}`)]),
  );
  router.addRoute(address('10.0.0.0'), 16, ids[1]!);
  router.addRoute(address('10.0.1.0'), 24, ids[2]!);
  router.addRoute(address('2001:db8::'), 32, ids[3]!);
  const arrive = (bytes: Uint8Array, segmentSize = 0): void =>
    from.receiver!.handlePacket(0, new Packet(bytes, segmentSize));
  return { router, from, wide, narrow, six, arrive };
}

const v6 = { source: '2001:db8:1::1', destination: '2001:db8::5' };

/** Reads the ICMP message that `device` sent, checksum verified. */
function errorSent(device: RecordingDevice) {
  expect(device.sent).toHaveLength(1);
  const { bytes } = device.sent[0]!;
  const ip = new IpPacket();
  expect(parseIp(bytes, 0, bytes.length, ip)).toBeUndefined();
  const pseudo =
    ip.family === 4 ? 0 : pseudoHeaderSum(ip.source, ip.destination, ip.protocol, ip.payloadLength);
  expect(verifyIcmpChecksum(bytes, ip.payloadOffset, ip.payloadLength, pseudo)).toBe(true);
  const message = parseIcmp(bytes, ip.payloadOffset, ip.payloadLength, ip.family);
  if (!message.ok) throw new Error(message.message);
  return { ip, message: message.value };
}

describe('Router', () => {
  it('sends by the longest prefix and lowers the hop limit', () => {
    const { wide, narrow, six, arrive } = world();
    arrive(tcpPacket({ destination: '10.0.2.1' }));
    arrive(tcpPacket({ destination: '10.0.1.1', hopLimit: 2 }));
    arrive(tcpPacket(v6));
    const seen = [wide, narrow, six].map(({ sent }) => sent.map(({ bytes }) => readTcpPacket(bytes)));
    expect(seen.map((packets) => packets.map(({ ip }) => ip.hopLimit))).toEqual([[63], [1], [63]]);
    expect(seen.flat().every(({ checksumsRight }) => checksumsRight)).toBe(true);
  });

  it('reports a hop limit that ran out', () => {
    const { from, arrive, router } = world();
    arrive(tcpPacket({ destination: '10.0.1.1', hopLimit: 1, payload: countingBytes(1000) }));
    const { ip, message } = errorSent(from);
    expect(message).toMatchObject({
      type: 'time-exceeded',
      quoted: { sourcePort: 1000, destinationPort: 80, seq: 1 },
    });
    expect([ip.source, ip.destination].map(String)).toEqual(['172.16.0.1', '10.0.0.1']);
    expect(ip.totalLength).toBe(576);
    expect(router.counters).toMatchObject({ droppedHopLimit: 1, errorsSent: 1, forwarded: 0 });
  });

  it('reports packets too big with the MTU that would do', () => {
    const four = world(1400);
    four.arrive(tcpPacket({ destination: '10.0.1.1', payload: countingBytes(1361) }));
    expect(errorSent(four.from).message).toMatchObject({ type: 'unreachable', code: 4, mtuBytes: 1400 });
    const other = world(1400);
    other.arrive(tcpPacket({ ...v6, payload: countingBytes(1400) }));
    const { ip, message } = errorSent(other.from);
    expect(message).toMatchObject({ type: 'packet-too-big', mtuBytes: 1400 });
    expect(ip.totalLength).toBe(1280);
  });

  it('judges super-segments by the size of their parts', () => {
    const { narrow, arrive } = world(1400);
    arrive(tcpPacket({ destination: '10.0.1.1', payload: countingBytes(5000) }), 1360);
    expect(narrow.sent).toHaveLength(1);
    arrive(tcpPacket({ destination: '10.0.1.1', payload: countingBytes(5000) }), 1361);
    expect(narrow.sent).toHaveLength(1);
  });

  it('reports that there is no route, and forgets routes', () => {
    const { router, from, arrive } = world();
    router.removeRoute(address('10.0.0.0'), 16);
    arrive(tcpPacket({ destination: '10.0.2.1' }));
    expect(errorSent(from).message).toMatchObject({ type: 'unreachable', code: 0 });
    expect(() => router.addRoute(address('10.0.0.0'), 8, 9)).toThrow(/no device/);
  });

  it('does not complain about errors, fragments, or to everybody', () => {
    const { router, from, arrive } = world();
    const later = tcpPacket({ destination: '10.9.9.9' });
    writeU16(later, 6, 5);
    arrive(later);
    arrive(tcpPacket({ destination: '10.9.9.9', source: '224.0.0.1' }));
    const icmp = tcpPacket({ destination: '198.51.100.1' });
    icmp[9] = 1;
    icmp[20] = 3;
    arrive(icmp);
    expect(from.sent).toEqual([]);
    arrive(new Uint8Array(10));
    arrive(tcpPacket({ destination: '172.16.0.1' }));
    expect(router.counters).toMatchObject({ droppedNoRoute: 3, droppedOther: 2, errorsSent: 0 });
  });
});
