import { describe, expect, it } from 'vitest';
import {
  address,
  countingBytes,
  readTcpPacket,
  RecordingDevice,
  RecordingReceiver,
  tcpPacket,
} from '../../test/simulation/packets.js';
import { SECOND } from '../base/index.js';
import { PcapngWriter, readCapture } from '../capture/index.js';
import { emitMptcpOption, pseudoHeaderSum, writeU16 } from '../wire/index.js';
import { CaptureObserver } from './capture-observer.js';
import { Packet } from './device.js';
import { PacketDigest, TapDevice } from './tap.js';

describe('TapDevice', () => {
  it('shows packets of both directions and lets them pass unchanged', () => {
    const seen: [number, string][] = [];
    const inner = new RecordingDevice();
    const tap = new TapDevice(inner, [{ observe: (now, _packet, direction) => seen.push([now, direction]) }]);
    const host = new RecordingReceiver();
    tap.attach(host);
    const [out, back] = [new Packet(tcpPacket()), new Packet(tcpPacket())];
    tap.send(1, out);
    inner.receiver!.handlePacket(2, back);
    inner.receiver!.handleCarrier(3, false);
    expect(seen).toEqual([
      [1, 'outward'],
      [2, 'inward'],
    ]);
    expect(inner.sent[0]).toBe(out);
    expect(host.packets[0]).toBe(back);
    expect(host.carrier).toEqual([false]);
  });
});

describe('PacketDigest', () => {
  const digestOf = (
    packets: readonly [number, Uint8Array][],
    direction: 'inward' | 'outward' = 'inward',
  ): string => {
    const digest = new PacketDigest();
    for (const [now, bytes] of packets) digest.observe(now, new Packet(bytes), direction);
    return digest.toString();
  };

  it('tells runs apart by time, order, direction and every byte', () => {
    const [a, b] = [countingBytes(41), countingBytes(41, 1)];
    const last = a.slice();
    last[40]! ^= 1;
    const runs = [
      digestOf([[1, a]]),
      digestOf([[2, a]]),
      digestOf([[1 + 2 ** 32, a]]),
      digestOf([[1, last]]),
      digestOf([[1, a]], 'outward'),
      digestOf([
        [1, a],
        [1, b],
      ]),
      digestOf([
        [1, b],
        [1, a],
      ]),
    ];
    expect(new Set(runs).size).toBe(runs.length);
    expect(runs[0]).toBe(digestOf([[1, a.slice()]]));
    expect(runs[0]).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('CaptureObserver', () => {
  it('writes complete packets with direction, time and the keys in comments', () => {
    const writer = new PcapngWriter();
    const observer = new CaptureObserver(writer, { name: 'client/wifi' });
    const options = new Uint8Array(20);
    emitMptcpOption(
      { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 1n, receiverKey: 0xffn },
      options,
      0,
    );
    const partial = tcpPacket({ options });
    const pseudo = pseudoHeaderSum(address('10.0.0.1'), address('10.0.0.2'), 6, partial.length - 20);
    writeU16(partial, 36, pseudo);
    const before = partial.slice();
    observer.observe(1.5 * SECOND, new Packet(partial, 0, true), 'outward');
    observer.observe(2 * SECOND, new Packet(tcpPacket(), 0, false), 'inward');
    expect(partial).toEqual(before);

    const { packets } = readCapture(writer.take());
    expect(packets.map(({ seconds, nanoseconds, direction }) => [seconds, nanoseconds, direction])).toEqual([
      [1, 500_000_000, 'outbound'],
      [2, 0, 'inbound'],
    ]);
    expect(packets.every((packet) => readTcpPacket(packet.data()).checksumsRight)).toBe(true);
    expect(packets[0]!.comments).toEqual([
      expect.stringMatching(/^mptcp sender key=0x0000000000000001 token=0x[0-9a-f]{8} idsn=0x[0-9a-f]{16}$/),
      expect.stringMatching(/^mptcp receiver key=0x00000000000000ff /),
    ]);
    expect(packets[1]!.comments).toEqual([]);
  });
});
