/**
 * How a proxy gets to where its clients want to go: the seam between those who ask (sessions of whatever protocol, transparent
 * ones too) and those who connect (directly, through a converter, through other proxies).
 */
import type { SocksHost } from '../../socks/index.js';
import type { Endpoint } from '../../wire/index.js';
import type { AccessRules, RelaySocket } from '../relay/index.js';
import type { Lookup } from './permitted-addresses.js';

/** A connection that is asked for. */
export interface UpstreamRequest {
  /** An address, or a name that is to be looked up. */
  readonly host: SocksHost;
  readonly port: number;
  /** What the client has for the server by now; an upstream may send some of it along with its request. */
  readonly early: Uint8Array;
  /** Who asks; undefined where that is this process. */
  readonly client: Endpoint | undefined;
  /** Where connections may go: every address that a name leads to is judged. */
  readonly rules: AccessRules;
  /** Gives it up: the promise rejects with the signal's reason, and nothing is left open. */
  readonly signal: AbortSignal;
  /** Whether the first connection is to be Multipath TCP. Default: as the upstream is set, and the kernel can. */
  readonly isMultipath?: boolean | undefined;
  /** Most bytes of early data that may go with the SYN, and so perhaps arrive twice (RFC 7413 §6.1). Default 0. */
  readonly synBytes?: number | undefined;
}

/** A connection that is there. */
export interface OpenedConnection {
  /** Reads nothing until it is resumed. */
  readonly end: RelaySocket;
  /** How many bytes of `early` were sent. */
  readonly earlyBytes: number;
  /** What came from the server already. */
  readonly received: Uint8Array;
  /** Which way it went, for logs: `direct`, `converter 192.0.2.1:5124`. */
  readonly way: string;
  /** Where the last proxy, or this host, connects from; undefined where it is not told. */
  readonly bound: Endpoint | undefined;
  /** Whether the server, as far as that is known, speaks Multipath TCP with whoever connected to it. */
  readonly isServerMultipath: boolean | undefined;
  /** Bytes of early data that the server took from the SYN, as far as that is known. */
  readonly synBytes: number;
}

/** See the module. */
export interface Upstream {
  /** For logs. */
  readonly name: string;
  /** Whether it connects from this host, so that datagrams may go the same way. */
  readonly isDirect: boolean;
  /** What looks names up in place of `dns.lookup`. */
  readonly lookup?: Lookup | undefined;
  /** Connects. Rejects with errors of `net`, a `ProxyError` or a `ConvertError`. */
  open(request: UpstreamRequest): Promise<OpenedConnection>;
}
