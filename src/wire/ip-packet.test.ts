import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { writeU16 } from './bytes.js';
import { verifyIpv4Checksum } from './checksum.js';
import { datagramLength, emitDatagram } from './ip-datagram.js';
import type { IpDatagram, Ipv4Datagram, Ipv6Datagram } from './ip-datagram.js';
import { IpHeader, emitIpHeader, ipHeaderLength } from './ip-header.js';
import { IpPacket, IpProtocol, maxExtensionHeaders, parseIp } from './ip-packet.js';

const payload = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const v4: Ipv4Datagram = {
  family: 4,
  source: IpAddress.parse('192.0.2.1')!,
  destination: IpAddress.parse('192.0.2.2')!,
  protocol: IpProtocol.TCP,
  hopLimit: 63,
  dscpEcn: 0xb9,
  identification: 0x1234,
  dontFragment: false,
  moreFragments: false,
  fragmentOffset: 0,
  options: [],
  payload,
};
const v6: Ipv6Datagram = {
  family: 6,
  source: IpAddress.parse('2001:db8::1')!,
  destination: IpAddress.parse('2001:db8::2')!,
  protocol: IpProtocol.TCP,
  hopLimit: 62,
  dscpEcn: 0x2e,
  flowLabel: 0xabcde,
  extensions: [],
  payload,
};

function emit(datagram: IpDatagram): Uint8Array {
  const bytes = new Uint8Array(datagramLength(datagram));
  emitDatagram(datagram, bytes, 0);
  return bytes;
}

function read(bytes: Uint8Array, length = bytes.length, wireLength?: number): IpPacket {
  const packet = new IpPacket();
  expect(parseIp(bytes, 0, length, packet, wireLength)).toBeUndefined();
  return packet;
}

function failure(bytes: Uint8Array, length = bytes.length, wireLength?: number): string | undefined {
  return parseIp(bytes, 0, length, new IpPacket(), wireLength)?.code;
}

describe('parseIp', () => {
  it('reads an IPv4 header', () => {
    const packet = read(emit(v4));
    expect(packet).toMatchObject({
      family: 4,
      protocol: 6,
      hopLimit: 63,
      dscpEcn: 0xb9,
      identification: 0x1234,
      dontFragment: false,
      isFragment: false,
      headerLength: 20,
      totalLength: 28,
      payloadOffset: 20,
      payloadLength: 8,
      payloadAvailable: 8,
    });
    expect(String(packet.source)).toBe('192.0.2.1');
    expect(String(packet.destination)).toBe('192.0.2.2');
  });

  it('reads an IPv6 header', () => {
    const packet = read(emit(v6));
    expect(packet).toMatchObject({
      family: 6,
      protocol: 6,
      hopLimit: 62,
      dscpEcn: 0x2e,
      flowLabel: 0xabcde,
      dontFragment: true,
      headerLength: 40,
      payloadLength: 8,
    });
    expect(String(packet.source)).toBe('2001:db8::1');
    expect(String(packet.destination)).toBe('2001:db8::2');
  });

  it('leaves out what follows the packet in its frame', () => {
    const frame = new Uint8Array(64);
    frame.set(emit(v4));
    expect(read(frame)).toMatchObject({ payloadLength: 8, payloadAvailable: 8 });
  });

  it('skips IPv4 options', () => {
    const packet = read(emit({ ...v4, options: [{ type: 148, body: Uint8Array.from([0, 0]) }] }));
    expect(packet).toMatchObject({ headerLength: 24, payloadOffset: 24, payloadLength: 8 });
  });

  it('recognises every piece of a fragmented IPv4 packet', () => {
    const first = read(emit({ ...v4, moreFragments: true }));
    expect(first).toMatchObject({ isFragment: true, moreFragments: true, fragmentOffset: 0 });
    const last = read(emit({ ...v4, fragmentOffset: 1480 }));
    expect(last).toMatchObject({ isFragment: true, moreFragments: false, fragmentOffset: 1480 });
    expect(read(emit({ ...v4, dontFragment: true }))).toMatchObject({
      isFragment: false,
      dontFragment: true,
    });
  });

  it('walks over extension headers to the upper layer', () => {
    const packet = read(
      emit({
        ...v6,
        extensions: [
          { kind: 'hop-by-hop', options: [] },
          { kind: 'destination-options', options: [{ type: 0x1e, body: Uint8Array.from([1, 2, 3, 4]) }] },
          { kind: 'routing', routingType: 0, segmentsLeft: 2, body: new Uint8Array(20) },
          { kind: 'authentication', body: new Uint8Array(20) },
          { kind: 'destination-options', options: [] },
        ],
      }),
    );
    expect(packet).toMatchObject({ protocol: 6, headerLength: 40 + 8 + 8 + 24 + 24 + 8, payloadLength: 8 });
    expect(packet.routingSegmentsLeft).toBe(2);
  });

  it('stops at the header of a later IPv6 fragment, whose content is none', () => {
    const fragment = { kind: 'fragment', identification: 9, moreFragments: true } as const;
    const later = read(
      emit({
        ...v6,
        protocol: IpProtocol.DESTINATION_OPTIONS,
        extensions: [{ ...fragment, fragmentOffset: 800 }],
      }),
    );
    expect(later).toMatchObject({ isFragment: true, fragmentOffset: 800, protocol: 60, headerLength: 48 });
    expect(later.identification).toBe(9);
    const first = read(emit({ ...v6, extensions: [{ ...fragment, fragmentOffset: 0 }] }));
    expect(first).toMatchObject({ isFragment: true, moreFragments: true, protocol: 6 });
  });

  it('takes an IPv6 fragment that is the whole packet for what it is', () => {
    const atomic = { kind: 'fragment', fragmentOffset: 0, moreFragments: false, identification: 9 } as const;
    expect(read(emit({ ...v6, extensions: [atomic] }))).toMatchObject({ isFragment: false, protocol: 6 });
  });

  it('stops at encrypted content', () => {
    expect(read(emit({ ...v6, protocol: IpProtocol.ESP }))).toMatchObject({ protocol: 50, headerLength: 40 });
  });

  it('follows no more extension headers than its limit', () => {
    const options = { kind: 'destination-options', options: [] } as const;
    const most = new Array<typeof options>(maxExtensionHeaders).fill(options);
    expect(read(emit({ ...v6, extensions: most })).protocol).toBe(6);
    expect(failure(emit({ ...v6, extensions: [...most, options] }))).toBe('too-many-extension-headers');
  });

  it('refuses hop-by-hop options that are not in front', () => {
    const late = [
      { kind: 'destination-options', options: [] },
      { kind: 'hop-by-hop', options: [] },
    ] as const;
    expect(failure(emit({ ...v6, extensions: late }))).toBe('misplaced-extension-header');
  });

  it('says what is wrong with a damaged header', () => {
    const bytes = emit(v4);
    expect(failure(bytes, 0)).toBe('truncated');
    expect(failure(bytes, 19)).toBe('truncated');
    expect(failure(bytes, 27)).toBe('truncated');
    expect(failure(Uint8Array.from([0x55, ...bytes.subarray(1)]))).toBe('bad-version');
    expect(failure(Uint8Array.from([0x44, ...bytes.subarray(1)]))).toBe('bad-length');
    expect(failure(Uint8Array.from([0x4f, ...bytes.subarray(1)]))).toBe('truncated');
    writeU16(bytes, 2, 19);
    expect(failure(bytes)).toBe('bad-length');
    expect(failure(emit(v6), 39)).toBe('truncated');
    expect(failure(emit(v6), 47)).toBe('truncated');
    const extended = emit({
      ...v6,
      extensions: [{ kind: 'hop-by-hop', options: [] }],
      payload: new Uint8Array(0),
    });
    extended[41] = 1;
    expect(failure(extended)).toBe('truncated');
  });

  it('reads a packet that a capture cut', () => {
    const bytes = emit(v4);
    expect(read(bytes, 24, 28)).toMatchObject({ payloadLength: 8, payloadAvailable: 4 });
    expect(read(emit(v6), 42, 48)).toMatchObject({ payloadLength: 8, payloadAvailable: 2 });
    expect(failure(bytes, 24, 27)).toBe('truncated');
  });

  it('takes a total length of 0 for that of the capture, and of no live packet', () => {
    const bytes = emit(v4);
    writeU16(bytes, 2, 0);
    expect(failure(bytes)).toBe('bad-length');
    expect(read(bytes, 28, 28)).toMatchObject({ totalLength: 28, payloadLength: 8 });
  });
});

describe('emitIpHeader', () => {
  it('writes what the value form writes', () => {
    for (const datagram of [v4, v6]) {
      const expected = emit(datagram);
      const bytes = new Uint8Array(48);
      const headerLength = emitIpHeader(bytes, 0, { ...datagram, payloadLength: payload.length });
      expect(headerLength).toBe(ipHeaderLength(datagram.family));
      expect(bytes.subarray(0, headerLength)).toEqual(expected.subarray(0, headerLength));
    }
  });

  it('by default allows no fragmentation, and has a right checksum', () => {
    const header = new IpHeader(v4.source, v4.destination, IpProtocol.TCP);
    header.payloadLength = 1000;
    const bytes = new Uint8Array(20).fill(0xff);
    emitIpHeader(bytes, 0, header);
    expect(verifyIpv4Checksum(bytes, 0, 20)).toBe(true);
    const packet = read(bytes, 20, 1020);
    expect(packet).toMatchObject({
      dontFragment: true,
      hopLimit: 64,
      identification: 0,
      payloadLength: 1000,
    });
    const { source, destination, protocol } = v4;
    const bare = { source, destination, protocol, payloadLength: 1000, hopLimit: 64 };
    const again = new Uint8Array(20);
    emitIpHeader(again, 0, bare);
    expect(again).toEqual(bytes);
  });
});

describe('emitDatagram', () => {
  it.each([
    ['more options than a header holds', { ...v4, options: [{ type: 7, body: new Uint8Array(39) }] }],
    ['a fragment offset between two units', { ...v4, fragmentOffset: 4 }],
    ['addresses of two families', { ...v4, destination: v6.destination }],
    ['more bytes than a length field counts', { ...v4, payload: new Uint8Array(0xffff) }],
    [
      'a routing header of odd length',
      { ...v6, extensions: [{ kind: 'routing', routingType: 4, segmentsLeft: 0, body: new Uint8Array(5) }] },
    ],
  ] as [string, IpDatagram][])('refuses %s', (_what, datagram) => {
    const bytes = new Uint8Array(70_000);
    expect(() => emitDatagram(datagram, bytes, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_DATAGRAM' }),
    );
  });
});
