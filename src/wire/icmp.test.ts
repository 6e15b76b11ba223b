import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { emitIcmp, icmpLength, isIcmpError, parseIcmp, reportedMtu } from './icmp.js';
import { IcmpUnreachableCode } from './icmp-types.js';
import type { IcmpError, IcmpMessage } from './icmp-types.js';
import { datagramLength, emitDatagram } from './ip-datagram.js';
import type { Ipv4Datagram, Ipv6Datagram } from './ip-datagram.js';
import { IpProtocol } from './ip-packet.js';
import { emitTcp, tcpPacketLength } from './tcp-packet.js';
import { TcpFlag } from './tcp-segment.js';

const packet = {
  sourcePort: 40_000,
  destinationPort: 443,
  seq: 0xdead_beef,
  ack: 1,
  flags: TcpFlag.ACK,
  window: 1,
  options: [],
  payload: new Uint8Array(1000),
};
const segment = new Uint8Array(tcpPacketLength(packet));
emitTcp(packet, segment, 0, 0);

const v4: Ipv4Datagram = {
  family: 4,
  source: IpAddress.parse('10.0.0.1')!,
  destination: IpAddress.parse('10.0.0.2')!,
  protocol: IpProtocol.TCP,
  hopLimit: 3,
  dscpEcn: 0,
  identification: 0,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  options: [],
  payload: segment,
};
const v6: Ipv6Datagram = {
  family: 6,
  source: IpAddress.parse('2001:db8::1')!,
  destination: IpAddress.parse('2001:db8::2')!,
  protocol: IpProtocol.TCP,
  hopLimit: 3,
  dscpEcn: 0,
  flowLabel: 0,
  extensions: [],
  payload: segment,
};

function emit(datagram: Ipv4Datagram | Ipv6Datagram): Uint8Array {
  const bytes = new Uint8Array(datagramLength(datagram));
  emitDatagram(datagram, bytes, 0);
  return bytes;
}

function roundTrip(message: IcmpMessage, family: 4 | 6): IcmpMessage {
  const bytes = new Uint8Array(icmpLength(message));
  emitIcmp(message, family, bytes, 0, 0);
  const result = parseIcmp(bytes, 0, bytes.length, family);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

/** What an error says of the packet it quotes `length` bytes of. */
function quoted(datagram: Ipv4Datagram | Ipv6Datagram, length: number): IcmpError['quoted'] {
  const quotedBytes = emit(datagram).subarray(0, length);
  const message = roundTrip({ type: 'time-exceeded', code: 0, quotedBytes }, datagram.family);
  return isIcmpError(message) ? message.quoted : undefined;
}

describe('the quoted packet', () => {
  it('is known by its addresses, ports and sequence number from 8 bytes of TCP', () => {
    expect(quoted(v4, 28)).toMatchObject({
      family: 4,
      protocol: 6,
      totalLength: 1040,
      hopLimit: 3,
      headerLength: 20,
      sourcePort: 40_000,
      destinationPort: 443,
      seq: 0xdead_beef,
    });
    expect(String(quoted(v4, 28)!.source)).toBe('10.0.0.1');
    expect(quoted(v6, 48)).toMatchObject({ family: 6, totalLength: 1060, seq: 0xdead_beef });
    expect(String(quoted(v6, 48)!.destination)).toBe('2001:db8::2');
  });

  it('is found behind IPv6 extension headers', () => {
    const extensions = [{ kind: 'destination-options', options: [] }] as const;
    expect(quoted({ ...v6, extensions }, 56)).toMatchObject({ headerLength: 48, seq: 0xdead_beef });
  });

  it('has ports but no sequence number when it is UDP', () => {
    const udp = quoted({ ...v4, protocol: IpProtocol.UDP }, 28);
    expect(udp).toMatchObject({ sourcePort: 40_000, destinationPort: 443 });
    expect(udp).not.toHaveProperty('seq');
  });

  it('has no ports when they are cut off, in a later fragment, or of another protocol', () => {
    for (const partial of [
      quoted(v4, 27),
      quoted({ ...v4, fragmentOffset: 8 }, 100),
      quoted({ ...v4, protocol: IpProtocol.ESP }, 100),
    ]) {
      expect(partial).toHaveProperty('protocol');
      expect(partial).not.toHaveProperty('sourcePort');
    }
  });

  it('is none when its header is cut, or of the other family', () => {
    expect(quoted(v4, 19)).toBeUndefined();
    expect(quoted(v6, 39)).toBeUndefined();
    const message = roundTrip({ type: 'time-exceeded', code: 0, quotedBytes: emit(v6) }, 4);
    expect(isIcmpError(message) && message.quoted).toBeUndefined();
  });

  it('ends where extensions begin', () => {
    const quotedBytes = emit(v4).slice(0, 128);
    const extensions = Uint8Array.from([0x20, 0, 0, 0, 0, 8, 1, 1, 0, 0, 1, 1]);
    for (const family of [4, 6] as const) {
      const message = roundTrip({ type: 'time-exceeded', code: 0, quotedBytes, extensions }, family);
      expect(message).toMatchObject({ quotedBytes, extensions });
    }
  });
});

describe('the reported MTU', () => {
  const quotedBytes = emit(v4).subarray(0, 28);
  const tooBig = { code: IcmpUnreachableCode.FRAGMENTATION_NEEDED, quotedBytes };

  it('comes from either family', () => {
    expect(reportedMtu(roundTrip({ type: 'unreachable', ...tooBig, mtuBytes: 1400 }, 4))).toBe(1400);
    expect(reportedMtu(roundTrip({ type: 'packet-too-big', code: 0, quotedBytes, mtuBytes: 1280 }, 6))).toBe(
      1280,
    );
  });

  it('is unknown from an old router, and of any other message', () => {
    expect(reportedMtu(roundTrip({ type: 'unreachable', ...tooBig, mtuBytes: 0 }, 4))).toBeUndefined();
    expect(reportedMtu(roundTrip({ type: 'unreachable', code: 1, quotedBytes }, 4))).toBeUndefined();
    expect(reportedMtu(roundTrip({ type: 'time-exceeded', code: 0, quotedBytes }, 4))).toBeUndefined();
  });
});

describe('messages', () => {
  it('have the numbers of their family', () => {
    const echo = { type: 'echo-request', identifier: 7, sequence: 9, payload: new Uint8Array(3) } as const;
    const bytes = new Uint8Array(16);
    emitIcmp(echo, 4, bytes, 0, 0);
    expect(Array.from(bytes.subarray(0, 2))).toEqual([8, 0]);
    emitIcmp(echo, 6, bytes, 0, 0);
    expect(Array.from(bytes.subarray(0, 2))).toEqual([128, 0]);
    expect(roundTrip({ ...echo, type: 'echo-reply' }, 6)).toEqual({ ...echo, type: 'echo-reply' });
  });

  it('shorter than a header are refused', () => {
    expect(parseIcmp(new Uint8Array(7), 0, 7, 4)).toMatchObject({ ok: false, code: 'truncated', offset: 7 });
  });

  it.each([
    ['packet-too-big in IPv4', { type: 'packet-too-big', code: 0, mtuBytes: 1280, quotedBytes: segment }, 4],
    [
      'extensions behind a short quotation',
      { type: 'time-exceeded', code: 0, quotedBytes: new Uint8Array(28), extensions: new Uint8Array(8) },
      4,
    ],
    [
      'extensions that the type does not have',
      {
        type: 'packet-too-big',
        code: 0,
        mtuBytes: 1280,
        quotedBytes: new Uint8Array(128),
        extensions: new Uint8Array(8),
      },
      6,
    ],
  ] as [string, IcmpMessage, 4 | 6][])('cannot be written with %s', (_what, message, family) => {
    expect(() => emitIcmp(message, family, new Uint8Array(2000), 0, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_ICMP' }),
    );
  });
});
