/** What `connect`, `createServer` and `listen` may be asked for. */
import type { LookupFunction } from 'node:net';
import type { FastOpenClientOptions, FastOpenServerOptions } from './fast-open.js';
import type { MultipathOptions } from './multipath-options.js';
import type { RobustOption } from './robust-option.js';
import type { TransportOptions } from './transport.js';

/** How to connect: `net.connect`'s options for TCP, and the choice of a transport. */
export interface ConnectOptions extends TransportOptions, MultipathOptions, FastOpenClientOptions {
  readonly port: number;
  /** Name or address of the peer; `localhost` when left out. */
  readonly host?: string;
  /** Sends the first SYN on several paths, until one answers; userspace only. Default: on one. */
  readonly robust?: RobustOption;
  /**
   * A Transport Converter (RFC 8803) to connect through, as `192.0.2.1:5124`, `[2001:db8::1]:5124` or `name:5124`; the port may
   * be left out. Kernel only. Servers that speak Multipath TCP themselves are connected to directly once that is known.
   */
  readonly converter?: string;
  /** Address to connect from. */
  readonly localAddress?: string;
  /**
   * Addresses of the host that the connection may use and announce, beside `localAddress`; it begins from the first that
   * leads to the peer. Userspace only. Default: all.
   */
  readonly localAddresses?: readonly string[];
  /** Port to connect from; chosen when left out. */
  readonly localPort?: number;
  /** Version of IP to look `host` up for: 4, 6, or 0 for both. */
  readonly family?: number;
  /** Flags of `dns.lookup`. */
  readonly hints?: number;
  /** In place of `dns.lookup`. */
  readonly lookup?: LookupFunction;
  /** Whether a peer that ends its side leaves ours open. Default false. */
  readonly allowHalfOpen?: boolean;
  /** Send small writes at once (no Nagle). Default false. */
  readonly noDelay?: boolean;
  /** Probe the peer when nothing happens. Default false. */
  readonly keepAlive?: boolean;
  /** Quiet time in ms before the first probe. */
  readonly keepAliveInitialDelay?: number;
  /**
   * Mark of all packets of the connection, for rules of routing and of packets (`SO_MARK`); kernel only. Needs CAP_NET_ADMIN.
   * Default: none.
   */
  readonly mark?: number;
  /** Destroys the socket when aborted. */
  readonly signal?: AbortSignal;
  /** As `socket.setTimeout(timeout)` right after creation, in ms. */
  readonly timeout?: number;
  /** Whether to try the next address of a name after a while. Default: `net.getDefaultAutoSelectFamily()`. */
  readonly autoSelectFamily?: boolean;
  /** How long to try an address before the next, in ms, at least 10. */
  readonly autoSelectFamilyAttemptTimeout?: number;
}

/** How to make a server: `net.createServer`'s options, and the choice of a transport. */
export interface ServerOptions extends TransportOptions, MultipathOptions, FastOpenServerOptions {
  readonly allowHalfOpen?: boolean;
  /** Hand connections out paused. Default false. */
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** In ms. */
  readonly keepAliveInitialDelay?: number;
}

/** Where to listen. */
export interface ListenOptions {
  /** 0 or left out: a free one. */
  readonly port?: number;
  /** Name or address; left out: every address. */
  readonly host?: string;
  /** Connections that wait to be accepted. Default 511. */
  readonly backlog?: number;
  /** On `::`, take no IPv4. Default false. */
  readonly ipv6Only?: boolean;
  /** Stops the server when aborted. */
  readonly signal?: AbortSignal;
}
