/** What the fuzzer feeds of HTTP CONNECT: what clients and other proxies say, whole and in pieces. */
import { assert, MessageReader, type Scan } from '../../src/base/index.js';
import {
  emitBasic,
  emitConnectAnswer,
  emitConnectRequest,
  MAX_HEAD_BYTES,
  parseBasic,
  scanConnectAnswer,
  scanConnectRequest,
  statusOfInvalid,
} from '../../src/http-connect/index.js';
import type { FuzzTarget } from './target.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Read in pieces as whole, and of bounded length. */
function runScan<T>(scan: (bytes: Uint8Array) => Scan<T>, input: Uint8Array): string {
  const whole = new MessageReader(scan, MAX_HEAD_BYTES).read(input);
  const reader = new MessageReader(scan, MAX_HEAD_BYTES);
  const step = 16 + (input.length % 41);
  let last = reader.read(input.subarray(0, 0));
  for (let at = 0; at < input.length && last.state === 'more'; at += step) {
    last = reader.read(input.subarray(at, at + step));
    assert(reader.heldBytes <= MAX_HEAD_BYTES, 'a reader is bounded');
  }
  assert(last.state === whole.state, 'a head reads the same however it is cut');
  return whole.state === 'invalid' ? whole.error.code : whole.state;
}

function runRequest(input: Uint8Array): string {
  const scanned = scanConnectRequest(input);
  if (scanned.state === 'invalid') {
    const status = statusOfInvalid(scanned.error.code);
    assert(status >= 400 && status < 600, 'what is wrong has an answer');
  } else if (scanned.state === 'done') {
    assert(scanned.length <= input.length, 'a request lies within its bytes');
    const again = scanConnectRequest(emitConnectRequest(scanned.value));
    assert(again.state === 'done', 'what was read can be written, and read again');
  }
  return runScan(scanConnectRequest, input);
}

function runBasic(input: Uint8Array): string {
  const text = String.fromCharCode(...input);
  return parseBasic(text) === undefined ? 'none' : 'credentials';
}

const credentials = { user: bytes('user'), password: bytes('secret') };
const limits = { maxBytes: 400, packetsPerInput: 4 };

export const httpConnectTargets: readonly FuzzTarget[] = [
  {
    name: 'http-connect.request',
    seeds: [
      emitConnectRequest({ host: 'www.example.org', port: 443 }),
      emitConnectRequest({ host: 'www.example.org', port: 443, credentials }),
      bytes('CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nearly'),
      bytes('GET http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ],
    ...limits,
    run: runRequest,
  },
  {
    name: 'http-connect.answer',
    seeds: [
      emitConnectAnswer({ status: 200 }),
      emitConnectAnswer({ status: 502, proxyError: 'connection_refused' }),
      bytes('HTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
    ...limits,
    run: (input) => runScan(scanConnectAnswer, input),
  },
  { name: 'http-connect.basic', seeds: [bytes(emitBasic(credentials))], ...limits, run: runBasic },
];
