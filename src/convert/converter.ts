/**
 * The converter's part of the protocol: what is to be done about what a client sent first, and how a connection to the
 * server is confirmed. Opens no connection, and knows no rules on who may connect where beyond the RFC's own.
 *
 * Read first: RFC 8803 §6.2.2 to §6.2.8 and §7.
 */
import type { MessageRead } from '../base/index.js';
import type { Endpoint, IpAddress } from '../wire/index.js';
import { TcpOptionKind } from '../wire/index.js';
import type { ConvertCookies } from './cookies.js';
import { answerToInvalid, codeOfMessage, convertErrorName, echoingError, errorMessage } from './errors.js';
import { emitConvert } from './message.js';
import { ConvertErrorCode, type ConvertMessage, type ConvertTlv, type RequestedOption } from './tlv.js';

/** What a converter is and demands. */
export interface ConverterPolicy {
  /** Kinds of TCP options that it has in its SYNs, for clients to ask for; {@link convertibleKinds} or some of them. */
  readonly supportedKinds: readonly number[];
  /** Demands a cookie of each client; undefined: of none. */
  readonly cookies: ConvertCookies | undefined;
  /** Whether servers on loopback addresses may be asked for, which RFC 8803 §6.2.5 forbids: for tests and for tools. */
  readonly isLoopbackAllowed: boolean;
}

/** What is to be done. */
export type ConvertVerdict =
  | { readonly act: 'connect'; readonly remote: Endpoint; readonly isInfoAsked: boolean }
  /** Send `bytes`, then close in good order: a reset could overtake them (RFC 8803 §6.2.2). `error`: by name. */
  | { readonly act: 'answer'; readonly bytes: Uint8Array; readonly error: string | undefined }
  | { readonly act: 'reset'; readonly error: string };

/** Options that a kernel has in its SYNs by itself, and that may be asked for without a value (RFC 8803 §7.3 to §7.5). */
export const convertibleKinds: readonly number[] = [
  TcpOptionKind.SACK_PERMITTED,
  TcpOptionKind.TIMESTAMPS,
  TcpOptionKind.MPTCP,
];

/** Kinds that are read over in a Connect TLV: they are each stack's own (RFC 8803 §7.1 to §7.3). */
const ignoredKinds: readonly number[] = [
  TcpOptionKind.END,
  TcpOptionKind.NOP,
  TcpOptionKind.MSS,
  TcpOptionKind.WINDOW_SCALE,
  TcpOptionKind.SACK,
];

/** Judges what a reader made of the first bytes of a connection from `client`; `now` in ns, for cookies. */
export function judgeRequest(
  read: Exclude<MessageRead<ConvertMessage>, { state: 'more' }>,
  policy: ConverterPolicy,
  client: IpAddress,
  now: number,
): ConvertVerdict {
  if (read.state === 'invalid') {
    const bytes = answerToInvalid(read.error, read.received);
    if (bytes === undefined) return { act: 'reset', error: read.error.code };
    return { act: 'answer', bytes, error: convertErrorName(codeOfMessage(bytes)) };
  }
  return judgeMessage(read, policy, client, now);
}

/** A whole message, and its bytes. */
type WholeMessage = Extract<MessageRead<ConvertMessage>, { state: 'message' }>;

function judgeMessage(
  message: WholeMessage,
  policy: ConverterPolicy,
  client: IpAddress,
  now: number,
): ConvertVerdict {
  const { tlvs } = message.value;
  if (tlvs.length === 0) return failed(ConvertErrorCode.MALFORMED_MESSAGE, message);
  // What only a converter sends, and what nobody knows, is not supported (RFC 8803 §6.2.8, code 2).
  const isKnown = ({ type }: ConvertTlv): boolean =>
    type === 'info' || type === 'connect' || type === 'cookie';
  if (!tlvs.every(isKnown)) return failed(ConvertErrorCode.UNSUPPORTED_MESSAGE, message);
  const refused = judgeCookie(message.value, policy, client, now);
  if (refused !== undefined) return refused;
  const isInfoAsked = tlvs.some(({ type }) => type === 'info');
  const connect = tlvs.find((tlv) => tlv.type === 'connect');
  if (connect === undefined) {
    if (!isInfoAsked) return failed(ConvertErrorCode.MALFORMED_MESSAGE, message);
    return { act: 'answer', bytes: emitConvert({ tlvs: [supported(policy)] }), error: undefined };
  }
  const { remote, options } = connect;
  if (!mayBeServer(remote, policy.isLoopbackAllowed))
    return failed(ConvertErrorCode.MALFORMED_MESSAGE, message);
  const strange = options.filter((option) => !isConvertible(option, policy)).map(({ kind }) => kind);
  if (strange.length > 0)
    return refuse(ConvertErrorCode.UNSUPPORTED_TCP_OPTION, Uint8Array.from(new Set(strange)));
  return { act: 'connect', remote, isInfoAsked };
}

/** Why the client may not go on, where cookies are demanded (RFC 8803 §6.2.7). */
function judgeCookie(
  { tlvs }: ConvertMessage,
  { cookies }: ConverterPolicy,
  client: IpAddress,
  now: number,
): ConvertVerdict | undefined {
  if (cookies === undefined) return undefined;
  const given = tlvs.find((tlv) => tlv.type === 'cookie');
  if (given === undefined) {
    const cookie = cookies.issue(now, client);
    return refuse(ConvertErrorCode.MISSING_COOKIE, Uint8Array.of(0, ...cookie));
  }
  return cookies.isValid(now, client, given.cookie) ? undefined : refuse(ConvertErrorCode.NOT_AUTHORIZED);
}

/** Whether a Connect TLV may name `remote` (RFC 8803 §6.2.5). The unspecified address means the converter itself to some systems. */
function mayBeServer({ address, port }: Endpoint, isLoopbackAllowed: boolean): boolean {
  if (port === 0 || !address.isOneHost) return false;
  return isLoopbackAllowed || !address.isLoopback;
}

/** Whether the option is in the SYN anyway, as it would be for the client: a value of its own nobody could copy there. */
function isConvertible({ kind, value }: RequestedOption, policy: ConverterPolicy): boolean {
  if (ignoredKinds.includes(kind)) return true;
  return policy.supportedKinds.includes(kind) && value.length === 0;
}

function supported({ supportedKinds }: ConverterPolicy): ConvertTlv {
  return { type: 'supported-tcp-extensions', kinds: supportedKinds };
}

/** The answer to a request whose connection to the server is there; `options`: those of the server's SYN+ACK. */
export function confirmConnection(
  policy: ConverterPolicy,
  isInfoAsked: boolean,
  options: Uint8Array,
): Uint8Array {
  const header: ConvertTlv = { type: 'extended-tcp-header', options };
  return emitConvert({ tlvs: isInfoAsked ? [supported(policy), header] : [header] });
}

/** An answer with an error that has nothing to echo. */
export function refuse(code: number, value?: Uint8Array): ConvertVerdict {
  return { act: 'answer', bytes: errorMessage(code, value), error: convertErrorName(code) };
}

function failed(code: number, { received }: WholeMessage): ConvertVerdict {
  return { act: 'answer', bytes: echoingError(code, received), error: convertErrorName(code) };
}
