import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDissection, findField, outline } from '../../../test/support/dissection-rules.js';
import { LinkType, readCapture } from '../../capture/index.js';
import {
  emitDatagram,
  datagramLength,
  IpAddress,
  emitMptcpOption,
  mptcpOptionLength,
} from '../../wire/index.js';
import type { MptcpOption } from '../../wire/index.js';
import { dissect } from './index.js';
import type { DissectedField, Dissection } from './index.js';

const vectors = join(import.meta.dirname, '..', '..', 'wire', 'vectors');
const captures = join(import.meta.dirname, '..', '..', 'capture', 'fixtures');
const linux = (
  JSON.parse(readFileSync(join(vectors, 'linux-v1.json'), 'utf8')) as { packets: string[] }
).packets.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));

function fixture(name: string): { bytes: Uint8Array; linkType: number }[] {
  const { packets } = readCapture(new Uint8Array(readFileSync(join(captures, name))));
  return packets.map((packet) => ({ bytes: packet.data(), linkType: packet.linkType }));
}

/** A raw IPv4 packet with a TCP header of these options. */
function tcpPacket(options: readonly number[], flags = 0x10, payload: readonly number[] = []): Uint8Array {
  const words = Math.ceil(options.length / 4);
  const padding = new Array<number>(words * 4 - options.length).fill(0);
  const fixed = [0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, (5 + words) << 4, flags, 0xff, 0xff, 0, 0, 0, 0];
  return ipPacket(6, [...fixed, ...options, ...padding, ...payload]);
}

function ipPacket(protocol: number, content: readonly number[]): Uint8Array {
  const datagram = {
    family: 4,
    source: IpAddress.parse('10.0.0.1')!,
    destination: IpAddress.parse('10.0.0.2')!,
    protocol,
    hopLimit: 64,
    dscpEcn: 0,
    identification: 7,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    options: [],
    payload: Uint8Array.from(content),
  } as const;
  const bytes = new Uint8Array(datagramLength(datagram));
  emitDatagram(datagram, bytes, 0);
  return bytes;
}

function withMptcp(option: MptcpOption): Uint8Array {
  const bytes = new Uint8Array(mptcpOptionLength(option));
  emitMptcpOption(option, bytes, 0);
  return tcpPacket([...bytes]);
}

function dissected(bytes: Uint8Array, linkType: number = LinkType.RAW): Dissection {
  const dissection = dissect(bytes, linkType);
  checkDissection(bytes, dissection);
  return dissection;
}

/** `name: value` of the fields of an option, kind and length left out; flags within flags follow them if they are set. */
function contentOf(dissection: Dissection, option: string): string[] {
  const line = ({ name, value, fields }: DissectedField): string[] => [
    `${name}: ${value}`,
    ...(fields ?? []).filter((inner) => inner.value === 'set').map((inner) => `  ${inner.name}`),
  ];
  return findField(dissection, option)!.fields!.slice(2).flatMap(line);
}

describe('a packet of a real exchange', () => {
  it('is taken apart to the last field, as the record shows it', async () => {
    const text = linux
      .slice(0, 14)
      .map((bytes) => outline(dissected(bytes)))
      .join('\n\n');
    await expect(`${text}\n`).toMatchFileSnapshot('fixtures/linux-v1.txt');
  });

  it.each(readdirSync(captures).filter((name) => /\.pcap(ng)?$/.test(name)))(
    'has its TCP header found in %s, whatever the link header',
    (name) => {
      const packets = fixture(name);
      const layers = packets.flatMap(({ bytes, linkType }) => dissected(bytes, linkType).layers);
      expect(packets.length).toBeGreaterThan(0);
      expect(layers.filter((layer) => layer.name === 'TCP')).toHaveLength(packets.length);
    },
  );

  it.each([
    ['vlan.pcap', ['Ethernet', 'VLAN tag', 'IPv4', 'TCP']],
    ['big-endian-qinq.pcap', ['Ethernet', 'VLAN tag', 'VLAN tag', 'IPv4', 'TCP']],
    ['editcap-sll.pcap', ['Linux cooked capture', 'IPv4', 'TCP']],
    ['tcpdump-sll2.pcap', ['Linux cooked capture 2', 'IPv4', 'TCP']],
    ['null.pcap', ['loopback', 'IPv4', 'TCP']],
    ['loop.pcap', ['loopback', 'IPv4', 'TCP']],
    ['editcap-raw6.pcapng', ['IPv6', 'TCP']],
  ])('of %s has its layers in the order of the bytes', (name, expected) => {
    const [{ bytes, linkType }] = fixture(name) as [{ bytes: Uint8Array; linkType: number }];
    expect(dissected(bytes, linkType).layers.map((layer) => layer.name)).toEqual(expected);
  });

  it('that the capture cut gives what is there, and says what is missing', () => {
    const cut = fixture('tcpdump-snapped.pcap').map(({ bytes, linkType }) => dissected(bytes, linkType));
    for (const dissection of cut) {
      expect(dissection.problem).toBe('the TCP options are cut short');
      expect(findField(dissection, 'options')!.fields!.length).toBeGreaterThan(0);
    }
    const short = dissected(tcpPacket([], 0x18, [1, 2, 3]).slice(0, -1));
    expect(short.problem).toBe('the capture has 2 of 3 bytes of payload');
  });
});

describe('an option of Multipath TCP', () => {
  const address = IpAddress.parse('192.0.2.7')!;
  const hmac = Uint8Array.from({ length: 20 }, (_, i) => i);
  it.each<[string, MptcpOption, string[]]>([
    [
      'MP_CAPABLE of version 0 with a key in the SYN (RFC 6824 §3.1)',
      { subtype: 'MP_CAPABLE', version: 0, flags: 0x81, senderKey: 0x0102030405060708n },
      [
        'subtype: MP_CAPABLE (0)',
        'version: 0',
        'flags: A, H',
        '  A, checksum required',
        '  H, algorithm',
        "sender's key: 0x0102030405060708",
      ],
    ],
    [
      'MP_CAPABLE with the first data (RFC 8684 §3.1)',
      {
        subtype: 'MP_CAPABLE',
        version: 1,
        flags: 0x21,
        senderKey: 1n,
        receiverKey: 2n,
        dataLength: 1400,
        checksum: 7,
      },
      [
        'subtype: MP_CAPABLE (0)',
        'version: 1',
        'flags: C, H',
        '  C, no joins to this address',
        '  H, algorithm',
        "sender's key: 0x0000000000000001",
        "receiver's key: 0x0000000000000002",
        'data-level length: 1,400 bytes',
        'checksum: 0x0007',
      ],
    ],
    [
      'MP_JOIN in a SYN (RFC 8684 §3.2)',
      { subtype: 'MP_JOIN', phase: 'syn', backup: true, addressId: 3, token: 0xdeadbeef, nonce: 5 },
      [
        'subtype: MP_JOIN (1)',
        'reserved: 0',
        'B, backup: set',
        'address ID: 3',
        'token: 0xdeadbeef',
        'random number: 0x00000005',
      ],
    ],
    [
      'MP_JOIN in a SYN+ACK (RFC 8684 §3.2)',
      { subtype: 'MP_JOIN', phase: 'synack', backup: false, addressId: 4, hmac: hmac.slice(0, 8), nonce: 6 },
      [
        'subtype: MP_JOIN (1)',
        'reserved: 0',
        'B, backup: not set',
        'address ID: 4',
        'HMAC: 0x0001020304050607',
        'random number: 0x00000006',
      ],
    ],
    [
      'MP_JOIN in the third packet (RFC 8684 §3.2)',
      { subtype: 'MP_JOIN', phase: 'ack', hmac },
      [
        'subtype: MP_JOIN (1)',
        'reserved: 0',
        'reserved: 0',
        'HMAC: 0x000102030405060708090a0b0c0d0e0f10111213',
      ],
    ],
    [
      'a DSS with all its fields (RFC 8684 §3.3)',
      {
        subtype: 'DSS',
        dataFin: true,
        dataAck: { value: 9n, bits: 64 },
        mapping: { dataSeq: { value: 10n, bits: 32 }, subflowSeq: 11, dataLength: 12, checksum: 13 },
      },
      [
        'subtype: DSS (2)',
        'reserved: 0',
        'flags: F, M, a, A',
        '  F, DATA_FIN',
        '  M, mapping',
        '  a, long DATA_ACK',
        '  A, DATA_ACK',
        'DATA_ACK: 9',
        'data sequence number: 10',
        'subflow sequence number: 11',
        'data-level length: 12 bytes',
        'checksum: 0x000d',
      ],
    ],
    [
      'an infinite mapping (RFC 8684 §3.7)',
      {
        subtype: 'DSS',
        dataFin: false,
        mapping: { dataSeq: { value: 10n, bits: 64 }, subflowSeq: 11, dataLength: 0 },
      },
      [
        'subtype: DSS (2)',
        'reserved: 0',
        'flags: m, M',
        '  m, long data sequence number',
        '  M, mapping',
        'data sequence number: 10',
        'subflow sequence number: 11',
        'data-level length: infinite (0)',
      ],
    ],
    [
      'ADD_ADDR with a port and its proof (RFC 8684 §3.4.1)',
      {
        subtype: 'ADD_ADDR',
        version: 1,
        echo: false,
        addressId: 2,
        address,
        port: 443,
        hmac: hmac.slice(0, 8),
      },
      [
        'subtype: ADD_ADDR (3)',
        'reserved: 0',
        'E, echo: not set',
        'address ID: 2',
        'address: 192.0.2.7',
        'port: 443',
        'HMAC: 0x0001020304050607',
      ],
    ],
    [
      'ADD_ADDR of version 0 (RFC 6824 §3.4.1)',
      { subtype: 'ADD_ADDR', version: 0, echo: false, addressId: 2, address },
      ['subtype: ADD_ADDR (3)', 'IP version: 4', 'address ID: 2', 'address: 192.0.2.7'],
    ],
    [
      'REMOVE_ADDR of several addresses (RFC 8684 §3.4.2)',
      { subtype: 'REMOVE_ADDR', addressIds: [2, 9] },
      ['subtype: REMOVE_ADDR (4)', 'reserved: 0', 'address ID: 2', 'address ID: 9'],
    ],
    [
      'MP_PRIO with an address, as version 0 has it (RFC 6824 §3.3.8)',
      { subtype: 'MP_PRIO', backup: true, addressId: 2 },
      ['subtype: MP_PRIO (5)', 'reserved: 0', 'B, backup: set', 'address ID: 2'],
    ],
    [
      'MP_FAIL (RFC 8684 §3.7)',
      { subtype: 'MP_FAIL', dataSeq: 77n },
      ['subtype: MP_FAIL (6)', 'reserved: 0', 'reserved: 0', 'data sequence number: 77'],
    ],
    [
      'MP_FASTCLOSE (RFC 8684 §3.5)',
      { subtype: 'MP_FASTCLOSE', receiverKey: 0xabn },
      ['subtype: MP_FASTCLOSE (7)', 'reserved: 0', 'reserved: 0', "receiver's key: 0x00000000000000ab"],
    ],
    [
      'MP_TCPRST (RFC 8684 §3.6)',
      { subtype: 'MP_TCPRST', flags: 1, reason: 3 },
      ['subtype: MP_TCPRST (8)', 'U: not set', 'V: not set', 'W: not set', 'T, transient: set', 'reason: 3'],
    ],
    [
      'MP_EXPERIMENTAL (RFC 8684 §7.2)',
      { subtype: 'MP_EXPERIMENTAL', nibble: 2, body: Uint8Array.of(1, 2) },
      ['subtype: MP_EXPERIMENTAL (15)', 'reserved: 2', 'content: 0x0102'],
    ],
  ])('%s is shown field by field', (_, option, expected) => {
    expect(contentOf(dissected(withMptcp(option)), option.subtype)).toEqual(expected);
  });

  it('names in the line of its header what it is', () => {
    const { layers } = dissected(withMptcp({ subtype: 'REMOVE_ADDR', addressIds: [2] }));
    expect(layers[1]!.summary).toBe('1234 → 80, ACK, REMOVE_ADDR');
  });

  it('says where its meaning is laid down, and each of its fields does', () => {
    const option = findField(dissected(withMptcp({ subtype: 'MP_FAIL', dataSeq: 77n })), 'MP_FAIL')!;
    expect(option.source).toBe('RFC 8684 §3.7');
    expect(option.fields!.map(({ source }) => source)).not.toContain(undefined);
  });

  it('whose length fits nothing is shown as malformed, with what it holds', () => {
    const { layers, problem } = dissected(tcpPacket([30, 5, 0x10, 1, 2]));
    const field = findField({ layers, problem }, 'Multipath TCP')!;
    expect(field.value).toBe('cannot be read: MP_JOIN cannot be 5 bytes');
    expect(field.fields!.map(({ name }) => name)).toEqual([
      'kind',
      'length',
      'subtype',
      'reserved',
      'content',
    ]);
  });
});

describe('a header', () => {
  it('has every option of TCP taken apart, padding too', () => {
    const options = [
      2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 34, 6, 1, 2, 3, 4, 253, 3, 9, 0,
    ];
    const field = findField(dissected(tcpPacket(options, 0x02)), 'options')!;
    expect(field.fields!.map(({ name }) => name)).toEqual([
      'MSS',
      'window scale',
      'SACK permitted',
      'padding (NOP)',
      'timestamps',
      'Fast Open',
      'experiment 253',
      'end of the options',
    ]);
  });

  it('shows the blocks of a SACK with their edges', () => {
    const dissection = dissected(tcpPacket([5, 10, 0, 0, 1, 0, 0, 0, 2, 0]));
    expect(contentOf(dissection, 'SACK')).toEqual(['left edge: 256', 'right edge: 512']);
  });

  it('says of an option that is longer than what is left that it is', () => {
    const { layers, problem } = dissected(tcpPacket([30, 40, 0, 0]));
    expect(problem).toBe('the option Multipath TCP is longer than the header');
    expect(findField({ layers, problem }, 'Multipath TCP')!.length).toBe(4);
  });

  it('tells a right checksum from a wrong one and from one that a network card was to fill in', () => {
    const [syn] = linux as [Uint8Array];
    expect(findField(dissected(syn), 'checksum')!.value).toBe('0x1447, left to the network card');
    const damaged = syn.slice();
    damaged[50]! ^= 1;
    damaged[36]! ^= 1;
    expect(findField(dissected(damaged), 'checksum')!.value).toBe('0x1547, wrong');
    expect(findField(dissected(syn), 'header checksum')!.value).toBe('0x3dba, right');
    damaged[8]! ^= 1;
    expect(findField(dissected(damaged), 'header checksum')!.value).toBe('0x3dba, wrong');
  });

  it('is shown as far as the capture has it', () => {
    const [syn] = linux as [Uint8Array];
    const at = (length: number): Dissection => dissected(syn.slice(0, length));
    expect(at(62).problem).toBe('the TCP options are cut short');
    expect(findField(at(62), 'Multipath TCP')!.value).toBe('cut by the capture');
    expect(at(30).problem).toBe('the TCP header is cut short');
    expect(at(30).layers[1]!.fields.map(({ name }) => name)).toEqual([
      'source port',
      'destination port',
      'sequence number',
    ]);
    expect(at(10).layers[0]!.fields.at(-1)!.name).toBe('protocol');
    expect(at(0)).toEqual({ layers: [], problem: expect.stringContaining('cut short') as string });
  });
});

describe('what is no TCP', () => {
  it('is told in a few words: UDP', () => {
    const { layers, problem } = dissected(ipPacket(17, [0, 53, 0x30, 0x39, 0, 10, 0, 0, 1, 2]));
    expect(layers.map(({ name, summary }) => `${name}: ${summary}`).slice(1)).toEqual([
      'UDP: 53 → 12345',
      'payload: 2 bytes',
    ]);
    expect(problem).toBeNull();
  });

  it('is told in a few words: an ICMP error and what it quotes', () => {
    const quoted = tcpPacket([]).slice(0, 28);
    const { layers } = dissected(ipPacket(1, [3, 4, 0, 0, 0, 0, 5, 0xdc, ...quoted]));
    expect(layers[1]!.summary).toBe(
      'unreachable: TCP, 10.0.0.1 port 1234 → 10.0.0.2 port 80, sequence number 1',
    );
  });

  it('is told by its number', () => {
    expect(dissected(ipPacket(132, [1, 2, 3])).problem).toBe(
      'the packet carries SCTP, which is not read here',
    );
    const arp = Uint8Array.from([...new Array<number>(12).fill(2), 8, 6, 0, 1, 8, 0]);
    expect(dissected(arp, LinkType.ETHERNET).problem).toBe('the frame carries no IP but ARP (0x0806)');
    expect(dissected(arp, 4711)).toEqual({ layers: [], problem: 'link type 4711 is not known' });
  });

  it('is followed where it is another IP packet', () => {
    const { layers } = dissected(ipPacket(4, [...tcpPacket([])]));
    expect(layers.map(({ name }) => name)).toEqual(['IPv4', 'IPv4', 'TCP']);
  });
});

it('shows the extension headers of IPv6 one by one (RFC 8200 §4)', () => {
  const datagram = {
    family: 6,
    source: IpAddress.parse('2001:db8::1')!,
    destination: IpAddress.parse('2001:db8::2')!,
    protocol: 6,
    hopLimit: 9,
    dscpEcn: 0x02,
    flowLabel: 0x12345,
    extensions: [
      { kind: 'hop-by-hop', options: [] },
      { kind: 'routing', routingType: 4, segmentsLeft: 0, body: new Uint8Array(4) },
      { kind: 'fragment', fragmentOffset: 0, moreFragments: false, identification: 99 },
    ],
    payload: tcpPacket([]).slice(20),
  } as const;
  const bytes = new Uint8Array(datagramLength(datagram));
  emitDatagram(datagram, bytes, 0);
  const dissection = dissected(bytes);
  expect(dissection.layers.map(({ name }) => name)).toEqual([
    'IPv6',
    'hop-by-hop options',
    'routing header',
    'fragment header',
    'TCP',
  ]);
  expect(findField(dissection, 'ECN')!.value).toBe('ECT(0)');
  expect(findField(dissection, 'flow label')!.value).toBe('0x12345');
});

describe('any bytes', () => {
  const known = Object.values(LinkType);
  const frames = [
    ...linux.map((bytes) => ({ bytes, linkType: LinkType.RAW as number })),
    ...['vlan.pcap', 'tcpdump-sll2.pcap', 'editcap-sll.pcap', 'null.pcap'].flatMap(fixture),
  ];

  it('give fields within the frame that neither overlap nor stand outside of their parent', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
    const mutated = fc.tuple(fc.constantFrom(...frames), changes, fc.integer({ min: -60, max: 12 }));
    fc.assert(
      fc.property(mutated, ([frame, edits, grown]) => {
        const bytes = new Uint8Array(Math.max(0, frame.bytes.length + grown)).fill(0xa5);
        bytes.set(frame.bytes.subarray(0, bytes.length));
        for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
        dissected(bytes, frame.linkType);
      }),
      { numRuns: 1500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...known, 77), (bytes, linkType) => {
        dissected(bytes, linkType);
      }),
      { numRuns: 500 },
    );
  });
});
