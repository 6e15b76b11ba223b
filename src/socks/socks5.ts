/**
 * SOCKS 5 between bytes and values: the messages of both sides, user name and password, and the header of datagrams.
 * Scanners are for {@link MessageReader}; what a proxy does is not known here.
 * Read first: RFC 1928 §3 to §7, RFC 1929 §2.
 */
import {
  MessageReader,
  parseError,
  parsed,
  type ParseResult,
  type Scan,
  SubflowError,
} from '../base/index.js';
import { readU16, writeU16 } from '../wire/index.js';
import { hostLength, hostType, MAX_NAME_BYTES, readHost, type SocksHost, writeHost } from './destination.js';

const VERSION = 5;
/** Version of the user name and password exchange (RFC 1929 §2). */
const PASSWORD_VERSION = 1;

/** Ways to authenticate (RFC 1928 §3). */
export const SocksMethod = { NONE: 0, PASSWORD: 2, NO_ACCEPTABLE: 0xff } as const;

/** What a client may want (RFC 1928 §4). */
export const SocksCommand = { CONNECT: 1, BIND: 2, UDP_ASSOCIATE: 3 } as const;

/** How it went (RFC 1928 §6); TIMED_OUT is of SOCKS 6 only. */
export const SocksReplyCode = {
  SUCCEEDED: 0,
  GENERAL_FAILURE: 1,
  NOT_ALLOWED: 2,
  NETWORK_UNREACHABLE: 3,
  HOST_UNREACHABLE: 4,
  CONNECTION_REFUSED: 5,
  TTL_EXPIRED: 6,
  COMMAND_NOT_SUPPORTED: 7,
  ADDRESS_TYPE_NOT_SUPPORTED: 8,
  TIMED_OUT: 9,
} as const;

/** The client's first message. */
export interface Socks5Greeting {
  /** Methods that it knows. */
  readonly methods: readonly number[];
}

/** RFC 1929's request; 1 to 255 bytes each, of whatever encoding. */
export interface SocksPassword {
  readonly user: Uint8Array;
  readonly password: Uint8Array;
}

/** The client's request. */
export interface Socks5Request {
  /** One of {@link SocksCommand}, or another number. */
  readonly command: number;
  readonly host: SocksHost;
  readonly port: number;
}

/** The proxy's reply. */
export interface Socks5Reply {
  /** One of {@link SocksReplyCode}, or another number. */
  readonly code: number;
  readonly host: SocksHost;
  readonly port: number;
}

/** What a datagram between client and proxy says before its data (RFC 1928 §7). */
export interface Socks5Datagram {
  readonly host: SocksHost;
  readonly port: number;
  /** Which part of a datagram this is; 0: the whole. */
  readonly fragment: number;
  readonly data: Uint8Array;
}

function needs(atLeast: number): Scan<never> {
  return { state: 'more', atLeast };
}

function invalid(code: string, offset: number, message: string): Scan<never> {
  return { state: 'invalid', error: parseError(code, offset, message) };
}

function wrongVersion(bytes: Uint8Array, version: number): Scan<never> | undefined {
  if (bytes.length === 0) return needs(1);
  return bytes[0] === version
    ? undefined
    : invalid('bad-version', 0, `version ${bytes[0]} is not ${version}`);
}

/** Looks for the client's first message. Codes: `bad-version`, `no-methods`. */
export function scanGreeting(bytes: Uint8Array): Scan<Socks5Greeting> {
  const wrong = wrongVersion(bytes, VERSION);
  if (wrong !== undefined) return wrong;
  if (bytes.length < 2) return needs(2);
  const length = 2 + bytes[1]!;
  if (length === 2) return invalid('no-methods', 1, 'no method is offered');
  if (bytes.length < length) return needs(length);
  return { state: 'done', value: { methods: [...bytes.subarray(2, length)] }, length };
}

/** Looks for the proxy's choice of a method. Codes: `bad-version`. */
export function scanMethodChoice(bytes: Uint8Array): Scan<number> {
  const wrong = wrongVersion(bytes, VERSION);
  if (wrong !== undefined) return wrong;
  return bytes.length < 2 ? needs(2) : { state: 'done', value: bytes[1]!, length: 2 };
}

/** Looks for RFC 1929's request. Codes: `bad-version`, `bad-length`. */
export function scanPassword(bytes: Uint8Array): Scan<SocksPassword> {
  const wrong = wrongVersion(bytes, PASSWORD_VERSION);
  if (wrong !== undefined) return wrong;
  if (bytes.length < 2) return needs(2);
  const userEnd = 2 + bytes[1]!;
  if (userEnd === 2) return invalid('bad-length', 1, 'the user name is empty');
  if (bytes.length <= userEnd) return needs(userEnd + 1);
  const length = userEnd + 1 + bytes[userEnd]!;
  if (length === userEnd + 1) return invalid('bad-length', userEnd, 'the password is empty');
  if (bytes.length < length) return needs(length);
  const value = { user: bytes.slice(2, userEnd), password: bytes.slice(userEnd + 1, length) };
  return { state: 'done', value, length };
}

/** Looks for RFC 1929's reply: whether the user may go on. Codes: `bad-version`. */
export function scanPasswordReply(bytes: Uint8Array): Scan<boolean> {
  const wrong = wrongVersion(bytes, PASSWORD_VERSION);
  if (wrong !== undefined) return wrong;
  return bytes.length < 2 ? needs(2) : { state: 'done', value: bytes[1] === 0, length: 2 };
}

/** Looks for a request. Codes: `bad-version`, `bad-reserved`, `bad-address-type`, `bad-name`. */
export function scanRequest(bytes: Uint8Array): Scan<Socks5Request> {
  return scanCommand(bytes, (command, host, port) => ({ command, host, port }));
}

/** Looks for a reply; codes as of {@link scanRequest}. */
export function scanReply(bytes: Uint8Array): Scan<Socks5Reply> {
  return scanCommand(bytes, (code, host, port) => ({ code, host, port }));
}

/** Requests and replies differ in what their second byte means. */
function scanCommand<T>(
  bytes: Uint8Array,
  make: (second: number, host: SocksHost, port: number) => T,
): Scan<T> {
  const wrong = wrongVersion(bytes, VERSION);
  if (wrong !== undefined) return wrong;
  // The length byte of a name is the last that there has to be.
  if (bytes.length < 5) return needs(5);
  if (bytes[2] !== 0) return invalid('bad-reserved', 2, 'the reserved byte is not zero');
  const host = readHost(bytes, 4, bytes[3]!);
  if (host.state !== 'done') return host;
  const length = host.end + 2;
  if (bytes.length < length) return needs(length);
  return { state: 'done', value: make(bytes[1]!, host.value, readU16(bytes, host.end)), length };
}

/** Reads a whole datagram. Codes: `truncated`, `bad-reserved`, `bad-address-type`, `bad-name`. `data` is a view. */
export function parseDatagramHeader(bytes: Uint8Array): ParseResult<Socks5Datagram> {
  if (bytes.length < 5) return parseError('truncated', bytes.length, 'shorter than a header');
  if (bytes[0] !== 0 || bytes[1] !== 0)
    return parseError('bad-reserved', 0, 'the reserved bytes are not zero');
  const host = readHost(bytes, 4, bytes[3]!);
  if (host.state === 'invalid') return host.error;
  if (host.state === 'more' || bytes.length < host.end + 2)
    return parseError('truncated', bytes.length, 'shorter than its header');
  const port = readU16(bytes, host.end);
  return parsed({ host: host.value, port, fragment: bytes[2]!, data: bytes.subarray(host.end + 2) });
}

/** Writes the client's first message. */
export function emitGreeting({ methods }: Socks5Greeting): Uint8Array {
  if (methods.length === 0 || methods.length > 255)
    throw new SubflowError('ERR_SUBFLOW_BAD_MESSAGE', `${methods.length} methods; 1 to 255 may be offered`);
  return Uint8Array.of(VERSION, methods.length, ...methods);
}

/** Writes the proxy's choice of a method. */
export function emitMethodChoice(method: number): Uint8Array {
  return Uint8Array.of(VERSION, method);
}

/** Writes RFC 1929's request. Throws `ERR_SUBFLOW_BAD_MESSAGE` for what is empty or longer than 255 bytes. */
export function emitPassword({ user, password }: SocksPassword): Uint8Array {
  for (const { length } of [user, password])
    if (length === 0 || length > 255)
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_MESSAGE',
        `a name or password of ${length} bytes; 1 to 255 can be said`,
      );
  return Uint8Array.of(PASSWORD_VERSION, user.length, ...user, password.length, ...password);
}

/** Writes RFC 1929's reply. */
export function emitPasswordReply(isWelcome: boolean): Uint8Array {
  return Uint8Array.of(PASSWORD_VERSION, isWelcome ? 0 : 1);
}

/** Writes a request. */
export function emitRequest({ command, host, port }: Socks5Request): Uint8Array {
  return emitCommand(command, host, port);
}

/** Writes a reply. */
export function emitReply({ code, host, port }: Socks5Reply): Uint8Array {
  return emitCommand(code, host, port);
}

function emitCommand(second: number, host: SocksHost, port: number): Uint8Array {
  const length = hostLength(host);
  const bytes = new Uint8Array(6 + length);
  bytes.set([VERSION, second, 0, hostType(host)]);
  writeHost(host, bytes, 4);
  writeU16(bytes, 4 + length, port);
  return bytes;
}

/** Writes a datagram. */
export function emitDatagramHeader({ host, port, fragment, data }: Socks5Datagram): Uint8Array {
  const length = hostLength(host);
  const bytes = new Uint8Array(6 + length + data.length);
  bytes[2] = fragment;
  bytes[3] = hostType(host);
  writeHost(host, bytes, 4);
  writeU16(bytes, 4 + length, port);
  bytes.set(data, 6 + length);
  return bytes;
}

/** Longest of the messages above: RFC 1929's request. */
const MAX_MESSAGE_BYTES = 3 + 2 * 255;

/** A reader for one of the scanners above. */
export function socks5Reader<T>(scan: (bytes: Uint8Array) => Scan<T>): MessageReader<T> {
  return new MessageReader(scan, Math.max(MAX_MESSAGE_BYTES, 7 + MAX_NAME_BYTES));
}
