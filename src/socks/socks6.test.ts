import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../wire/index.js';
import {
  emitSocks6AuthenticationReply,
  emitSocks6OperationReply,
  emitSocks6Request,
  emitVersionMismatch,
  fastOpenOption,
  MAX_SOCKS6_OPTIONS_BYTES,
  multipathOption,
  scanSocks6AuthenticationReply,
  scanSocks6OperationReply,
  scanSocks6Request,
  type Socks6Option,
  socks6Reader,
  type SocksHost,
} from './index.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const address = (text: string): IpAddress => IpAddress.parse(text)!;

/** Each kind of option, by hand from the figures of draft-olteanu-intarea-socks-6-11 §8. */
const options: readonly (readonly [string, string, Socks6Option])[] = [
  ['Multipath is wanted (§8.1)', '0001 0008 84 02 02 00', multipathOption(true)],
  ['Multipath is not there (§8.1)', '0001 0008 84 02 01 00', multipathOption(false)],
  ['Fast Open with 1,400 bytes (§8.1)', '0001 0008 84 01 0578', fastOpenOption(1400)],
  [
    ...(['a stack option for both legs (§8.1)', '0001 0008 c1 01 2e 00'] as const),
    { kind: 'stack', leg: 3, level: 1, code: 1, data: hex('2e00') },
  ],
  [
    ...(['methods, with data to follow (§8.2)', '0002 0008 0100 02 00'] as const),
    { kind: 'method-advertisement', initialDataBytes: 256, methods: [2] },
  ],
  ['a chosen method (§8.2)', '0003 0008 02 000000', { kind: 'method-selection', method: 2 }],
  [
    ...(['user and password (§9)', '0004 000c 02 01 01 61 01 62 0000'] as const),
    { kind: 'authentication-data', method: 2, data: hex('01 0161 0162 0000') },
  ],
  ['the wish for a session (§8.4)', '0005 0004', { kind: 'session-request' }],
  ['the name of a session (§8.4)', '0006 0008 01020304', { kind: 'session-id', id: hex('01020304') }],
  ['a session that is known (§8.4)', '0008 0004', { kind: 'session-ok' }],
  ['a session that is not known (§8.4)', '0009 0004', { kind: 'session-invalid' }],
  ['the end of a session (§8.4)', '000a 0004', { kind: 'session-teardown' }],
  ['the wish for tokens (§8.5)', '000b 0008 00000010', { kind: 'idempotence-request', size: 16 }],
  [
    ...(['tokens (§8.5)', '000c 000c 00000005 00000010'] as const),
    { kind: 'idempotence-window', base: 5, size: 16 },
  ],
  ['a token spent (§8.5)', '000d 0008 00000007', { kind: 'idempotence-expenditure', token: 7 }],
  ['a token taken (§8.5)', '000e 0004', { kind: 'idempotence-accepted' }],
  ['a token refused (§8.5)', '000f 0004', { kind: 'idempotence-rejected' }],
  [
    'a kind that nobody knows',
    'fc00 0008 deadbeef',
    { kind: 'other', number: 0xfc00, body: hex('deadbeef') },
  ],
];

const head = (length: number): string => `06 01 ${length.toString(16).padStart(4, '0')} 0050 00 01 c6336401`;

describe('SOCKS 6', () => {
  it.each(options)('reads and writes %s', (_name, text, option) => {
    const body = hex(text);
    const bytes = Uint8Array.of(...hex(head(body.length)), ...body);
    const request = { command: 1, host: address('198.51.100.1'), port: 80, options: [option] };
    expect(scanSocks6Request(bytes)).toEqual({ state: 'done', value: request, length: bytes.length });
    expect(emitSocks6Request(request)).toEqual(bytes);
  });

  it('pads names to whole words, and counts the padding (§5)', () => {
    const bytes = hex('06 01 0000 01bb 00 03 07 612e626364 0000');
    const request = { command: 1, host: 'a.bcd', port: 443, options: [] };
    expect(emitSocks6Request(request)).toEqual(bytes);
    expect(scanSocks6Request(bytes)).toEqual({ state: 'done', value: request, length: bytes.length });
    // A program that does not pad is understood.
    expect(scanSocks6Request(hex('06 01 0000 01bb 00 03 05 612e626364'))).toMatchObject({ value: request });
  });

  it('reads and writes replies (§6, §7)', () => {
    const authenticated = hex('06 00 0004 0008 0004');
    const success = { isSuccess: true, options: [{ kind: 'session-ok' }] } as const;
    expect(scanSocks6AuthenticationReply(authenticated)).toEqual({
      state: 'done',
      value: success,
      length: 8,
    });
    expect(emitSocks6AuthenticationReply(success)).toEqual(authenticated);
    const timedOut = hex('06 09 0000 0000 00 01 00000000');
    const reply = { code: 9, host: address('0.0.0.0'), port: 0, options: [] };
    expect(scanSocks6OperationReply(timedOut)).toEqual({ state: 'done', value: reply, length: 12 });
    expect(emitSocks6OperationReply(reply)).toEqual(timedOut);
  });

  it('has its version byte as a setting, and says it to others (§5.1)', () => {
    const request = { command: 0, host: address('0.0.0.0'), port: 0, options: [] };
    const bytes = emitSocks6Request(request, 212);
    expect(bytes[0]).toBe(212);
    expect(scanSocks6Request(bytes, 212)).toMatchObject({ value: request });
    expect(scanSocks6Request(bytes)).toMatchObject({ state: 'invalid', error: { code: 'bad-version' } });
    expect(emitVersionMismatch()).toEqual(Uint8Array.of(6));
    expect(() => emitVersionMismatch(5)).toThrow('version byte');
  });

  it.each([
    ['an option of length zero', `${head(4)} 0001 0000`, 'bad-length'],
    ['an option that is no whole word', `${head(8)} 0001 0006 00000000`, 'bad-length'],
    ['an option beyond the others', `${head(4)} 0001 0008 00000000`, 'bad-length'],
    ['options that are no whole words', head(3), 'bad-length'],
    ['more options than may be', head(MAX_SOCKS6_OPTIONS_BYTES + 4), 'too-long'],
    ['padding that is not zero', '06 01 0000 0050 01 01 c6336401', 'bad-padding'],
    ['an address type', '06 01 0000 0050 00 07 c6336401', 'bad-address-type'],
    ['a name of NULs', '06 01 0000 0050 00 03 03 000000', 'bad-name'],
  ])('refuses %s', (_name, text, code) => {
    expect(scanSocks6Request(hex(text))).toMatchObject({ state: 'invalid', error: { code } });
  });

  it.each([
    ['a token without the token, as in a figure of the draft', '000d 0004'],
    ['a stack option without a leg', '0001 0008 04 02 02 00'],
    ['more data before authentication than may be', '0002 0008 4001 02 00'],
    ['a session without a name', '0006 0004'],
  ])('reads over an option whose content is not its kind’s: %s', (_name, text) => {
    const body = hex(text);
    const bytes = Uint8Array.of(...hex(head(body.length)), ...body);
    expect(scanSocks6Request(bytes)).toMatchObject({ value: { options: [{ kind: 'other' }] } });
  });

  const host: fc.Arbitrary<SocksHost> = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => IpAddress.readV4(bytes, 0)),
    fc.stringMatching(/^[!-~]{1,255}$/),
  );
  const anyOption = fc.constantFrom(...options.map(([, , option]) => option));

  it('gives any request back, cut anywhere', () => {
    const request = fc.record({
      ...{ command: fc.nat(255), host, port: fc.nat(65_535) },
      options: fc.array(anyOption, { maxLength: 8 }),
    });
    fc.assert(
      fc.property(request, fc.integer({ min: 1, max: 50 }), (wanted, step) => {
        const bytes = emitSocks6Request(wanted);
        const reader = socks6Reader(scanSocks6Request);
        for (let at = 0; at < bytes.length; at += step) {
          const read = reader.read(bytes.subarray(at, at + step));
          if (at + step < bytes.length) expect(read.state).toBe('more');
          else expect(read).toMatchObject({ state: 'message', value: wanted });
        }
      }),
    );
  });

  it('holds no more of an endless request than options may have', () => {
    const reader = socks6Reader(scanSocks6Request);
    reader.read(hex(head(MAX_SOCKS6_OPTIONS_BYTES)));
    let state = 'more';
    for (let i = 0; i < 100 && state === 'more'; i++) {
      state = reader.read(new Uint8Array(1024).fill(0xff)).state;
      expect(reader.heldBytes).toBeLessThan(MAX_SOCKS6_OPTIONS_BYTES + 300);
    }
    expect(state).toBe('invalid');
  });
});
