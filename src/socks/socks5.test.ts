import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scan } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import {
  emitDatagramHeader,
  emitGreeting,
  emitMethodChoice,
  emitPassword,
  emitPasswordReply,
  emitReply,
  emitRequest,
  parseAuthority,
  parseDatagramHeader,
  scanGreeting,
  scanMethodChoice,
  scanPassword,
  scanPasswordReply,
  scanReply,
  scanRequest,
  socks5Reader,
  type SocksHost,
} from './index.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const address = (text: string): IpAddress => IpAddress.parse(text)!;

describe('SOCKS 5', () => {
  it.each<[string, string, (bytes: Uint8Array) => Scan<unknown>, unknown, () => Uint8Array]>([
    [
      'a greeting (RFC 1928 §3)',
      '05 02 00 02',
      scanGreeting,
      { methods: [0, 2] },
      () => emitGreeting({ methods: [0, 2] }),
    ],
    ['a choice of method (RFC 1928 §3)', '05 02', scanMethodChoice, 2, () => emitMethodChoice(2)],
    [
      ...(['user and password (RFC 1929 §2)', '01 02 6f61 03 707764', scanPassword] as const),
      { user: ascii('oa'), password: ascii('pwd') },
      () => emitPassword({ user: ascii('oa'), password: ascii('pwd') }),
    ],
    ['a welcome (RFC 1929 §2)', '01 00', scanPasswordReply, true, () => emitPasswordReply(true)],
    ['no welcome (RFC 1929 §2)', '01 01', scanPasswordReply, false, () => emitPasswordReply(false)],
    [
      ...(['CONNECT to an IPv4 address (RFC 1928 §4)', '05 01 00 01 c6336401 01bb', scanRequest] as const),
      { command: 1, host: address('198.51.100.1'), port: 443 },
      () => emitRequest({ command: 1, host: address('198.51.100.1'), port: 443 }),
    ],
    [
      ...(['CONNECT to a name (RFC 1928 §5)', '05 01 00 03 04 612e6263 0050', scanRequest] as const),
      { command: 1, host: 'a.bc', port: 80 },
      () => emitRequest({ command: 1, host: 'a.bc', port: 80 }),
    ],
    [
      ...([
        'UDP ASSOCIATE (RFC 1928 §4)',
        '05 03 00 04 00000000000000000000000000000000 0000',
        scanRequest,
      ] as const),
      { command: 3, host: address('::'), port: 0 },
      () => emitRequest({ command: 3, host: address('::'), port: 0 }),
    ],
    [
      ...(['a reply (RFC 1928 §6)', '05 05 00 01 00000000 0000', scanReply] as const),
      { code: 5, host: address('0.0.0.0'), port: 0 },
      () => emitReply({ code: 5, host: address('0.0.0.0'), port: 0 }),
    ],
  ])('reads and writes %s, cut anywhere', (_name, text, scan, value, emit) => {
    const bytes = hex(text);
    expect(scan(bytes)).toEqual({ state: 'done', value, length: bytes.length });
    expect(emit()).toEqual(bytes);
    for (let cut = 0; cut < bytes.length; cut++) {
      const part = scan(bytes.subarray(0, cut));
      expect(part.state).toBe('more');
      if (part.state === 'more') expect(part.atLeast).toSatisfy((n: number) => n > cut && n <= bytes.length);
    }
    const reader = socks5Reader(scan);
    for (const byte of bytes.subarray(0, -1)) expect(reader.read(Uint8Array.of(byte)).state).toBe('more');
    const last = reader.read(Uint8Array.of(bytes.at(-1)!, 0xaa));
    expect(last).toEqual({ state: 'message', value, received: bytes, rest: Uint8Array.of(0xaa) });
  });

  it.each([
    ['another version', scanGreeting, '04 01 00', 'bad-version'],
    ['no method', scanGreeting, '05 00', 'no-methods'],
    ['an empty user name', scanPassword, '01 00 01 61', 'bad-length'],
    ['an empty password', scanPassword, '01 01 61 00', 'bad-length'],
    ['another version of the password', scanPassword, '05 01 61 01 61', 'bad-version'],
    ['a reserved byte', scanRequest, '05 01 01 01 c6336401 01bb', 'bad-reserved'],
    ['an address type', scanRequest, '05 01 00 02 c6336401 01bb', 'bad-address-type'],
    ['an empty name', scanRequest, '05 01 00 03 00 0050', 'bad-name'],
    ['a NUL in a name', scanRequest, '05 01 00 03 03 610062 0050', 'bad-name'],
    ['a line end in a name', scanRequest, '05 01 00 03 03 610a62 0050', 'bad-name'],
  ] as const)('refuses %s', (_name, scan, text, code) => {
    expect(scan(hex(text))).toMatchObject({ state: 'invalid', error: { code } });
  });

  it('reads and writes datagrams (RFC 1928 §7)', () => {
    const bytes = hex('0000 00 03 04 612e6263 0035 dead');
    const value = { host: 'a.bc', port: 53, fragment: 0, data: hex('dead') };
    expect(parseDatagramHeader(bytes)).toEqual({ ok: true, value });
    expect(emitDatagramHeader(value)).toEqual(bytes);
    expect(parseDatagramHeader(bytes.subarray(0, 10))).toMatchObject({ code: 'truncated' });
    expect(parseDatagramHeader(hex('0001 00 01 c6336401 0035'))).toMatchObject({ code: 'bad-reserved' });
  });

  it('does not write what the other side could not read', () => {
    const cannot = /^ERR_SUBFLOW_BAD_/;
    const codeOf = (action: () => unknown): string => {
      try {
        action();
        return '';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf(() => emitGreeting({ methods: [] }))).toMatch(cannot);
    expect(codeOf(() => emitPassword({ user: ascii(''), password: ascii('a') }))).toMatch(cannot);
    expect(codeOf(() => emitPassword({ user: ascii('a'), password: new Uint8Array(256) }))).toMatch(cannot);
    for (const host of ['', 'a b', 'ü.example', 'a'.repeat(256)])
      expect(
        codeOf(() => emitRequest({ command: 1, host, port: 1 })),
        host,
      ).toMatch(cannot);
  });

  it('gives any request back', () => {
    const host: fc.Arbitrary<SocksHost> = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => IpAddress.readV4(bytes, 0)),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.readV6(bytes, 0)),
      fc.stringMatching(/^[!-~]{1,255}$/),
    );
    fc.assert(
      fc.property(fc.nat(255), host, fc.nat(65_535), (command, target, port) => {
        const request = { command, host: target, port };
        expect(scanRequest(emitRequest(request))).toMatchObject({ state: 'done', value: request });
      }),
    );
  });
});

describe('what an HTTP CONNECT request names (RFC 9110 §9.3.6)', () => {
  it.each([
    ['example.org:443', 'example.org', 443],
    ['192.0.2.1:80', '192.0.2.1', 80],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080],
  ])('is read: %s', (text, host, port) => {
    const target = parseAuthority(text);
    expect([target?.host.toString(), target?.port]).toEqual([host, port]);
  });

  it.each([
    'example.org',
    'example.org:',
    ':80',
    'a:0',
    'a:65536',
    'a b:80',
    'http://a:80',
    'u@a:80',
    '[192.0.2.1]:80',
    '2001:db8::1:80',
    '[::1',
    'a:80\n',
  ])('is refused: %j', (text) => {
    expect(parseAuthority(text)).toBeUndefined();
  });
});
