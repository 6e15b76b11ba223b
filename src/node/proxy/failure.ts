/**
 * Why a connection could not be had, as a proxy tells its client: one word for each thing that some protocol can say, made
 * from the errors of `net`, of converters and of other proxies. Read first: RFC 1928 §6, RFC 9110 §15.6, RFC 9209 §2.3.
 */
import { codeOf } from '../net-error.js';

/** Stable, in kebab-case. */
export type ProxyFailure =
  /** Rules forbid it: these, or those of a proxy further on. */
  | 'not-allowed'
  | 'name-not-found'
  | 'network-unreachable'
  | 'host-unreachable'
  | 'refused'
  | 'timed-out'
  /** Descriptors, memory or ports have run out. */
  | 'no-resources'
  /** What is asked for cannot be had here. */
  | 'unsupported'
  /** A proxy further on is not there, or has something against this one. */
  | 'upstream-failed'
  | 'failed';

const failures: Readonly<Record<string, ProxyFailure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ENETUNREACH: 'network-unreachable',
  ENETDOWN: 'network-unreachable',
  EHOSTUNREACH: 'host-unreachable',
  EHOSTDOWN: 'host-unreachable',
  ETIMEDOUT: 'timed-out',
  EACCES: 'not-allowed',
  EPERM: 'not-allowed',
  ENOTFOUND: 'name-not-found',
  EMFILE: 'no-resources',
  ENFILE: 'no-resources',
  ENOBUFS: 'no-resources',
  ENOMEM: 'no-resources',
  EADDRNOTAVAIL: 'no-resources',
  ERR_SUBFLOW_PROXY_NOT_ALLOWED: 'not-allowed',
  ERR_SUBFLOW_PROXY_UNREACHABLE: 'upstream-failed',
  ERR_SUBFLOW_PROXY_NO_ANSWER: 'upstream-failed',
  ERR_SUBFLOW_PROXY_AUTHENTICATION: 'upstream-failed',
  ERR_SUBFLOW_PROXY_UNSUPPORTED: 'upstream-failed',
  ERR_SUBFLOW_CONVERT_NOT_AUTHORIZED: 'not-allowed',
  // RFC 8803 §6.2.8: a network failure is a server that did not answer the converter.
  ERR_SUBFLOW_CONVERT_NETWORK_FAILURE: 'timed-out',
  ERR_SUBFLOW_CONVERT_RESOURCE_EXCEEDED: 'no-resources',
};

/** The failure that an error amounts to. */
export function failureOf(error: unknown): ProxyFailure {
  const code = codeOf(error) ?? '';
  if (Object.hasOwn(failures, code)) return failures[code]!;
  if (code.startsWith('EAI_')) return 'name-not-found';
  return code.startsWith('ERR_SUBFLOW_CONVERT_') ? 'upstream-failed' : 'failed';
}
