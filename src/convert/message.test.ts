import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../wire/index.js';
import {
  convertLength,
  type ConvertMessage,
  convertReader,
  type ConvertTlv,
  emitConvert,
  MAX_CONVERT_BYTES,
  scanConvert,
} from './index.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const address = (text: string): IpAddress => IpAddress.parse(text)!;
const codeOf = (text: string): unknown => {
  const scan = scanConvert(hex(text));
  return scan.state === 'invalid' ? [scan.error.code, scan.error.offset] : scan.state;
};

/** Bytes worked out by hand from the figures of the RFC. */
const golden: readonly (readonly [string, string, ConvertMessage])[] = [
  ['no TLV (figure 13)', '01 01 22 63', { tlvs: [] }],
  ['Info (figure 15)', '01 02 2263  01 01 0000', { tlvs: [{ type: 'info' }] }],
  [
    'a base Connect, IPv4 mapped (figure 17)',
    '01 06 2263  0a 05 01bb  0000 0000 0000 0000 0000 ffff c633 6401',
    { tlvs: [{ type: 'connect', remote: { address: address('198.51.100.1'), port: 443 }, options: [] }] },
  ],
  [
    'an extended Connect over IPv6 (figures 18 and 19)',
    '01 08 2263  0a 07 0050  2001 0db8 0000 0000 0000 0000 0000 0001  1e 02 22 06 0102 0304',
    {
      tlvs: [
        {
          type: 'connect',
          remote: { address: address('2001:db8::1'), port: 80 },
          options: [
            { kind: 30, value: new Uint8Array(0) },
            { kind: 34, value: hex('01020304') },
          ],
        },
      ],
    },
  ],
  [
    'an Extended TCP Header (figure 20)',
    '01 03 2263  14 02 0000  0402 0101',
    { tlvs: [{ type: 'extended-tcp-header', options: hex('04020101') }] },
  ],
  [
    'Supported TCP Extensions, padded (figure 16)',
    '01 03 2263  15 02 0000  04 08 1e 00',
    { tlvs: [{ type: 'supported-tcp-extensions', kinds: [4, 8, 30] }] },
  ],
  [
    'a Cookie behind an Info (figure 21)',
    '01 05 2263  01 01 0000  16 03 0000  0123 4567 89ab cdef',
    { tlvs: [{ type: 'info' }, { type: 'cookie', cookie: hex('0123456789abcdef') }] },
  ],
  [
    'an Error that echoes (figure 23)',
    '01 04 2263  1e 03 01 00  01 01 22 63  01 01 00 00',
    { tlvs: [{ type: 'error', code: 1, value: hex('00 01012263 01010000') }] },
  ],
  [
    'Destination Unreachable with the code of the ICMP message (§6.2.8)',
    '01 02 2263  1e 01 61 03',
    { tlvs: [{ type: 'error', code: 97, value: Uint8Array.of(3) }] },
  ],
];

describe('a Convert message', () => {
  it.each(golden)('is read: %s', (_name, text, message) => {
    const bytes = hex(text);
    expect(scanConvert(bytes)).toEqual({ state: 'done', value: message, length: bytes.length });
  });

  it.each(golden)('is written: %s', (_name, text, message) => {
    expect(emitConvert(message)).toEqual(hex(text));
  });

  it('with a length of zero is told apart, for it resets (RFC 8803 §6.1)', () => {
    expect(codeOf('01 00 2263')).toEqual(['zero-length', 1]);
  });

  it.each([
    ['another version (§6.1)', '02 02 2263 0101 0000', 'bad-version', 0],
    ['another magic number (§6.1)', '01 02 2264 0101 0000', 'bad-magic', 2],
    ['a TLV of length zero (§6.2.1)', '01 02 2263 1e00 0000', 'bad-length', 5],
    ['a TLV that goes beyond the message (§9)', '01 02 2263 0102 0000', 'truncated', 5],
    ['a TLV that is there twice (§6.2.1)', '01 03 2263 0101 0000 0101 0000', 'repeated-tlv', 8],
    ['an unknown TLV that is there twice (§6.2.1)', '01 03 2263 c801 0000 c801 0000', 'repeated-tlv', 8],
    ['a TLV of type 0 (§6.2.2)', '01 02 2263 0001 0000', 'reserved-tlv', 4],
    ['an Info that is too long (§6.2.3)', '01 03 2263 0102 0000 00000000', 'bad-length', 5],
    ['an Info that is not zero (§6.2.3)', '01 02 2263 0101 0001', 'bad-padding', 6],
    ['a Connect without an address (§6.2.5)', '01 02 2263 0a01 0050', 'bad-length', 5],
    ['a Cookie whose zeros are none (§6.2.7)', '01 03 2263 1602 0100 01020304', 'bad-padding', 6],
    ['kind 2 among the supported ones (§6.2.4)', '01 03 2263 1502 0000 1e02 0000', 'bad-kind', 9],
    ['a zero among the supported kinds (§6.2.4)', '01 03 2263 1502 0000 1e00 0400', 'bad-kind', 9],
    ['a word of padding (§6.2.1)', '01 04 2263 1503 0000 1e00 0000 0000 0000', 'bad-padding', 9],
  ])('is refused: %s', (_name, text, code, offset) => {
    expect(codeOf(text)).toEqual([code, offset]);
  });

  const connect = '0a06 0050 00000000000000000000ffffc6336401';
  it.each([
    ['a TCP option of length 1', '1e01 0000', 'bad-option', 24],
    ['a TCP option beyond the field', '1e05 0000', 'bad-option', 24],
    ['padding that is not zero', '1e02 0001', 'bad-padding', 27],
  ])('is refused: %s (§6.2.5)', (_name, options, code, offset) => {
    expect(codeOf(`01 07 2263 ${connect} ${options}`)).toEqual([code, offset]);
  });

  it('with options of kinds 0 and 1 is read over them (§7.1)', () => {
    const scan = scanConvert(hex(`01 07 2263 ${connect} 0101 1e02`));
    expect(scan).toMatchObject({ value: { tlvs: [{ options: [{ kind: 30 }] }] } });
  });

  it('is not written with a TLV twice, listed kinds of 2, options without a length, or beyond 1020 bytes', () => {
    const info = { type: 'info' } as const;
    const remote = { address: address('198.51.100.1'), port: 1 };
    const cannot = { code: expect.stringMatching(/^ERR_SUBFLOW_BAD_/) as string };
    for (const tlvs of [
      [info, info],
      [{ type: 'supported-tcp-extensions', kinds: [2] }],
      [{ type: 'connect', remote, options: [{ kind: 1, value: new Uint8Array(0) }] }],
      [{ type: 'cookie', cookie: new Uint8Array(MAX_CONVERT_BYTES - 4) }],
    ] as const)
      expect(() => emitConvert({ tlvs }), JSON.stringify(tlvs)).toThrow(
        expect.objectContaining(cannot) as Error,
      );
  });
});

const block = (max: number): fc.Arbitrary<Uint8Array> =>
  fc.nat(max).chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words }));
const anyAddress = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => IpAddress.readV4(bytes, 0)),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => IpAddress.readV6(bytes, 0))
    .filter(({ mappedV4 }) => mappedV4 === undefined),
);
const anyTlv: fc.Arbitrary<ConvertTlv> = fc.oneof(
  fc.constant<ConvertTlv>({ type: 'info' }),
  fc.record<ConvertTlv & { type: 'connect' }>({
    type: fc.constant('connect'),
    remote: fc.record({ address: anyAddress, port: fc.nat(65_535) }),
    options: fc.array(
      fc.record({ kind: fc.integer({ min: 2, max: 255 }), value: fc.uint8Array({ maxLength: 12 }) }),
      { maxLength: 4 },
    ),
  }),
  block(10).map((options): ConvertTlv => ({ type: 'extended-tcp-header', options })),
  fc
    .array(fc.integer({ min: 3, max: 255 }), { maxLength: 20 })
    .map((kinds): ConvertTlv => ({ type: 'supported-tcp-extensions', kinds })),
  block(20).map((cookie): ConvertTlv => ({ type: 'cookie', cookie })),
  fc.tuple(fc.nat(255), fc.nat(255), block(20)).map(([code, first, more]): ConvertTlv => ({
    type: 'error',
    code,
    value: Uint8Array.of(first, ...more),
  })),
  fc
    .tuple(fc.integer({ min: 31, max: 255 }), fc.nat(65_535), block(5))
    .map(([number, first, more]): ConvertTlv => ({
      ...{ type: 'unknown', number },
      value: Uint8Array.of(first >> 8, first & 255, ...more),
    })),
);
const anyMessage = fc
  .uniqueArray(anyTlv, { selector: (tlv) => (tlv.type === 'unknown' ? tlv.number : tlv.type), maxLength: 5 })
  .map((tlvs): ConvertMessage => ({ tlvs }));

describe('any Convert message', () => {
  it('comes back as it was written, whatever follows and however it is cut', () => {
    fc.assert(
      fc.property(
        anyMessage,
        fc.uint8Array({ maxLength: 9 }),
        fc.integer({ min: 1, max: 40 }),
        (message, data, step) => {
          const bytes = emitConvert(message);
          expect(bytes.length).toBe(convertLength(message));
          const stream = Uint8Array.of(...bytes, ...data);
          const reader = convertReader();
          let at = 0;
          for (;;) {
            const read = reader.read(stream.subarray(at, at + step));
            at += step;
            if (read.state === 'more') continue;
            expect(read).toMatchObject({ state: 'message', value: message });
            if (read.state === 'message') expect([...read.rest, ...stream.subarray(at)]).toEqual([...data]);
            return;
          }
        },
      ),
    );
  });

  it('that was read is written as the same bytes, but for what receivers ignore', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.nat(255), (message, where, value) => {
        const bytes = emitConvert(message);
        bytes[where % bytes.length] = value;
        const scan = scanConvert(bytes);
        if (scan.state !== 'done') return;
        const again = scanConvert(emitConvert(scan.value));
        expect(again).toMatchObject({ state: 'done', value: scan.value });
      }),
    );
  });
});
