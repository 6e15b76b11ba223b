import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { emitMptcpOption, mptcpOptionLength, parseMptcpOption } from './mptcp-option.js';
import type { MptcpOption } from './mptcp-types.js';

function option(hex: string): Uint8Array {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return Uint8Array.from([30, body.length + 2, ...body]);
}

function parse(hex: string): unknown {
  const bytes = option(hex);
  const result = parseMptcpOption(bytes, 0, bytes.length);
  return result.ok ? result.value : result.code;
}

/** Lengths, kind and length byte included, at which an option of this subtype and nibble can be read. */
function readableLengths(thirdByte: number): number[] {
  const lengths: number[] = [];
  for (let length = 3; length <= 40; length++) {
    const bytes = new Uint8Array(length);
    bytes.set([30, length, thirdByte]);
    if (parseMptcpOption(bytes, 0, length).ok) lengths.push(length);
  }
  return lengths;
}

describe('parseMptcpOption', () => {
  it.each([
    ['MP_CAPABLE of version 0', 0x00, [12, 20]],
    ['MP_CAPABLE of version 1', 0x01, [4, 12, 20, 22, 24]],
    ['MP_CAPABLE of a version to come', 0x02, [4, 12, 20, 22, 24]],
    ['MP_JOIN', 0x10, [12, 16, 24]],
    ['ADD_ADDR', 0x30, [8, 10, 16, 18, 20, 22, 28, 30]],
    ['an echoed ADD_ADDR', 0x31, [8, 10, 20, 22]],
    ['REMOVE_ADDR', 0x40, Array.from({ length: 37 }, (_, i) => i + 4)],
    ['MP_PRIO', 0x50, [3, 4]],
    ['MP_FAIL', 0x60, [12]],
    ['MP_FASTCLOSE', 0x70, [12]],
    ['MP_TCPRST', 0x80, [4]],
    ['an unknown subtype', 0x90, Array.from({ length: 38 }, (_, i) => i + 3)],
    ['MP_EXPERIMENTAL', 0xf0, Array.from({ length: 38 }, (_, i) => i + 3)],
  ])('reads %s at its lengths only', (_name, thirdByte, lengths) => {
    expect(readableLengths(thirdByte)).toEqual(lengths);
  });

  it('tells the two layouts of ADD_ADDR apart', () => {
    expect(parse('34 08 c0000201')).toMatchObject({ version: 0, addressId: 8, echo: false });
    expect(parse('36 08 20010db8000000000000000000000001 0050')).toMatchObject({ version: 0, port: 80 });
    expect(parse('31 08 c0000201')).toMatchObject({ version: 1, echo: true });
    expect(parse('30 08 c0000201')).toMatchObject({ version: 1, echo: false });
    expect(parse('30 08 c0000201 0050 0102030405060708')).toMatchObject({ version: 1, port: 80 });
    // Of the other family's number only reserved bits are left, so it is version 1.
    expect(parse('36 08 c0000201')).toMatchObject({ version: 1, echo: false });
  });

  it('reads every flag of MP_TCPRST and its reason', () => {
    expect(parse('8d 06')).toEqual({ subtype: 'MP_TCPRST', flags: 13, reason: 6 });
  });

  it('ignores reserved bits', () => {
    // RFC 8684 §3.2, §3.4.1, §3.7 and §3.5: what is not defined has no meaning.
    expect(parse('1e 02 56c7a377 b2e33fda')).toEqual(parse('10 02 56c7a377 b2e33fda'));
    expect(parse('3e 08 c0000201 0102030405060708')).toEqual(parse('30 08 c0000201 0102030405060708'));
    expect(parse('4f 05')).toEqual(parse('40 05'));
    expect(parse('5e')).toEqual(parse('50'));
    expect(parse('6f ff 0000000000000001')).toEqual(parse('60 00 0000000000000001'));
    expect(parse('7f ff 0000000000000001')).toEqual(parse('70 00 0000000000000001'));
  });

  it('keeps an experimental and an unknown option', () => {
    expect(parse('f3 aabb')).toEqual({
      subtype: 'MP_EXPERIMENTAL',
      nibble: 3,
      body: Uint8Array.from([0xaa, 0xbb]),
    });
    expect(parse('c1')).toEqual({ subtype: 'UNKNOWN', code: 12, nibble: 1, body: new Uint8Array(0) });
  });

  it('refuses what is not one option of the stated length', () => {
    const bytes = option('51');
    expect(parseMptcpOption(bytes, 0, 2)).toMatchObject({ code: 'truncated' });
    expect(parseMptcpOption(Uint8Array.from([8, 3, 0x51]), 0, 3)).toMatchObject({ code: 'bad-kind' });
    expect(parseMptcpOption(Uint8Array.from([30, 4, 0x51]), 0, 3)).toMatchObject({ code: 'bad-length' });
    const long = new Uint8Array(41).fill(0x90);
    long.set([30, 41]);
    expect(parseMptcpOption(long, 0, 41)).toMatchObject({ code: 'bad-length' });
  });

  it('gives values that outlive the packet', () => {
    const bytes = option('10 02 56c7a377b2e33fda a29163c5');
    const result = parseMptcpOption(bytes, 0, bytes.length);
    bytes.fill(0);
    expect(result).toMatchObject({
      value: { hmac: Uint8Array.from(Buffer.from('56c7a377b2e33fda', 'hex')) },
    });
  });
});

describe('emitMptcpOption', () => {
  const address = IpAddress.parse('192.0.2.1')!;

  it('writes reserved bits as zero', () => {
    const head = (value: MptcpOption): number[] => {
      const bytes = new Uint8Array(40).fill(0xee);
      emitMptcpOption(value, bytes, 0);
      return [...bytes.subarray(2, 4)];
    };
    const join = { subtype: 'MP_JOIN', backup: false, addressId: 0, nonce: 0 } as const;
    expect(head({ ...join, phase: 'syn', token: 0 })).toEqual([0x10, 0]);
    expect(head({ ...join, phase: 'synack', hmac: new Uint8Array(8) })).toEqual([0x10, 0]);
    expect(head({ subtype: 'MP_JOIN', phase: 'ack', hmac: new Uint8Array(20) })).toEqual([0x10, 0]);
    const announced = { subtype: 'ADD_ADDR', version: 1, addressId: 0, address } as const;
    expect(head({ ...announced, echo: true })).toEqual([0x31, 0]);
    expect(head({ ...announced, echo: false, hmac: new Uint8Array(8) })).toEqual([0x30, 0]);
    expect(head({ subtype: 'REMOVE_ADDR', addressIds: [0] })).toEqual([0x40, 0]);
    expect(head({ subtype: 'MP_FAIL', dataSeq: 0n })).toEqual([0x60, 0]);
    expect(head({ subtype: 'MP_FASTCLOSE', receiverKey: 0n })).toEqual([0x70, 0]);
    expect(head({ subtype: 'MP_TCPRST', flags: 1, reason: 6 })).toEqual([0x81, 6]);
  });

  it.each([
    ['a receiver key alone', { subtype: 'MP_CAPABLE', version: 1, flags: 1, receiverKey: 1n }],
    ['a version 0 MP_CAPABLE without a key', { subtype: 'MP_CAPABLE', version: 0, flags: 1 }],
    [
      'a data length without both keys',
      { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 1n, dataLength: 1 },
    ],
    [
      'a data length in version 0',
      { subtype: 'MP_CAPABLE', version: 0, flags: 1, senderKey: 1n, receiverKey: 2n, dataLength: 1 },
    ],
    [
      'a checksum of no data',
      { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 1n, receiverKey: 2n, checksum: 1 },
    ],
    ['a proof of the wrong size', { subtype: 'MP_JOIN', phase: 'ack', hmac: new Uint8Array(32) }],
    [
      'an echo with an HMAC',
      { subtype: 'ADD_ADDR', version: 1, echo: true, addressId: 1, address, hmac: new Uint8Array(8) },
    ],
    ['an echo in version 0', { subtype: 'ADD_ADDR', version: 0, echo: true, addressId: 1, address }],
    [
      'an HMAC of the wrong size',
      { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: 1, address, hmac: new Uint8Array(20) },
    ],
    ['the removal of no address', { subtype: 'REMOVE_ADDR', addressIds: [] }],
    ['the removal of too many', { subtype: 'REMOVE_ADDR', addressIds: new Array<number>(38).fill(1) }],
    ['too long a body', { subtype: 'UNKNOWN', code: 9, nibble: 0, body: new Uint8Array(38) }],
  ] as [string, MptcpOption][])('refuses %s', (_what, value) => {
    const bad = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_OPTION' }) as Error;
    expect(() => mptcpOptionLength(value)).toThrow(bad);
    expect(() => emitMptcpOption(value, new Uint8Array(64), 0)).toThrow(bad);
  });
});
