/** Errors of a connection through a converter: the converter's own have codes of theirs, the server's those that `net` gives. */
import { SubflowError } from '../../base/index.js';
import {
  ConvertErrorCode,
  convertErrorName,
  type ConvertErrorTlv,
  failureOfError,
  retrySeconds,
} from '../../convert/index.js';
import { netError } from '../net-error.js';

/** What to do about each, by code. */
const hints = new Map<number, string>([
  [ConvertErrorCode.UNSUPPORTED_VERSION, 'The converter speaks another version of the protocol.'],
  [ConvertErrorCode.MALFORMED_MESSAGE, 'The converter takes no loopback, multicast or broadcast address.'],
  [ConvertErrorCode.MISSING_COOKIE, 'Connect again: the cookie that came is remembered.'],
  [
    ConvertErrorCode.NOT_AUTHORIZED,
    "Ask the converter's operator; its rules are for clients and for destinations.",
  ],
]);

/** A converter refused, or did not answer as one. */
export class ConvertError extends SubflowError {
  /** The code of the Error TLV (RFC 8803 §6.2.8); undefined where there was none. */
  readonly convertCode: number | undefined;
  /** How long to leave the converter alone, in seconds; 0: no matter. */
  readonly retrySeconds: number;

  constructor(code: string, message: string, error?: ConvertErrorTlv, hint = '') {
    super(code, message, { hint });
    this.name = 'ConvertError';
    this.convertCode = error?.code;
    this.retrySeconds = error === undefined ? 0 : retrySeconds(error);
  }
}

/**
 * The error of a connection to `address` and `port` for what a converter said: as of `net` where the server or the way to it
 * is meant (codes 96 and 97), else a {@link ConvertError} with `ERR_SUBFLOW_CONVERT_` and the error's name.
 */
export function errorOf(error: ConvertErrorTlv, address: string, port: number): Error {
  const failure = failureOfError(error);
  if (failure !== undefined) return netError(failure, 'connect', { address, port });
  const name = convertErrorName(error.code);
  const code = `ERR_SUBFLOW_CONVERT_${name.toUpperCase().replaceAll('-', '_')}`;
  const seconds = retrySeconds(error);
  const hint = seconds > 0 ? `Try again in ${seconds} s.` : (hints.get(error.code) ?? '');
  return new ConvertError(code, `the converter refuses: ${name.replaceAll('-', ' ')}`, error, hint);
}

/** The error for an answer that is none (RFC 8803 §8). */
export function invalidAnswer(reason: string): ConvertError {
  return new ConvertError(
    ...(['ERR_SUBFLOW_CONVERT_NO_ANSWER', `no answer of a converter came (${reason})`] as const),
    undefined,
    'Check that a converter listens there, and that no box on the way changes what is sent.',
  );
}
