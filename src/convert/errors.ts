/**
 * Errors of Convert: which one a bad message gets, what each says, and how a failed connection is told.
 * Read first: RFC 8803 §6.2.8.
 */
import type { ParseError } from '../base/index.js';
import { emitConvert } from './message.js';
import { CONVERT_VERSION, ConvertErrorCode, type ConvertTlv, MAX_CONVERT_BYTES } from './tlv.js';

/** The Error TLV as a value. */
export type ConvertErrorTlv = Extract<ConvertTlv, { type: 'error' }>;

/** How long a client waits where the converter does not say (RFC 8803 §6.2.8, codes 64 and 65), in seconds. */
export const DEFAULT_RETRY_SECONDS = 30;
/** Headers of a message and of its one TLV: what is left is for the value. */
const MAX_ECHO_BYTES = MAX_CONVERT_BYTES - 8;

/** Names by code, for people and for log lines; stable, in kebab-case. */
const names = new Map<number, string>([
  [ConvertErrorCode.UNSUPPORTED_VERSION, 'unsupported-version'],
  [ConvertErrorCode.MALFORMED_MESSAGE, 'malformed-message'],
  [ConvertErrorCode.UNSUPPORTED_MESSAGE, 'unsupported-message'],
  [ConvertErrorCode.MISSING_COOKIE, 'missing-cookie'],
  [ConvertErrorCode.NOT_AUTHORIZED, 'not-authorized'],
  [ConvertErrorCode.UNSUPPORTED_TCP_OPTION, 'unsupported-tcp-option'],
  [ConvertErrorCode.RESOURCE_EXCEEDED, 'resource-exceeded'],
  [ConvertErrorCode.NETWORK_FAILURE, 'network-failure'],
  [ConvertErrorCode.CONNECTION_RESET, 'connection-reset'],
  [ConvertErrorCode.DESTINATION_UNREACHABLE, 'destination-unreachable'],
]);

/** The name of an error code, as in `not-authorized`; `error-77` for one that is not in the registry. */
export function convertErrorName(code: number): string {
  return names.get(code) ?? `error-${code}`;
}

/** A message with one Error TLV. `value` is everything behind the code; one byte at least, of zero where nothing is said. */
export function errorMessage(code: number, value: Uint8Array = Uint8Array.of(0)): Uint8Array {
  return emitConvert({ tlvs: [{ type: 'error', code, value }] });
}

/** An error that echoes what it is about, kept at its alignment and cut where it would not fit (RFC 8803, figure 23). */
export function echoingError(code: number, received: Uint8Array): Uint8Array {
  const echo = received.subarray(0, MAX_ECHO_BYTES);
  const value = new Uint8Array(1 + echo.length);
  value.set(echo, 1);
  return errorMessage(code, value);
}

/**
 * What a converter answers to bytes that are no message; undefined where it is to reset the connection: for a length of
 * zero (RFC 8803 §6.1), and for a stream without a Convert message, to whose sender an error would mean nothing (§6).
 */
export function answerToInvalid(error: ParseError, received: Uint8Array): Uint8Array | undefined {
  switch (error.code) {
    case 'zero-length':
    case 'bad-magic':
      return undefined;
    case 'bad-version':
      return errorMessage(ConvertErrorCode.UNSUPPORTED_VERSION, Uint8Array.of(CONVERT_VERSION));
    case 'reserved-tlv':
      // RFC 8803 §6.2.2: type 0 is not malformed but unsupported.
      return echoingError(ConvertErrorCode.UNSUPPORTED_MESSAGE, received);
    default:
      return echoingError(ConvertErrorCode.MALFORMED_MESSAGE, received);
  }
}

/** The code in a message of {@link errorMessage}. */
export function codeOfMessage(answer: Uint8Array): number {
  return answer[6]!;
}

/** Seconds to leave the converter alone after `error`; 0 where it is not about the converter. */
export function retrySeconds({ code, value }: ConvertErrorTlv): number {
  if (code !== ConvertErrorCode.RESOURCE_EXCEEDED && code !== ConvertErrorCode.NETWORK_FAILURE) return 0;
  const asked = value[0] ?? 0;
  return asked === 0 ? DEFAULT_RETRY_SECONDS : asked;
}

/** Codes of ICMP's destination unreachable that TCP takes for hard errors (RFC 5461 table 1), by what the system says. */
const icmpCodes = new Map<string, number>([
  ['ENETUNREACH', 0],
  ['EHOSTUNREACH', 1],
  ['ENOPROTOOPT', 2],
  ['EACCES', 13],
  ['EPERM', 13],
]);

/**
 * The error for a connection to the server that failed with the system's `code`, as in `ECONNREFUSED`. What the system does
 * not tell apart, an ICMP error's exact code, is the nearest one.
 */
export function errorForFailure(code: string): { readonly code: number; readonly value: number } {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET')
    return { code: ConvertErrorCode.CONNECTION_RESET, value: 0 };
  const icmp = icmpCodes.get(code);
  if (icmp !== undefined) return { code: ConvertErrorCode.DESTINATION_UNREACHABLE, value: icmp };
  if (
    code === 'EMFILE' ||
    code === 'ENFILE' ||
    code === 'ENOBUFS' ||
    code === 'ENOMEM' ||
    code === 'EADDRNOTAVAIL'
  )
    return { code: ConvertErrorCode.RESOURCE_EXCEEDED, value: 0 };
  return { code: ConvertErrorCode.NETWORK_FAILURE, value: 0 };
}

/** The system's name for an error that the server's side of the converter had; undefined for one of the converter's own. */
export function failureOfError({ code, value }: ConvertErrorTlv): string | undefined {
  if (code === ConvertErrorCode.CONNECTION_RESET) return 'ECONNREFUSED';
  if (code !== ConvertErrorCode.DESTINATION_UNREACHABLE) return undefined;
  const icmp = value[0] ?? 0;
  if (icmp === 2 || icmp === 3) return 'ECONNREFUSED';
  if (icmp === 9 || icmp === 10 || icmp === 13) return 'EACCES';
  return icmp === 0 || icmp === 6 || icmp === 11 ? 'ENETUNREACH' : 'EHOSTUNREACH';
}
