/** Whatever value can be written is read back the same, for every format with a value form. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseError } from '../base/index.js';
import { IpAddress } from './address.js';
import { pseudoHeaderSum, verifyIpv4Checksum, verifyTcpChecksum } from './checksum.js';
import { emitIcmp, icmpLength, parseIcmp, verifyIcmpChecksum } from './icmp.js';
import type { IcmpMessage } from './icmp-types.js';
import { datagramLength, emitDatagram, parseDatagram } from './ip-datagram.js';
import type { IpDatagram } from './ip-datagram.js';
import type { Ipv6Extension } from './ip-extension.js';
import { emitMptcpOption, mptcpOptionLength, parseMptcpOption } from './mptcp-option.js';
import type { MptcpOption } from './mptcp-types.js';
import { emitTcpOptions, parseTcpOptions, tcpOptionsLength } from './tcp-option.js';
import type { TcpOption } from './tcp-option.js';
import { emitTcp, parseTcpPacket, tcpPacketLength } from './tcp-packet.js';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0x8000_0000, 0xffff_ffff));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const v4 = u32.map((d) => new IpAddress(4, 0, 0, 0, d));
const v6 = fc.tuple(u32, u32, u32, u32).map(([a, b, c, d]) => new IpAddress(6, a, b, c, d));

const dataNumber = fc.oneof(
  fc.record({ value: u64, bits: fc.constant(64 as const) }),
  fc.record({ value: u32.map(BigInt), bits: fc.constant(32 as const) }),
);

const mpCapable = fc.oneof(
  fc.record({ version: fc.integer({ min: 1, max: 15 }), flags: u8 }),
  fc.record({ version: fc.nat(15), flags: u8, senderKey: u64 }),
  fc.record({ version: fc.nat(15), flags: u8, senderKey: u64, receiverKey: u64 }),
  fc.record(
    {
      version: fc.integer({ min: 1, max: 15 }),
      flags: u8,
      senderKey: u64,
      receiverKey: u64,
      dataLength: u16,
      checksum: u16,
    },
    { requiredKeys: ['version', 'flags', 'senderKey', 'receiverKey', 'dataLength'] },
  ),
);

const mpJoin = fc.oneof(
  fc.record({ phase: fc.constant('syn'), backup: fc.boolean(), addressId: u8, token: u32, nonce: u32 }),
  fc.record({
    phase: fc.constant('synack'),
    backup: fc.boolean(),
    addressId: u8,
    hmac: bytesOf(8),
    nonce: u32,
  }),
  fc.record({ phase: fc.constant('ack'), hmac: bytesOf(20) }),
);

const dss = fc.record(
  {
    dataFin: fc.boolean(),
    dataAck: dataNumber,
    mapping: fc.record(
      { dataSeq: dataNumber, subflowSeq: u32, dataLength: u16, checksum: u16 },
      { requiredKeys: ['dataSeq', 'subflowSeq', 'dataLength'] },
    ),
  },
  { requiredKeys: ['dataFin'] },
);

const announcement = { addressId: u8, address: fc.oneof(v4, v6), port: u16 };
const addAddr = fc.oneof(
  fc.record(
    { version: fc.constant(0), echo: fc.constant(false), ...announcement },
    { requiredKeys: ['version', 'echo', 'addressId', 'address'] },
  ),
  fc.record(
    { version: fc.constant(1), echo: fc.boolean(), ...announcement },
    { requiredKeys: ['version', 'echo', 'addressId', 'address'] },
  ),
  fc.record(
    { version: fc.constant(1), echo: fc.constant(false), ...announcement, hmac: bytesOf(8) },
    { requiredKeys: ['version', 'echo', 'addressId', 'address', 'hmac'] },
  ),
);

const opaque = { nibble: fc.nat(15), body: fc.uint8Array({ maxLength: 37 }) };

function tagged(subtype: string, arbitrary: fc.Arbitrary<object>): fc.Arbitrary<MptcpOption> {
  return arbitrary.map((value) => ({ subtype, ...value }) as unknown as MptcpOption);
}

const mptcpOptions: Record<string, fc.Arbitrary<MptcpOption>> = {
  MP_CAPABLE: tagged('MP_CAPABLE', mpCapable),
  MP_JOIN: tagged('MP_JOIN', mpJoin),
  DSS: tagged('DSS', dss),
  ADD_ADDR: tagged('ADD_ADDR', addAddr),
  REMOVE_ADDR: tagged(
    'REMOVE_ADDR',
    fc.record({ addressIds: fc.array(u8, { minLength: 1, maxLength: 37 }) }),
  ),
  MP_PRIO: tagged(
    'MP_PRIO',
    fc.record({ backup: fc.boolean(), addressId: u8 }, { requiredKeys: ['backup'] }),
  ),
  MP_FAIL: tagged('MP_FAIL', fc.record({ dataSeq: u64 })),
  MP_FASTCLOSE: tagged('MP_FASTCLOSE', fc.record({ receiverKey: u64 })),
  MP_TCPRST: tagged('MP_TCPRST', fc.record({ flags: fc.nat(15), reason: u8 })),
  MP_EXPERIMENTAL: tagged('MP_EXPERIMENTAL', fc.record(opaque)),
  UNKNOWN: tagged('UNKNOWN', fc.record({ code: fc.integer({ min: 9, max: 14 }), ...opaque })),
};
const anyMptcpOption = fc.oneof(...Object.values(mptcpOptions));

describe.each(Object.keys(mptcpOptions))('the MPTCP option %s', (name) => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(mptcpOptions[name]!, fc.nat(3), (option, offset) => {
        const bytes = new Uint8Array(48).fill(0xee);
        const length = emitMptcpOption(option, bytes, offset);
        expect(length).toBe(mptcpOptionLength(option));
        expect(bytes.subarray(offset + length).every((byte) => byte === 0xee)).toBe(true);
        expect(parseMptcpOption(bytes, offset, length)).toEqual({ ok: true, value: option });
      }),
    );
  });
});

const cookie = fc.integer({ min: 2, max: 8 }).chain((half) => bytesOf(half * 2));
const unknownNumber = u8.filter((number) => ![0, 1, 2, 3, 4, 5, 8, 30, 34, 254].includes(number));
const tcpOption = fc.oneof(
  fc.constant({ kind: 'nop' }),
  fc.record({ kind: fc.constant('mss'), mss: u16 }),
  fc.record({ kind: fc.constant('window-scale'), shift: u8 }),
  fc.constant({ kind: 'sack-permitted' }),
  fc.record({
    kind: fc.constant('sack'),
    blocks: fc.array(fc.record({ left: u32, right: u32 }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('timestamps'), tsVal: u32, tsEcr: u32 }),
  fc.record({
    kind: fc.constant('fast-open'),
    cookie: fc.oneof(fc.constant(new Uint8Array(0)), cookie),
    experimental: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('mptcp'), option: anyMptcpOption }),
  fc.record({ kind: fc.constant('unknown'), number: unknownNumber, body: fc.uint8Array({ maxLength: 12 }) }),
  // What follows cannot be: a window scale of no bytes.
  fc.constant({
    kind: 'malformed',
    number: 3,
    body: new Uint8Array(0),
    error: parseError('bad-length', 1, 'option 3 cannot be 2 bytes'),
  }),
) as fc.Arbitrary<TcpOption>;

const tcpOptions = fc.array(tcpOption, { maxLength: 6 }).map((options) => {
  const kept = options.slice();
  while (tcpOptionsLength(kept) > 40) kept.pop();
  return kept;
});

describe('TCP', () => {
  it('options are read back as they were written', () => {
    fc.assert(
      fc.property(tcpOptions, (options) => {
        const bytes = new Uint8Array(40).fill(0xee);
        const length = emitTcpOptions(options, bytes, 0);
        expect(length % 4).toBe(0);
        expect(parseTcpOptions(bytes, 0, length)).toEqual({ options });
      }),
      { numRuns: 500 },
    );
  });

  it('segments are read back as they were written, with a right checksum', () => {
    const packet = fc.record({
      sourcePort: u16,
      destinationPort: u16,
      seq: u32,
      ack: u32,
      flags: u8,
      reservedBits: fc.nat(15),
      window: u16,
      urgentPointer: u16,
      options: tcpOptions,
      payload: fc.uint8Array({ maxLength: 64 }),
    });
    fc.assert(
      fc.property(packet, v4, v4, (value, source, destination) => {
        const length = tcpPacketLength(value);
        const bytes = new Uint8Array(length);
        const sum = pseudoHeaderSum(source, destination, 6, length);
        expect(emitTcp(value, bytes, 0, sum)).toBe(length);
        expect(verifyTcpChecksum(bytes, 0, length, sum)).toBe(true);
        expect(parseTcpPacket(bytes, 0, length)).toEqual({ ok: true, value });
      }),
    );
  });
});

const ipOption = fc.record({
  type: fc.integer({ min: 2, max: 255 }),
  body: fc.uint8Array({ maxLength: 9 }),
});
const extension = fc.oneof(
  fc.record({
    kind: fc.constant('destination-options'),
    options: fc.array(ipOption, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('routing'),
    routingType: u8,
    segmentsLeft: u8,
    body: fc.constantFrom(4, 20).chain(bytesOf),
  }),
  fc.record({
    kind: fc.constant('fragment'),
    fragmentOffset: fc.constant(0),
    moreFragments: fc.boolean(),
    identification: u32,
  }),
  fc.record({ kind: fc.constant('authentication'), body: fc.constantFrom(4, 12, 20).chain(bytesOf) }),
) as fc.Arbitrary<Ipv6Extension>;
const hopByHop = fc
  .array(ipOption, { maxLength: 3 })
  .map((options): Ipv6Extension[] => [{ kind: 'hop-by-hop', options }]);
const extensions = fc
  .tuple(fc.oneof(fc.constant<Ipv6Extension[]>([]), hopByHop), fc.array(extension, { maxLength: 3 }))
  .map(([first, rest]) => [...first, ...rest]);

const common = {
  protocol: fc.constantFrom(1, 6, 17, 50, 58, 59),
  hopLimit: u8,
  dscpEcn: u8,
  payload: fc.uint8Array({ maxLength: 64 }),
};
const datagram = fc.oneof(
  fc.record({
    family: fc.constant(4 as const),
    source: v4,
    destination: v4,
    ...common,
    identification: u16,
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.nat(0x1fff).map((units) => units * 8),
    options: fc.array(ipOption, { maxLength: 3 }),
  }),
  fc.record({
    family: fc.constant(6 as const),
    source: v6,
    destination: v6,
    ...common,
    flowLabel: fc.nat(0xf_ffff),
    extensions,
  }),
) as fc.Arbitrary<IpDatagram>;

describe('IP packets', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(datagram, fc.nat(3), (value, offset) => {
        const length = datagramLength(value);
        const bytes = new Uint8Array(length + 8).fill(0xee);
        expect(emitDatagram(value, bytes, offset)).toBe(length);
        expect(bytes[offset + length]).toBe(0xee);
        if (value.family === 4) {
          expect(verifyIpv4Checksum(bytes, offset, (bytes[offset]! & 15) * 4)).toBe(true);
        }
        expect(parseDatagram(bytes, offset, length)).toEqual({ ok: true, value });
      }),
      { numRuns: 500 },
    );
  });
});

const quotation = {
  code: u8,
  quotedBytes: fc.uint8Array({ maxLength: 40 }),
};
const extended = {
  code: u8,
  quotedBytes: fc.constantFrom(128, 256).chain(bytesOf),
  extensions: fc.uint8Array({ minLength: 1, maxLength: 16 }),
};
const echo = {
  type: fc.constantFrom('echo-request', 'echo-reply'),
  identifier: u16,
  sequence: u16,
  payload: fc.uint8Array({ maxLength: 40 }),
};
const bothFamilies = [
  fc.record(echo),
  fc.record({ type: fc.constant('time-exceeded'), ...quotation }),
  fc.record({ type: fc.constant('time-exceeded'), ...extended }),
  fc.record({ type: fc.constant('unreachable'), ...quotation, code: fc.constantFrom(0, 1, 3) }),
  fc.record({ type: fc.constant('unreachable'), ...extended, code: fc.constantFrom(0, 1, 3) }),
];
const icmp4 = fc.oneof(
  ...bothFamilies,
  fc.record({ type: fc.constant('unreachable'), ...quotation, code: fc.constant(4), mtuBytes: u16 }),
  fc.record({ type: fc.constant('parameter-problem'), ...quotation, pointer: u8 }),
  fc.record({ type: fc.constant('unknown'), number: fc.constantFrom(4, 5, 13), code: u8, body: bytesOf(12) }),
) as fc.Arbitrary<IcmpMessage>;
const icmp6 = fc.oneof(
  ...bothFamilies,
  fc.record({ type: fc.constant('packet-too-big'), ...quotation, mtuBytes: u32 }),
  fc.record({ type: fc.constant('parameter-problem'), ...quotation, pointer: u32 }),
  fc.record({
    type: fc.constant('unknown'),
    number: fc.constantFrom(0, 130, 135),
    code: u8,
    body: bytesOf(12),
  }),
) as fc.Arbitrary<IcmpMessage>;

describe.each([4, 6] as const)('ICMP for IPv%d', (family) => {
  it('is read back as it was written, with a right checksum', () => {
    fc.assert(
      fc.property(family === 4 ? icmp4 : icmp6, fc.nat(0xffff), (message, pseudoSum) => {
        const length = icmpLength(message);
        const bytes = new Uint8Array(length).fill(0xee);
        expect(emitIcmp(message, family, bytes, 0, pseudoSum)).toBe(length);
        expect(verifyIcmpChecksum(bytes, 0, length, pseudoSum)).toBe(true);
        const result = parseIcmp(bytes, 0, length, family);
        expect(result).toMatchObject({ ok: true, value: message });
      }),
    );
  });
});
