/**
 * Errors of connections through proxies. What went wrong with the server has the code that `net` gives for it
 * (`ECONNREFUSED`, `ENETUNREACH` ...), whoever found out; what a proxy itself has against it is a {@link ProxyError}.
 */
import { SubflowError } from '../../base/index.js';

/** What is between a client and a proxy; stable. */
export type ProxyErrorCode =
  /** The proxy cannot be connected to, or resets. */
  | 'ERR_SUBFLOW_PROXY_UNREACHABLE'
  /** What answers is no proxy of this protocol, or says nothing. */
  | 'ERR_SUBFLOW_PROXY_NO_ANSWER'
  /** User and password are asked for, or wrong. */
  | 'ERR_SUBFLOW_PROXY_AUTHENTICATION'
  /** Rules of the proxy forbid it. */
  | 'ERR_SUBFLOW_PROXY_NOT_ALLOWED'
  /** The proxy does not have what was asked for. */
  | 'ERR_SUBFLOW_PROXY_UNSUPPORTED'
  /** Anything else. */
  | 'ERR_SUBFLOW_PROXY_FAILED';

const hints: Record<ProxyErrorCode, string> = {
  ERR_SUBFLOW_PROXY_UNREACHABLE: 'Check its address and port, and that it runs.',
  ERR_SUBFLOW_PROXY_NO_ANSWER: 'Check that a proxy of this protocol listens there.',
  ERR_SUBFLOW_PROXY_AUTHENTICATION: 'Name the user in the URL, as in socks5://user:password@192.0.2.1:1080.',
  ERR_SUBFLOW_PROXY_NOT_ALLOWED: "Ask the proxy's operator; its rules are for clients and for destinations.",
  ERR_SUBFLOW_PROXY_UNSUPPORTED: 'Use another protocol or another proxy.',
  ERR_SUBFLOW_PROXY_FAILED: "The proxy's log may tell more.",
};

/** See the module. */
export class ProxyError extends SubflowError {
  declare readonly code: ProxyErrorCode;

  constructor(code: ProxyErrorCode, message: string, cause?: unknown) {
    super(code, message, { hint: hints[code], ...(cause !== undefined && { cause }) });
    this.name = 'ProxyError';
  }
}

/** The error for an answer that is none. */
export function noAnswer(protocol: string, reason: string): ProxyError {
  return new ProxyError(
    'ERR_SUBFLOW_PROXY_NO_ANSWER',
    `no answer of a proxy for ${protocol} came (${reason})`,
  );
}
