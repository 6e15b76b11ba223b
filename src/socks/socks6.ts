/**
 * SOCKS 6 between bytes and values: requests, both replies, and the answer to another version. The version byte is a
 * setting, for programs in use have others than the draft's. Read first: draft-olteanu-intarea-socks-6-11 §5 to §7.
 */
import { MessageReader, parseError, type Scan, SubflowError } from '../base/index.js';
import { readU16, writeU16 } from '../wire/index.js';
import { hostLength, hostType, MAX_NAME_BYTES, readHost, type SocksHost, writeHost } from './destination.js';
import {
  emitSocks6Options,
  MAX_SOCKS6_OPTIONS_BYTES,
  parseSocks6Options,
  type Socks6Option,
} from './socks6-options.js';

/** The draft's version byte; programs in use have 207 and 212, too. */
export const SOCKS6_VERSION = 6;

/** What a client may want (§5); the others as of SOCKS 5. */
export const SOCKS6_NOOP = 0;

/** The client's request. */
export interface Socks6Request {
  /** 0 for no operation, or one of `SocksCommand`. */
  readonly command: number;
  readonly host: SocksHost;
  readonly port: number;
  readonly options: readonly Socks6Option[];
}

/** Whether the client is who it has to be (§6). */
export interface Socks6AuthenticationReply {
  readonly isSuccess: boolean;
  readonly options: readonly Socks6Option[];
}

/** How it went (§7). */
export interface Socks6OperationReply {
  /** One of `SocksReplyCode`. */
  readonly code: number;
  readonly host: SocksHost;
  readonly port: number;
  readonly options: readonly Socks6Option[];
}

function invalid(code: string, offset: number, message: string): Scan<never> {
  return { state: 'invalid', error: parseError(code, offset, message) };
}

/** Version and length of the options, which stand at the same place in every message. */
function checkHead(bytes: Uint8Array, version: number): Scan<never> | undefined {
  if (bytes.length === 0) return { state: 'more', atLeast: 1 };
  if (bytes[0] !== version) return invalid('bad-version', 0, `version ${bytes[0]} is not ${version}`);
  if (bytes.length < 4) return { state: 'more', atLeast: 4 };
  const length = readU16(bytes, 2);
  if (length > MAX_SOCKS6_OPTIONS_BYTES) return invalid('too-long', 2, `${length} bytes of options`);
  return length % 4 === 0 ? undefined : invalid('bad-length', 2, 'options are no whole words');
}

/**
 * Looks for a request. Codes: `bad-version` (to be answered with {@link emitVersionMismatch}), `too-long`, `bad-length`,
 * `bad-padding`, `bad-address-type`, `bad-name`.
 */
export function scanSocks6Request(bytes: Uint8Array, version = SOCKS6_VERSION): Scan<Socks6Request> {
  return scanAddressed(bytes, version, (command, rest) => ({ command, ...rest }));
}

/** Looks for an operation reply; codes as of {@link scanSocks6Request}. */
export function scanSocks6OperationReply(
  bytes: Uint8Array,
  version = SOCKS6_VERSION,
): Scan<Socks6OperationReply> {
  return scanAddressed(bytes, version, (code, rest) => ({ code, ...rest }));
}

/** Requests and operation replies differ in what their second byte means. */
function scanAddressed<T>(
  bytes: Uint8Array,
  version: number,
  make: (second: number, rest: Omit<Socks6Request, 'command'>) => T,
): Scan<T> {
  const wrong = checkHead(bytes, version);
  if (wrong !== undefined) return wrong;
  if (bytes.length < 8) return { state: 'more', atLeast: 8 };
  if (bytes[6] !== 0) return invalid('bad-padding', 6, 'the padding is not zero');
  const optionsLength = readU16(bytes, 2);
  const host = readHost(bytes, 8, bytes[7]!, true);
  if (host.state !== 'done') return host;
  const length = host.end + optionsLength;
  if (bytes.length < length) return { state: 'more', atLeast: length };
  const options = parseSocks6Options(bytes, host.end, optionsLength);
  if (!options.ok) return { state: 'invalid', error: options };
  const rest = { host: host.value, port: readU16(bytes, 4), options: options.value };
  return { state: 'done', value: make(bytes[1]!, rest), length };
}

/** Looks for an authentication reply. Codes: `bad-version`, `too-long`, `bad-length`, `bad-type`. */
export function scanSocks6AuthenticationReply(
  bytes: Uint8Array,
  version = SOCKS6_VERSION,
): Scan<Socks6AuthenticationReply> {
  const wrong = checkHead(bytes, version);
  if (wrong !== undefined) return wrong;
  if (bytes[1]! > 1) return invalid('bad-type', 1, `type ${bytes[1]} of a reply`);
  const optionsLength = readU16(bytes, 2);
  const length = 4 + optionsLength;
  if (bytes.length < length) return { state: 'more', atLeast: length };
  const options = parseSocks6Options(bytes, 4, optionsLength);
  if (!options.ok) return { state: 'invalid', error: options };
  return { state: 'done', value: { isSuccess: bytes[1] === 0, options: options.value }, length };
}

/** Writes a request. Throws `ERR_SUBFLOW_BAD_NAME` and `ERR_SUBFLOW_BAD_MESSAGE`. */
export function emitSocks6Request(request: Socks6Request, version = SOCKS6_VERSION): Uint8Array {
  return emitAddressed(request.command, request, version);
}

/** Writes an operation reply; throws as {@link emitSocks6Request}. */
export function emitSocks6OperationReply(reply: Socks6OperationReply, version = SOCKS6_VERSION): Uint8Array {
  return emitAddressed(reply.code, reply, version);
}

function emitAddressed(second: number, message: Omit<Socks6Request, 'command'>, version: number): Uint8Array {
  const { host, port, options } = message;
  checkVersion(version);
  const body = emitSocks6Options(options);
  const hostBytes = hostLength(host, true);
  const bytes = new Uint8Array(8 + hostBytes + body.length);
  bytes[0] = version;
  bytes[1] = second;
  writeU16(bytes, 2, body.length);
  writeU16(bytes, 4, port);
  bytes[7] = hostType(host);
  writeHost(host, bytes, 8, true);
  bytes.set(body, 8 + hostBytes);
  return bytes;
}

/** Writes an authentication reply. */
export function emitSocks6AuthenticationReply(
  reply: Socks6AuthenticationReply,
  version = SOCKS6_VERSION,
): Uint8Array {
  checkVersion(version);
  const body = emitSocks6Options(reply.options);
  const bytes = new Uint8Array(4 + body.length);
  bytes[0] = version;
  bytes[1] = reply.isSuccess ? 0 : 1;
  writeU16(bytes, 2, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** What a proxy answers to a request of another version (§5.1): this one's number alone. */
export function emitVersionMismatch(version = SOCKS6_VERSION): Uint8Array {
  checkVersion(version);
  return Uint8Array.of(version);
}

function checkVersion(version: number): void {
  // 4 and 5 would make it impossible to tell the protocols apart.
  if (Number.isInteger(version) && version > 5 && version <= 255) return;
  throw new SubflowError('ERR_SUBFLOW_BAD_VERSION', `${version} cannot be the version byte of SOCKS 6`);
}

const MAX_MESSAGE_BYTES = 8 + 1 + MAX_NAME_BYTES + MAX_SOCKS6_OPTIONS_BYTES;

/** A reader for one of the scanners above. */
export function socks6Reader<T>(
  scan: (bytes: Uint8Array, version: number) => Scan<T>,
  version = SOCKS6_VERSION,
): MessageReader<T> {
  return new MessageReader((bytes) => scan(bytes, version), MAX_MESSAGE_BYTES);
}
