/** What the fuzzer feeds of the protocols of proxies: each scanner whole and in pieces, and what Convert's roles make of it. */
import { assert, MessageReader, type MessageRead, type Scan, SeededRandom } from '../../src/base/index.js';
import {
  ConvertCookies,
  ConverterMemory,
  type ConvertMessage,
  convertibleKinds,
  emitConvert,
  judgeRequest,
  MAX_CONVERT_BYTES,
  readAnswer,
  requestMessage,
  scanConvert,
} from '../../src/convert/index.js';
import {
  emitGreeting,
  emitPassword,
  emitReply,
  emitRequest,
  emitSocks6AuthenticationReply,
  emitSocks6OperationReply,
  emitSocks6Request,
  fastOpenOption,
  multipathOption,
  parseAuthority,
  parseDatagramHeader,
  scanGreeting,
  scanPassword,
  scanReply,
  scanRequest,
  scanSocks6AuthenticationReply,
  scanSocks6OperationReply,
  scanSocks6Request,
} from '../../src/socks/index.js';
import { IpAddress } from '../../src/wire/index.js';
import type { FuzzTarget } from './target.js';

const MAX_BYTES = 1100;
const client = IpAddress.parse('192.0.2.1')!;
const remote = { address: IpAddress.parse('198.51.100.1')!, port: 80 };
const policy = {
  supportedKinds: convertibleKinds,
  cookies: new ConvertCookies(new SeededRandom(1)),
  isLoopbackAllowed: false,
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Feeds all at once and byte by byte: both end alike, and within the bounds. Gives how. */
function readBothWays<T>(
  scan: (bytes: Uint8Array) => Scan<T>,
  input: Uint8Array,
  max: number,
): MessageRead<T> {
  const whole = new MessageReader(scan, max).read(input);
  const reader = new MessageReader(scan, max);
  let last: MessageRead<T> = { state: 'more' };
  let taken = 0;
  while (last.state === 'more' && taken < input.length) {
    last = reader.read(input.subarray(taken, ++taken));
    assert(reader.heldBytes <= max, 'a reader is bounded');
  }
  assert(last.state === whole.state, 'a stream reads the same however it is cut');
  if (whole.state === 'message') assert(whole.received.length === taken, 'a message ends where it ends');
  return whole;
}

function outcome(read: MessageRead<unknown>): string {
  return read.state === 'invalid' ? `${read.error.code} ${read.error.offset}` : read.state;
}

function runConvert(input: Uint8Array): string {
  const read = readBothWays<ConvertMessage>(scanConvert, input, MAX_CONVERT_BYTES);
  if (read.state === 'more') return 'more';
  if (read.state === 'message') {
    const again = emitConvert(read.value);
    assert(scanConvert(again).state === 'done', 'what was read can be written, and read again');
  }
  const verdict = judgeRequest(read, policy, client, 1e18);
  if (verdict.act === 'answer') {
    assert(verdict.bytes.length <= MAX_CONVERT_BYTES, 'an answer is no longer than a message');
    assert(scanConvert(verdict.bytes).state === 'done', 'an answer is a message');
  }
  const answer = readAnswer(read);
  new ConverterMemory().note(0, { converter: 'a', server: 'b', cookie: undefined }, answer);
  return `${outcome(read)} ${verdict.act} ${verdict.act === 'connect' ? '' : verdict.error} ${answer.kind}`;
}

const socks5Scans = [scanGreeting, scanPassword, scanRequest, scanReply] as const;
const socks6Scans = [scanSocks6Request, scanSocks6AuthenticationReply, scanSocks6OperationReply] as const;

function runSocks5(input: Uint8Array): string {
  const outcomes = socks5Scans.map((scan) => outcome(readBothWays<unknown>(scan, input, 600)));
  const datagram = parseDatagramHeader(input);
  if (datagram.ok) assert(datagram.value.data.length <= input.length, 'data lies within its datagram');
  parseAuthority(String.fromCharCode(...input));
  return outcomes.join();
}

function runSocks6(input: Uint8Array): string {
  return socks6Scans
    .map((scan) => outcome(readBothWays<unknown>((part) => scan(part), input, 21_000)))
    .join();
}

const cookie = new Uint8Array(16).fill(7);
const options = [multipathOption(true), fastOpenOption(1200), { kind: 'session-request' }] as const;
const name = 'www.example.org';

export const proxyTargets: readonly FuzzTarget[] = [
  {
    name: 'convert.message',
    seeds: [
      requestMessage({ remote }),
      requestMessage({ remote, isInfoAsked: true, cookie }),
      emitConvert({ tlvs: [{ type: 'supported-tcp-extensions', kinds: [4, 8, 30] }] }),
      emitConvert({ tlvs: [{ type: 'extended-tcp-header', options: Uint8Array.of(30, 4, 1, 129) }] }),
      emitConvert({ tlvs: [{ type: 'error', code: 3, value: Uint8Array.of(0, ...cookie) }] }),
    ],
    ...{ maxBytes: MAX_BYTES, packetsPerInput: 1, run: runConvert },
  },
  {
    name: 'socks.5',
    seeds: [
      emitGreeting({ methods: [0, 2] }),
      emitPassword({ user: bytes('user'), password: bytes('password') }),
      emitRequest({ command: 1, host: name, port: 443 }),
      emitReply({ code: 0, host: client, port: 1080 }),
      bytes('www.example.org:443'),
    ],
    ...{ maxBytes: MAX_BYTES, packetsPerInput: 1, run: runSocks5 },
  },
  {
    name: 'socks.6',
    seeds: [
      emitSocks6Request({ command: 1, host: name, port: 443, options }),
      emitSocks6AuthenticationReply({ isSuccess: true, options: [{ kind: 'session-id', id: cookie }] }),
      emitSocks6OperationReply({ code: 0, host: client, port: 1, options: [multipathOption(false)] }),
    ],
    ...{ maxBytes: MAX_BYTES, packetsPerInput: 1, run: runSocks6 },
  },
];
