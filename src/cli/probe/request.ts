/** What is asked of a server: a request in two pieces that keeps it waiting for more, by what servers of the port speak. */

import { randomBytes } from 'node:crypto';
import type { ProbeRequest } from '../../probe/index.js';
import { readVersion } from '../version.js';

/** Kinds of requests. */
export const requestKinds = ['http', 'tls'] as const;
export type RequestKind = (typeof requestKinds)[number];

/** Ports on which TLS is spoken as a rule. */
const tlsPorts = new Set([443, 853, 993, 995, 8443]);

/** The kind that suits a port. */
export function requestKindFor(port: number): RequestKind {
  return tlsPorts.has(port) ? 'tls' : 'http';
}

/** The request of that kind for `host`. */
export function requestOf(kind: RequestKind, host: string): ProbeRequest {
  return kind === 'http' ? httpRequest(host) : unfinishedHello();
}

function httpRequest(host: string): ProbeRequest {
  const encoder = new TextEncoder();
  return {
    head: encoder.encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: subflow-probe/${readVersion()}\r\n`),
    tail: encoder.encode('Connection: close\r\n\r\n'),
  };
}

/**
 * The beginning of a ClientHello (RFC 8446 §4.1.2) that fills the largest record (§5.1): a server waits for the rest, which
 * never comes, also while a trace sends more of it than a usual one has.
 */
function unfinishedHello(): ProbeRequest {
  const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc, 0x03, 0x03);
  const head = new Uint8Array(hello.length + 32);
  head.set(hello);
  head.set(randomBytes(32), hello.length);
  return { head, tail: Uint8Array.of(0x00, 0x00, 0x06, 0x13, 0x01) };
}
