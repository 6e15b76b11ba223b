import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewOf } from './bytes.js';
import { tcpHeaderLength, writeTcpHeader } from './tcp-header.js';
import { emitTcpOptions } from './tcp-option.js';
import type { TcpOption } from './tcp-option.js';
import { emitTcp, parseTcpPacket, tcpPacketLength } from './tcp-packet.js';
import { TcpFlag, TcpSegment, maxMptcpOptions, maxTcpHeaderBytes, parseTcp } from './tcp-segment.js';

const base = {
  sourcePort: 40_000,
  destinationPort: 443,
  seq: 0xffff_fffe,
  ack: 0x8000_0000,
  flags: TcpFlag.ACK,
  window: 512,
};

/** A segment with these bytes where options stand, padded with ends of list. */
function withOptions(options: ArrayLike<number>, payloadLength = 0): Uint8Array {
  const padded = Math.ceil(options.length / 4) * 4;
  const bytes = new Uint8Array(20 + padded + payloadLength);
  emitTcp({ ...base, options: [], payload: new Uint8Array(0) }, bytes, 0, 0);
  bytes[12] = (20 + padded) << 2;
  bytes.set(Array.from(options), 20);
  return bytes;
}

function read(bytes: Uint8Array, segment = new TcpSegment()): TcpSegment {
  expect(parseTcp(bytes, 0, bytes.length, segment)).toBeUndefined();
  return segment;
}

function written(options: readonly TcpOption[]): Uint8Array {
  const bytes = new Uint8Array(40);
  return withOptions(bytes.subarray(0, emitTcpOptions(options, bytes, 0)));
}

describe('parseTcp', () => {
  it('reads the header', () => {
    const bytes = withOptions([], 5);
    bytes[13] = 0xff;
    bytes[19] = 7;
    expect(read(bytes)).toMatchObject({
      sourcePort: 40_000,
      destinationPort: 443,
      seq: 0xffff_fffe,
      ack: 0x8000_0000,
      flags: 0xff,
      window: 512,
      urgentPointer: 7,
      headerLength: 20,
      payloadOffset: 20,
      payloadLength: 5,
    });
  });

  it('reads the options of a SYN', () => {
    const segment = read(
      written([
        { kind: 'mss', mss: 1460 },
        { kind: 'sack-permitted' },
        { kind: 'timestamps', tsVal: 0xffff_ffff, tsEcr: 5 },
        { kind: 'nop' },
        { kind: 'window-scale', shift: 14 },
        { kind: 'fast-open', cookie: Uint8Array.from([1, 2, 3, 4]), experimental: false },
      ]),
    );
    expect(segment).toMatchObject({
      mss: 1460,
      windowScale: 14,
      sackPermitted: true,
      malformedOption: false,
    });
    expect(segment).toMatchObject({ hasTimestamps: true, tsVal: 0xffff_ffff, tsEcr: 5, unknownCount: 0 });
    expect(segment).toMatchObject({ fastOpenLength: 4, fastOpenExperimental: false });
    const { fastOpenOffset } = segment;
    expect(Array.from(segment.bytes.subarray(fastOpenOffset, fastOpenOffset + 4))).toEqual([1, 2, 3, 4]);
  });

  it('reads Fast Open in both forms, and tells a request for a cookie from none', () => {
    const cookie = Uint8Array.from([9, 8, 7, 6, 5, 4]);
    const experimental = read(written([{ kind: 'fast-open', cookie, experimental: true }]));
    expect(experimental).toMatchObject({ fastOpenLength: 6, fastOpenExperimental: true });
    const { fastOpenOffset } = experimental;
    expect(experimental.bytes.subarray(fastOpenOffset, fastOpenOffset + 6)).toEqual(cookie);
    const request = { kind: 'fast-open', cookie: new Uint8Array(0), experimental: false } as const;
    expect(read(written([request])).fastOpenLength).toBe(0);
    expect(read(written([])).fastOpenLength).toBe(-1);
  });

  it('reads SACK blocks in their order', () => {
    const blocks = [
      { left: 0xffff_fff0, right: 0x10 },
      { left: 1, right: 2 },
      { left: 3, right: 4 },
    ];
    const segment = read(written([{ kind: 'nop' }, { kind: 'nop' }, { kind: 'sack', blocks }]));
    expect(segment.sackCount).toBe(3);
    expect(Array.from(segment.sackEdges.subarray(0, 6))).toEqual([0xffff_fff0, 0x10, 1, 2, 3, 4]);
  });

  it('locates MPTCP options, as many as fit', () => {
    const segment = read(withOptions(new Array(maxMptcpOptions).fill([30, 3, 0x50]).flat() as number[]));
    expect(segment.mptcpCount).toBe(13);
    expect(Array.from(segment.mptcpOffsets)).toEqual(Array.from({ length: 13 }, (_, i) => 20 + i * 3));
    expect(Array.from(segment.mptcpLengths)).toEqual(new Array(13).fill(3));
  });

  it('finds timestamps in the usual place and elsewhere', () => {
    const stamp = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    for (const options of [
      [1, 1, ...stamp],
      [...stamp, 1, 1],
      [1, ...stamp, 0],
    ]) {
      expect(read(withOptions(options))).toMatchObject({ tsVal: 0x0102_0304, tsEcr: 0x0506_0708 });
    }
  });

  it('reads nothing behind the end of the list', () => {
    expect(read(withOptions([0, 2, 4, 5]))).toMatchObject({ mss: 0, malformedOption: false });
  });

  it('counts options it does not know', () => {
    expect(read(withOptions([253, 4, 0xaa, 0xbb, 254, 4, 1, 2, 19, 2]))).toMatchObject({
      unknownCount: 3,
      malformedOption: false,
      fastOpenLength: -1,
    });
  });

  it.each([
    ['an MSS of 3 bytes', [2, 3, 5, 1]],
    ['a window scale of 4 bytes', [3, 4, 1, 1]],
    ['a SACK permitted of 3 bytes', [4, 3, 0, 1]],
    ['a SACK of no block', [5, 2, 1, 1]],
    ['a SACK of a block and a half', [5, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1]],
    ['timestamps of 9 bytes', [8, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]],
    ['an odd Fast Open cookie', [34, 7, 1, 2, 3, 4, 5, 1]],
    ['a Fast Open cookie of 2 bytes', [34, 4, 1, 2]],
    ['an MPTCP option without a subtype', [30, 2, 1, 1]],
  ])('reports %s, and reads on behind it', (_what, options) => {
    const segment = read(withOptions([...options, 2, 4, 5, 0xb4]));
    expect(segment).toMatchObject({ malformedOption: true, mss: 1460, mptcpCount: 0, sackCount: 0 });
    expect(segment).toMatchObject({ windowScale: -1, sackPermitted: false, hasTimestamps: false });
  });

  it.each([
    ['overruns the header', [2, 5, 5, 0xb4]],
    ['has a length of 0', [2, 0, 5, 0xb4]],
    ['has a length of 1', [2, 1, 5, 0xb4]],
    ['is cut before its length', [1, 1, 1, 2]],
  ])('reports an option that %s, and stops there', (_what, options) => {
    expect(read(withOptions(options))).toMatchObject({ malformedOption: true, mss: 0 });
  });

  it('leaves nothing of the segment before', () => {
    const segment = new TcpSegment();
    const blocks = [{ left: 1, right: 2 }];
    const cookie = new Uint8Array(8);
    for (const options of [
      [
        { kind: 'mss', mss: 9 },
        { kind: 'sack-permitted' },
        { kind: 'window-scale', shift: 1 },
        { kind: 'timestamps', tsVal: 1, tsEcr: 2 },
        { kind: 'unknown', number: 99, body: cookie },
      ],
      [
        { kind: 'sack', blocks },
        { kind: 'fast-open', cookie, experimental: true },
        { kind: 'mptcp', option: { subtype: 'MP_PRIO', backup: true } },
      ],
    ] as TcpOption[][]) {
      read(written(options), segment);
    }
    read(withOptions([2, 1, 0, 0]), segment);
    const fresh = read(withOptions([]));
    const used = read(fresh.bytes, segment);
    // What the arrays hold beyond the counts is no part of the segment.
    const { sackEdges, mptcpOffsets, mptcpLengths } = fresh;
    expect({ ...used, sackEdges, mptcpOffsets, mptcpLengths }).toEqual({ ...fresh });
  });

  it('says what is wrong with a damaged header', () => {
    const bytes = withOptions([]);
    const into = new TcpSegment();
    expect(parseTcp(bytes, 0, 19, into)?.code).toBe('truncated');
    bytes[12] = 4 << 4;
    expect(parseTcp(bytes, 0, 20, into)?.code).toBe('bad-length');
    bytes[12] = 6 << 4;
    expect(parseTcp(bytes, 0, 20, into)?.code).toBe('truncated');
  });

  it('reads a segment that a capture cut', () => {
    const segment = new TcpSegment();
    expect(parseTcp(withOptions([], 5), 0, 22, segment, 25)).toBeUndefined();
    expect(segment).toMatchObject({ payloadLength: 5, payloadAvailable: 2 });
  });
});

const u32 = fc.nat(0xffff_ffff);
const headerFields = fc
  .record({
    seq: u32,
    ack: u32,
    flags: fc.nat(0xff),
    window: fc.nat(0xffff),
    mss: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })),
    windowScale: fc.integer({ min: -1, max: 14 }),
    sackPermitted: fc.boolean(),
    hasTimestamps: fc.boolean(),
    tsVal: u32,
    tsEcr: u32,
    sackCount: fc.nat(4),
    sackEdges: fc.uint32Array({ minLength: 8, maxLength: 8 }),
    extensionView: fc.constant(viewOf(Uint8Array.from({ length: 40 }, (_, i) => [30, 4, 0x40, i][i % 4]!))),
    extensionLength: fc.nat(10).map((words) => words * 4),
  })
  .filter((fields) => tcpHeaderLength(fields) <= maxTcpHeaderBytes);

describe('writeTcpHeader', () => {
  it('writes a header that reads back the same', () => {
    fc.assert(
      fc.property(headerFields, fc.nat(3), (fields, offset) => {
        const bytes = new Uint8Array(70).fill(0xee);
        const length = writeTcpHeader(viewOf(bytes), offset, 1, 2, fields);
        expect(length).toBe(tcpHeaderLength(fields));
        expect(bytes[offset + length]).toBe(0xee);
        const segment = new TcpSegment();
        expect(parseTcp(bytes, offset, length, segment)).toBeUndefined();
        const { sackEdges, extensionLength, tsVal, tsEcr } = fields;
        expect(segment).toMatchObject({ sourcePort: 1, destinationPort: 2, malformedOption: false });
        for (const name of ['seq', 'ack', 'flags', 'window', 'mss', 'windowScale'] as const) {
          expect(segment[name]).toBe(fields[name]);
        }
        for (const name of ['sackPermitted', 'hasTimestamps', 'sackCount'] as const) {
          expect(segment[name]).toBe(fields[name]);
        }
        expect(segment).toMatchObject(fields.hasTimestamps ? { tsVal, tsEcr } : { tsVal: 0, tsEcr: 0 });
        const edges = fields.sackCount * 2;
        expect(segment.sackEdges.subarray(0, edges)).toEqual(sackEdges.subarray(0, edges));
        expect(segment.mptcpCount).toBe(extensionLength / 4);
        expect([bytes[offset + 16], bytes[offset + 17]]).toEqual([0, 0]);
      }),
    );
  });

  it('lays out the options as receivers expect them', () => {
    const fields = {
      ...base,
      mss: 1460,
      windowScale: 7,
      sackPermitted: true,
      hasTimestamps: true,
      tsVal: 1,
      tsEcr: 2,
      sackCount: 0,
      sackEdges: Uint32Array.from([1, 2, 0, 0, 0, 0, 0, 0]),
      extensionView: new DataView(new ArrayBuffer(40)),
      extensionLength: 0,
    };
    const kinds = (changes: object): string[] => {
      const bytes = new Uint8Array(60);
      const length = writeTcpHeader(viewOf(bytes), 0, 1, 2, { ...fields, ...changes });
      const packet = parseTcpPacket(bytes, 0, length);
      return packet.ok ? packet.value.options.map(({ kind }) => kind) : [];
    };
    expect(kinds({})).toEqual(['mss', 'sack-permitted', 'timestamps', 'nop', 'window-scale']);
    const bare = { mss: 0, windowScale: -1, sackPermitted: false };
    expect(kinds({ ...bare, sackCount: 1 })).toEqual(['nop', 'nop', 'timestamps', 'nop', 'nop', 'sack']);
    expect(kinds({ hasTimestamps: false })).toEqual([
      'mss',
      'nop',
      'nop',
      'sack-permitted',
      'nop',
      'window-scale',
    ]);
  });

  it('stops when the options do not fit', () => {
    const fields = {
      ...base,
      mss: 0,
      windowScale: -1,
      sackPermitted: false,
      hasTimestamps: true,
      tsVal: 1,
      tsEcr: 2,
      sackCount: 1,
      sackEdges: new Uint32Array(8),
      extensionView: new DataView(new ArrayBuffer(40)),
      extensionLength: 20,
    };
    const bytes = new Uint8Array(100);
    expect(() => writeTcpHeader(viewOf(bytes), 0, 1, 2, fields)).toThrow('do not fit');
    expect(() => writeTcpHeader(viewOf(bytes), 0, 1, 2, { ...fields, extensionLength: 3 })).toThrow(
      'do not fit',
    );
  });
});

describe('the value form', () => {
  it('keeps options that no reader wants, and says why', () => {
    const bytes = withOptions([2, 3, 5, 30, 4, 0x60, 0, 8, 2, 3, 9, 1]);
    const result = parseTcpPacket(bytes, 0, bytes.length);
    expect(result).toMatchObject({
      ok: true,
      value: {
        options: [
          { kind: 'malformed', number: 2, error: { code: 'bad-length' } },
          { kind: 'malformed', number: 30, error: { code: 'bad-length' } },
          { kind: 'malformed', number: 8, error: { code: 'bad-length' } },
        ],
        optionError: { code: 'bad-length', offset: 9 },
      },
    });
  });

  it('pads the header with zeros', () => {
    const options: TcpOption[] = [{ kind: 'timestamps', tsVal: 1, tsEcr: 2 }];
    const packet = { ...base, options, payload: new Uint8Array(0) };
    const bytes = new Uint8Array(tcpPacketLength(packet)).fill(0xee);
    emitTcp(packet, bytes, 0, 0);
    // RFC 9293 §3.1: 10 bytes of option, and 2 to the end of the header.
    expect([...bytes.subarray(30)]).toEqual([0, 0]);
  });

  it('refuses more options than a header holds', () => {
    const options = new Array<TcpOption>(5).fill({ kind: 'timestamps', tsVal: 1, tsEcr: 2 });
    const packet = { ...base, options, payload: new Uint8Array(0) };
    expect(() => emitTcp(packet, new Uint8Array(tcpPacketLength(packet)), 0, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_OPTION' }),
    );
  });
});
