import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../wire/index.js';
import {
  connectRequestReader,
  emitBasic,
  emitConnectAnswer,
  emitConnectRequest,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
  MAX_LINE_BYTES,
  parseBasic,
  scanConnectAnswer,
  scanConnectRequest,
  statusOfInvalid,
} from './index.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1');
const head = (...lines: string[]): Uint8Array => bytes(`${lines.join('\r\n')}\r\n\r\n`);
const connect = 'CONNECT example.org:443 HTTP/1.1';
const host = 'Host: example.org:443';
const user = { user: bytes('Aladdin'), password: bytes('open sesame') };

/** The code of a request that is none. */
function codeOf(data: Uint8Array): string {
  const scan = scanConnectRequest(data);
  return scan.state === 'invalid' ? scan.error.code : scan.state;
}

describe('a CONNECT request (RFC 9110 §9.3.6)', () => {
  it('is written as the example of the RFC has it, with Basic credentials (RFC 7617 §2)', () => {
    const request = { host: 'server.example.com', port: 80, credentials: user };
    expect(text(emitConnectRequest(request))).toBe(
      'CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n' +
        'Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n',
    );
    expect(scanConnectRequest(emitConnectRequest(request))).toMatchObject({ state: 'done', value: request });
  });

  it('ends at the empty line: what follows is for the server', () => {
    const data = head(connect, host, 'User-Agent: curl/8.0');
    const read = connectRequestReader().read(Uint8Array.of(...data, 22, 3, 1));
    expect(read).toMatchObject({
      ...{ state: 'message', rest: Uint8Array.of(22, 3, 1) },
      value: { host: 'example.org', port: 443, credentials: undefined },
    });
  });

  it.each([
    '',
    'example.org',
    'example.org:',
    '[2001:db8::1]:443',
    '192.0.2.1:443',
    'a_b.example:1',
    'other.example',
  ])('with the Host field %j is one: what it says does not matter (RFC 9112 §3.2)', (value) => {
    expect(codeOf(head(connect, `Host: ${value}`))).toBe('done');
  });

  it('names addresses of both families', () => {
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      const request = { host: IpAddress.parse(address)!, port: 8443 };
      expect(scanConnectRequest(emitConnectRequest(request))).toMatchObject({ value: request });
    }
  });

  it('does without a Host field in HTTP/1.0 only (RFC 9112 §3.2)', () => {
    expect(codeOf(head('CONNECT example.org:443 HTTP/1.0'))).toBe('done');
    expect(codeOf(head(connect))).toBe('bad-host');
    expect(codeOf(head(connect, host, host))).toBe('bad-host');
  });

  it.each([
    ['a Host that is none', head(connect, 'Host: example.org/x'), 'bad-host', 400],
    ['a Host of two words', head(connect, 'Host: example.org:443 b'), 'bad-host', 400],
    ['a Host with a user', head(connect, 'Host: a@example.org'), 'bad-host', 400],
    ['a Host whose port is none', head(connect, 'Host: example.org:x'), 'bad-host', 400],
    ['another method', head('GET http://example.org/ HTTP/1.1', host), 'bad-method', 405],
    ['a method in small letters', head('connect example.org:443 HTTP/1.1', host), 'bad-method', 405],
    ['another version', head('CONNECT example.org:443 HTTP/2.0', host), 'bad-version', 505],
    ['no version', head('CONNECT example.org:443', host), 'bad-request-line', 400],
    ['two blanks', head('CONNECT  example.org:443 HTTP/1.1', host), 'bad-request-line', 400],
    ['a blank in front', head(` ${connect}`, host), 'bad-request-line', 400],
    ['a tab', head('CONNECT\texample.org:443 HTTP/1.1', host), 'bad-request-line', 400],
    ['no port', head('CONNECT example.org HTTP/1.1', host), 'bad-target', 400],
    ['port 0', head('CONNECT example.org:0 HTTP/1.1', host), 'bad-target', 400],
    ['port 65536', head('CONNECT example.org:65536 HTTP/1.1', host), 'bad-target', 400],
    ['a user in the target', head('CONNECT a@example.org:443 HTTP/1.1', host), 'bad-target', 400],
    ['a target that is no host', head('CONNECT a|b:443 HTTP/1.1', host), 'bad-target', 400],
    ['a URL', head('CONNECT http://example.org:80/ HTTP/1.1', host), 'bad-target', 400],
    ['content', head(connect, host, 'Content-Length: 5'), 'has-content', 400],
    ['two lengths', head(connect, host, 'Content-Length: 0', 'content-length: 5'), 'has-content', 400],
    ['a list of lengths', head(connect, host, 'Content-Length: 0, 0'), 'has-content', 400],
    ['chunks', head(connect, host, 'Transfer-Encoding: chunked'), 'has-content', 400],
    ['a blank before the colon', head(connect, host, 'Transfer-Encoding : chunked'), 'bad-field', 400],
    ['a line that goes on', head(connect, host, 'X: a', ' Transfer-Encoding: chunked'), 'bad-field', 400],
    ['a line without a colon', head(connect, host, 'x'), 'bad-field', 400],
    ['an empty name', head(connect, host, ': x'), 'bad-field', 400],
    ['a NUL', head(connect, `${host}\0`), 'bad-field', 400],
    ['a CR in a line', head(connect, host, 'X: a\rTransfer-Encoding: chunked'), 'bad-line-end', 400],
    ['lines that end with LF alone', bytes(`${connect}\n${host}\n\n`), 'bad-line-end', 400],
    ['one line that ends with LF alone', bytes(`${connect}\r\n${host}\n\r\n`), 'bad-line-end', 400],
    ['CR twice', bytes(`${connect}\r\r\n${host}\r\n\r\n`), 'bad-line-end', 400],
    ['an empty first line', bytes(`\r\n${connect}\r\n${host}\r\n\r\n`), 'bad-line-end', 400],
    [
      ...([
        'credentials twice',
        head(connect, host, ...Array<string>(2).fill('Proxy-Authorization: Basic YTpi')),
      ] as const),
      ...(['bad-credentials', 400] as const),
    ],
  ])('with %s is none', (_, data, code, status) => {
    expect(codeOf(data)).toBe(code);
    expect(statusOfInvalid(code)).toBe(status);
  });

  it('is held to its limits, whole or not (RFC 6585 §5: 431)', () => {
    const long = (count: number): string => 'a'.repeat(count);
    expect(codeOf(head(connect, host, `X: ${long(MAX_LINE_BYTES - 3)}`))).toBe('done');
    expect(codeOf(head(connect, host, `X: ${long(MAX_LINE_BYTES - 1)}`))).toBe('line-too-long');
    expect(codeOf(bytes(`CONNECT ${long(MAX_LINE_BYTES)}`))).toBe('line-too-long');
    const fields = (count: number): string[] => Array<string>(count).fill('X: y');
    expect(codeOf(head(connect, host, ...fields(MAX_FIELDS - 1)))).toBe('done');
    expect(codeOf(head(connect, host, ...fields(MAX_FIELDS)))).toBe('too-many-fields');
    const many = bytes(`${connect}\r\n${`X: ${long(1000)}\r\n`.repeat(20)}`);
    expect(codeOf(many.subarray(0, MAX_HEAD_BYTES - 1))).toBe('more');
    expect(codeOf(many.subarray(0, MAX_HEAD_BYTES))).toBe('too-long');
    for (const code of ['line-too-long', 'too-long', 'too-many-fields'])
      expect(statusOfInvalid(code)).toBe(431);
  });

  it('is read the same however it is cut', () => {
    const heads = [
      head(connect, host, 'Proxy-Authorization: Basic YTpi'),
      head(connect, 'X: y'),
      bytes(`${connect}\r\n${host}\n\r\nxx`),
      head('GET / HTTP/1.1'),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.array(fc.nat(200), { maxLength: 5 }), (data, cuts) => {
        const whole = connectRequestReader().read(data);
        const reader = connectRequestReader();
        const places = [0, ...cuts.map((cut) => cut % data.length).sort((a, b) => a - b), data.length];
        let last: ReturnType<typeof reader.read> = { state: 'more' };
        for (let i = 1; i < places.length && last.state === 'more'; i++)
          last = reader.read(data.subarray(places[i - 1], places[i]));
        expect(last.state).toBe(whole.state);
        if (last.state === 'message' && whole.state === 'message') expect(last.value).toEqual(whole.value);
        if (last.state === 'invalid' && whole.state === 'invalid')
          expect(last.error.code).toBe(whole.error.code);
      }),
    );
  });

  it('of any bytes is a value, never an exception, and is bounded', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        connect,
        host,
        'CONNECT ',
        '\r\n',
        '\n',
        '\r',
        ':',
        ' ',
        'Content-Length: 0',
        'HTTP/1.1',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const reader = connectRequestReader();
        reader.read(bytes(pieces.join('')));
        expect(reader.heldBytes).toBeLessThanOrEqual(MAX_HEAD_BYTES);
      }),
    );
  });
});

describe('Basic credentials (RFC 7617 §2)', () => {
  it('are read back as written', () => {
    const any = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(any, any, (name, password) => {
        const withoutColon = name.filter((byte) => byte !== 0x3a);
        const value = emitBasic({ user: withoutColon, password });
        expect(value).toBe(`Basic ${Buffer.from([...withoutColon, 0x3a, ...password]).toString('base64')}`);
        expect(parseBasic(value)).toEqual({ user: withoutColon, password });
      }),
    );
  });

  it('are read whatever the case of the scheme, and without padding', () => {
    for (const value of ['basic YTpi', 'BASIC  YTpi', 'Basic YTo=', 'Basic YTo'])
      expect(parseBasic(value), value).toBeDefined();
  });

  it.each([
    'Bearer YTpi',
    'Basic',
    'Basic ',
    'Basic YT!i',
    'Basic Y',
    'Basic YWI=',
    'Basic YTp=',
    'Basic YTpi=',
  ])('are not read from %j', (value) => {
    expect(parseBasic(value)).toBeUndefined();
  });

  it('have no colon in the name of a user', () => {
    expect(() => emitBasic({ user: bytes('a:b'), password: bytes('c') })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_MESSAGE' }) as Error,
    );
  });
});

describe('an answer to CONNECT', () => {
  it.each([
    [{ status: 200 }, 'HTTP/1.1 200 Connection established\r\n\r\n'],
    [
      { status: 407 },
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy", charset="UTF-8"\r\n' +
        'Content-Length: 0\r\nConnection: close\r\n\r\n',
    ],
    [
      { status: 405 },
      'HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ],
    [
      { status: 502, proxyError: 'connection_refused' },
      'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: subflow; error=connection_refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ],
  ])('%j is written and read', (answer, wire) => {
    expect(text(emitConnectAnswer(answer))).toBe(wire);
    expect(scanConnectAnswer(bytes(`${wire}rest`))).toMatchObject({
      ...{ state: 'done', value: answer, length: wire.length },
    });
  });

  it('of other proxies is read', () => {
    const answers = ['HTTP/1.0 200 OK', 'HTTP/1.1 200', 'HTTP/1.1 299 '];
    for (const line of answers) expect(scanConnectAnswer(head(line, 'X: y')).state, line).toBe('done');
    const status = head('HTTP/1.1 504 x', 'Proxy-Status: a.example; error=dns_timeout; details="b", c');
    expect(scanConnectAnswer(status)).toMatchObject({ value: { status: 504, proxyError: 'dns_timeout' } });
  });

  it.each(['SSH-2.0-OpenSSH', 'HTTP/2 200', 'HTTP/1.1 20', 'HTTP/1.1 2000 x', 'ICY 200 OK'])(
    'is not %j',
    (line) => {
      expect(scanConnectAnswer(head(line))).toMatchObject({ error: { code: 'bad-status-line' } });
    },
  );
});
