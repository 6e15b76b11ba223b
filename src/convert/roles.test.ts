import { describe, expect, it } from 'vitest';
import { SECOND, SeededRandom, type MessageRead } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import {
  confirmConnection,
  COOKIE_PERIOD_NS,
  ConvertCookies,
  type ConvertMessage,
  type ConverterPolicy,
  ConverterMemory,
  convertReader,
  type ConvertTlv,
  type ConvertVerdict,
  emitConvert,
  errorForFailure,
  errorMessage,
  judgeRequest,
  MAX_CONVERT_BYTES,
  MAX_REMEMBERED,
  readAnswer,
  requestMessage,
  retrySeconds,
  scanConvert,
} from './index.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const address = (text: string): IpAddress => IpAddress.parse(text)!;
const client = address('192.0.2.7');
const policy: ConverterPolicy = { supportedKinds: [4, 8, 30], cookies: undefined, isLoopbackAllowed: false };
const remote = { address: address('198.51.100.1'), port: 80 };

function readAll(bytes: Uint8Array): Exclude<MessageRead<ConvertMessage>, { state: 'more' }> {
  const read = convertReader().read(bytes);
  if (read.state === 'more') throw new Error('not a whole message');
  return read;
}

function judge(bytes: Uint8Array, with_: Partial<ConverterPolicy> = {}, now = 0): ConvertVerdict {
  return judgeRequest(readAll(bytes), { ...policy, ...with_ }, client, now);
}

/** The Error TLV of an answer, as code and value. */
function errorOf(verdict: ConvertVerdict): [number, string] | string {
  if (verdict.act !== 'answer') return verdict.act;
  const scan = scanConvert(verdict.bytes);
  if (scan.state !== 'done') return scan.state;
  const tlv = scan.value.tlvs[0]!;
  return tlv.type === 'error' ? [tlv.code, Buffer.from(tlv.value).toString('hex')] : tlv.type;
}

const connect = (more: Partial<Extract<ConvertTlv, { type: 'connect' }>> = {}): Uint8Array =>
  emitConvert({ tlvs: [{ type: 'connect', remote, options: [], ...more }] });

describe('a converter', () => {
  it('connects where a client asks for it, and says so with the options of the server (RFC 8803 §6.2.6)', () => {
    expect(judge(requestMessage({ remote }))).toEqual({ act: 'connect', remote, isInfoAsked: false });
    const answer = readAnswer(readAll(confirmConnection(policy, false, hex('0402 0101'))));
    expect(answer).toMatchObject({ kind: 'connected', isServerMultipath: false, supportedKinds: undefined });
  });

  it('lists its options where it is asked, with a connection or without (§6.2.3)', () => {
    expect(judge(hex('01022263 01010000'))).toMatchObject({ act: 'answer', error: undefined });
    expect(errorOf(judge(hex('01022263 01010000')))).toBe('supported-tcp-extensions');
    expect(judge(requestMessage({ remote, isInfoAsked: true }))).toMatchObject({ isInfoAsked: true });
    const answer = readAnswer(readAll(confirmConnection(policy, true, new Uint8Array(0))));
    expect(answer).toMatchObject({ kind: 'connected', supportedKinds: [4, 8, 30] });
  });

  it.each([
    ['a length of zero (§6.1)', '01002263'],
    ['a stream that is no message of Convert (§6)', '474554202f'],
  ])('resets the connection for %s', (_name, text) => {
    expect(judge(hex(text)).act).toBe('reset');
  });

  it('answers another version with its own (code 0)', () => {
    expect(errorOf(judge(hex('02 02 2263 0101 0000')))).toEqual([0, '01']);
    expect(errorOf(judge(hex('00 02 2263 0101 0000')))).toEqual([0, '01']);
  });

  it.each([
    ['a TLV that is there twice (§6.2.1)', '01032263 01010000 01010000'],
    ['a TLV of length zero', '01022263 1e000000'],
    ['a TLV that goes beyond the message', '01022263 01ff0000'],
  ])('answers %s as malformed, with an echo (code 1)', (_name, text) => {
    const bytes = hex(text);
    expect(errorOf(judge(bytes))).toEqual([1, `00${Buffer.from(bytes).toString('hex')}`]);
  });

  it.each(['224.0.0.1', '255.255.255.255', '127.0.0.1', '0.0.0.0', '::1', 'ff02::1', '::'])(
    'answers a Connect to %s as malformed (§6.2.5)',
    (text) => {
      expect(errorOf(judge(connect({ remote: { address: address(text), port: 80 } })))[0]).toBe(1);
    },
  );

  it('lets a Connect go to loopback addresses only when it is told to', () => {
    const request = connect({ remote: { address: address('127.0.0.1'), port: 80 } });
    expect(judge(request, { isLoopbackAllowed: true }).act).toBe('connect');
  });

  it('answers port 0, and a message without a TLV, as malformed', () => {
    expect(errorOf(judge(connect({ remote: { ...remote, port: 0 } })))[0]).toBe(1);
    expect(errorOf(judge(hex('01012263')))).toEqual([1, '0001012263']);
    expect(errorOf(judge(emitConvert({ tlvs: [{ type: 'cookie', cookie: hex('00000000') }] })))[0]).toBe(1);
  });

  it.each([
    ['type 0 (§6.2.2)', '01022263 00010000'],
    ['a type that nobody knows', '01022263 c8010000'],
    ['what only converters send', '01022263 14010000'],
  ])('answers %s as unsupported, with an echo (code 2)', (_name, text) => {
    const bytes = hex(text);
    expect(errorOf(judge(bytes))).toEqual([2, `00${Buffer.from(bytes).toString('hex')}`]);
  });

  it('cuts an echo that would not fit', () => {
    const bytes = new Uint8Array(MAX_CONVERT_BYTES);
    bytes.set(hex('01ff2263 c8fe0000'));
    const verdict = judge(bytes);
    expect(verdict.act === 'answer' && verdict.bytes.length).toBe(MAX_CONVERT_BYTES);
    expect(errorOf(verdict)[0]).toBe(2);
  });

  it('lists the options that it cannot convert (code 33, §7.6, §7.7)', () => {
    const none = new Uint8Array(0);
    const asked = [30, 34, 29, 34].map((kind) => ({ kind, value: none }));
    expect(errorOf(judge(connect({ options: asked })))).toEqual([33, '221d000000']);
    // Nobody could put these contents into the SYN (§7.4, §7.5).
    for (const kind of [8, 30])
      expect(errorOf(judge(connect({ options: [{ kind, value: hex('0102') }] })))[0]).toBe(33);
  });

  it('reads over options that are its own stack’s (§7.1 to §7.3)', () => {
    const options = [2, 3, 5].map((kind) => ({ kind, value: hex('0102') }));
    expect(judge(connect({ options })).act).toBe('connect');
  });

  it('demands a cookie, gives one, and takes it for one to two periods, of that client alone (§6.2.7)', () => {
    const cookies = new ConvertCookies(new SeededRandom(1));
    const now = 12.9 * COOKIE_PERIOD_NS;
    const verdict = judge(connect(), { cookies }, now);
    const [code, value] = errorOf(verdict) as [number, string];
    expect([code, value.slice(0, 2), value.length]).toEqual([3, '00', 34]);
    const cookie = hex(value.slice(2));
    const withCookie = requestMessage({ remote, cookie });
    for (const later of [0, 1])
      expect(judge(withCookie, { cookies }, now + later * COOKIE_PERIOD_NS).act).toBe('connect');
    expect(errorOf(judge(withCookie, { cookies }, now + 2 * COOKIE_PERIOD_NS))).toEqual([32, '00']);
    const other = judgeRequest(readAll(withCookie), { ...policy, cookies }, address('192.0.2.8'), now);
    expect(errorOf(other)).toEqual([32, '00']);
    const short = requestMessage({ remote, cookie: cookie.subarray(0, 8) });
    expect(errorOf(judge(short, { cookies }, now))).toEqual([32, '00']);
  });

  it.each([
    ['ECONNREFUSED', 96, 0],
    ['ECONNRESET', 96, 0],
    ['ENETUNREACH', 97, 0],
    ['EHOSTUNREACH', 97, 1],
    ['EMFILE', 64, 0],
    ['ETIMEDOUT', 65, 0],
  ])('tells %s as code %i', (failure, code, value) => {
    expect(errorForFailure(failure)).toEqual({ code, value });
  });
});

describe('a client', () => {
  const memory = (): ConverterMemory => new ConverterMemory();
  const attempt = { converter: '192.0.2.1:5124', server: '198.51.100.1:80', cookie: undefined };
  const choose = (known: ConverterMemory, now = 0) => known.choose(now, attempt.converter, attempt.server);
  const answer = (bytes: Uint8Array) => readAnswer(readAll(bytes));

  it('asks for Multipath TCP towards the server without content (RFC 8803 §7.5)', () => {
    expect(requestMessage({ remote })).toEqual(
      hex('01 07 2263  0a 06 0050  00000000 00000000 0000ffff c6336401  1e02 0000'),
    );
  });

  it('takes a message without a TLV for a connection of which nothing is told', () => {
    expect(answer(hex('01012263'))).toMatchObject({ kind: 'connected', isServerMultipath: undefined });
  });

  it.each(['1e 04 01 81', '1e 0c 01 81 0102030405060708', '1e 02 01 01'])(
    'learns from the option %s that the server speaks Multipath TCP, and goes without the converter then (§5.1)',
    (option) => {
      const known = memory();
      const connected = answer(confirmConnection(policy, false, hex(option)));
      expect(connected).toMatchObject({ isServerMultipath: true });
      expect(known.note(0, attempt, connected)).toBe(false);
      expect(choose(known)).toEqual({ way: 'direct', reason: 'server-is-multipath' });
      expect(choose(known, 601 * SECOND).way).toBe('converter');
      known.note(0, attempt, connected);
      known.forgetServer(attempt.server);
      expect(choose(known).way).toBe('converter');
    },
  );

  it.each([
    ['a repeated TLV (§6.2.1)', '01032263 14010000 14010000', 'repeated-tlv'],
    ['a TLV of type 0 (§6.2.2)', '01022263 00010000', 'reserved-tlv'],
    ['data of the server (§8)', '48545450 2f312e31', 'bad-magic'],
    ['its own request', '01062263 0a050050 00000000 00000000 0000ffff c6336401', 'request'],
  ])('takes %s for no answer, and leaves the converter alone', (_name, text, reason) => {
    const known = memory();
    const invalid = answer(hex(text));
    expect(invalid).toEqual({ kind: 'invalid', reason });
    expect(known.note(0, attempt, invalid)).toBe(false);
    expect(choose(known)).toEqual({ way: 'direct', reason: 'converter-rests' });
  });

  it('comes again with the cookie that it is given, once (code 3)', () => {
    const known = memory();
    const missing = answer(errorMessage(3, hex('00 0102030405060708')));
    expect(known.note(0, attempt, missing)).toBe(true);
    expect(choose(known)).toEqual({ way: 'converter', cookie: hex('0102030405060708') });
    expect(known.note(0, { ...attempt, cookie: hex('0102030405060708') }, missing)).toBe(false);
  });

  it('forgets a cookie that is not taken, and asks for another once (code 32)', () => {
    const known = memory();
    const cookie = hex('01020304');
    known.note(0, attempt, answer(errorMessage(3, Uint8Array.of(0, ...cookie))));
    expect(known.note(0, { ...attempt, cookie }, answer(errorMessage(32)))).toBe(true);
    expect(choose(known)).toEqual({ way: 'converter', cookie: undefined });
    expect(known.note(0, attempt, answer(errorMessage(32)))).toBe(false);
  });

  it.each([
    [64, 0, 30],
    [65, 0, 30],
    [64, 5, 5],
    [96, 0, 0],
    [97, 3, 0],
  ])('waits after code %i with value %i for %i seconds (§6.2.8)', (code, value, seconds) => {
    const known = memory();
    const failed = answer(errorMessage(code, Uint8Array.of(value)));
    expect(failed.kind === 'error' && retrySeconds(failed.error)).toBe(seconds);
    known.note(0, attempt, failed);
    expect(choose(known, Math.max(0, seconds * SECOND - 1)).way).toBe(seconds === 0 ? 'converter' : 'direct');
    expect(choose(known, seconds * SECOND).way).toBe('converter');
  });

  it('remembers a bounded number of servers', () => {
    const known = memory();
    const multipath = answer(confirmConnection(policy, false, hex('1e040181')));
    for (let i = 0; i <= MAX_REMEMBERED; i++) known.note(0, { ...attempt, server: `server ${i}` }, multipath);
    expect(known.choose(0, attempt.converter, 'server 0').way).toBe('converter');
    expect(known.choose(0, attempt.converter, 'server 1').way).toBe('direct');
  });
});
