import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { mayCreateNamespaces, mayCreateTun } from './capabilities.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from './constants.js';
import { bind, socket } from './libc.js';
import { NetworkNamespace } from './namespace.js';
import { encodeSocketAddress } from './socket-address.js';
import { ReceivedPacket } from './received-packet.js';
import { TUN_HEADROOM, Tun, type OutgoingPacket } from './tun.js';

/** Waits for packets until `until` holds for one of them. */
function received(tun: Tun, until: (packet: ReceivedPacket) => boolean): Promise<ReceivedPacket> {
  return new Promise((resolve) => {
    tun.onReadable(() => {
      const packet = new ReceivedPacket();
      while (tun.receive(packet)) if (until(packet)) resolve(packet);
    });
  });
}

/** A UDP packet turned round: addresses and ports change places, which leaves every checksum as it was. */
function reply(packet: Uint8Array): OutgoingPacket {
  const bytes = new Uint8Array(TUN_HEADROOM + packet.length);
  bytes.set(packet, TUN_HEADROOM);
  const p = bytes.subarray(TUN_HEADROOM);
  p.copyWithin(12, 16, 20);
  p.set(packet.subarray(12, 16), 16);
  p.copyWithin(20, 22, 24);
  p.set(packet.subarray(20, 22), 22);
  return {
    bytes,
    offset: TUN_HEADROOM,
    length: packet.length,
    segmentSize: 0,
    checksumStart: -1,
    checksumOffset: -1,
    ipHeaderLength: 20,
    tcpHeaderLength: 0,
  };
}

/** A UDP socket of Node's inside `host`; its own bind happens too late to be wrapped. */
function udpSocket(host: NetworkNamespace, address: string): UdpSocket {
  const fd = host.run(() => socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  bind(fd, encodeSocketAddress(address, 0));
  const udp = createSocket('udp4');
  udp.bind({ fd });
  return udp;
}

describeWith('a TUN device', [mayCreateTun(), mayCreateNamespaces()], () => {
  const host = NetworkNamespace.create('host');
  afterAll(() => host.close());

  it.each([true, false])('carries packets both ways, with offload: %s', async (offload) => {
    const tun = Tun.open({ name: `echo${offload}`, namespace: host, offload });
    host.ip(`address add 10.5.0.1/24 dev ${tun.name}`, `link set ${tun.name} up`);
    expect(tun.capabilities).toEqual({ checksumOffload: offload, maxOffloadBytes: offload ? 65_536 : 0 });
    const udp = udpSocket(host, '10.5.0.1');
    const isUdp = (packet: ReceivedPacket) => packet.bytes[9] === 17;
    const arrives = received(tun, isUdp);
    udp.send('question', 7000, '10.5.0.2');
    const packet = await arrives;
    expect(Buffer.from(packet.bytes.subarray(28)).toString()).toBe('question');
    expect(packet.checksumStart).toBe(offload ? 20 : -1);
    expect(packet.checksumOffset).toBe(offload ? 6 : -1);
    const answer = once(udp, 'message');
    // The checksum of what the kernel sends with offload is only the pseudo header's: 0 says "none" in UDP over IPv4.
    if (offload) packet.bytes.fill(0, 26, 28);
    expect(tun.send(reply(packet.bytes))).toBe(true);
    expect(String((await answer)[0])).toBe('question');
    expect(tun.statistics).toMatchObject({ packetsSent: 1, packetsDropped: 0 });
    udp.close();
    tun.close();
    expect(host.ip('link show')).not.toContain(tun.name);
  });

  it('drops what it is given while the interface is down', () => {
    const tun = Tun.open({ name: 'down0', namespace: host });
    expect(tun.send(reply(new Uint8Array(28).fill(0x45, 0, 1)))).toBe(false);
    expect(tun.statistics).toEqual({ packetsReceived: 0, packetsSent: 0, packetsDropped: 1 });
    tun.close();
    tun.close();
  });

  it('refuses a name that is taken, and says so', () => {
    const tun = Tun.open({ name: 'taken0', namespace: host });
    expect(() => Tun.open({ name: 'taken0', namespace: host })).toThrow(
      expect.objectContaining({ code: 'EBUSY', syscall: 'ioctl' }),
    );
    tun.close();
  });

  it('keeps what it received untouched by what it receives later', async () => {
    const tun = Tun.open({ name: 'keep0', namespace: host, offload: false, mtu: 65_000 });
    host.ip('address add 10.6.0.1/24 dev keep0', 'link set keep0 mtu 65000 up');
    const kept: { bytes: Uint8Array; seed: number }[] = [];
    const done = received(tun, (packet) => {
      if (packet.bytes[9] !== 17) return false;
      kept.push({ bytes: packet.bytes, seed: packet.bytes[28]! });
      return kept.length === 60;
    });
    const udp = udpSocket(host, '10.6.0.1');
    for (let i = 0; i < 60; i++) {
      // All three places that a packet can live in, in turn.
      const length = [40, 1500, 9000, 50_000][i % 4]!;
      udp.send(new Uint8Array(length).fill(i), 7000, '10.6.0.2');
    }
    await done;
    udp.close();
    tun.close();
    for (const { bytes, seed } of kept) expect(bytes.subarray(28).every((byte) => byte === seed)).toBe(true);
    expect(new Set(kept.map(({ seed }) => seed)).size).toBe(60);
    for (const { bytes } of kept)
      expect(bytes.buffer.byteLength).toBeLessThanOrEqual(Math.max(8192, 64 * bytes.length));
  });
});

describe('the name of a TUN device', () => {
  it.each(['', 'sixteen-letters!', 'a/b', 'a b'])('is not "%s"', (name) => {
    expect(() => Tun.open({ name })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_INVALID_ARGUMENT' }),
    );
  });
});
