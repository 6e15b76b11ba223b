/**
 * A proxy that nobody asks for anything: connections that rules of packets brought here (transparent-rules.ts) go on to where they were
 * meant to go, by whatever way on (`Upstream`). Two modes: `tproxy`, whose listener speaks Multipath TCP and answers for any address, and
 * `redirect`, plain TCP, whose connections' destinations are remembered by connection tracking.
 *
 * ```
 *  accepted --destination known, allowed--> TransparentSession
 *     |
 *     +------ refused: a reset
 * ```
 */
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import {
  inside,
  kernelMptcp,
  listenKernel,
  listenTransparent,
  localAddressOf,
  type NetworkNamespace,
  originalDestinationOf,
  OwnAddresses,
} from '../../linux/index.js';
import { type Endpoint, formatEndpoint, IpAddress } from '../../wire/index.js';
import { codeOf, netError } from '../net-error.js';
import {
  type Abortable,
  type AccessRules,
  type Arrival,
  mayUse,
  type Place,
  refusalOf,
  RELAY_BACKLOG,
  type RelayLimits,
  RelayListener,
  RelaySet,
  type RelaySocket,
  shortageFields,
} from '../relay/index.js';
import type { CaptureMode } from './transparent-rules.js';
import { type TransparentContext, TransparentSession } from './transparent-session.js';
import type { Upstream } from './upstream.js';

/** What a listener tells of; stable names. */
export const transparentEvents = {
  connected: 'a client has its server',
  closed: 'a connection is over, with what became of it; one without a server has been reset',
  refused: 'a client may not use it, or got no place: it has been reset',
  exhausted:
    'no descriptor or memory is left for a client and its server: it was closed as soon as it was there',
} as const;

export type TransparentEvent = keyof typeof transparentEvents;

/** How a listener is to be. */
export interface TransparentOptions {
  readonly mode: CaptureMode;
  /** Address to listen on. Default `::`, with IPv4, or `0.0.0.0` where there is no IPv6. */
  readonly host?: string;
  /** 0: any. */
  readonly port: number;
  readonly upstream: Upstream;
  /** Who may use it, and for what. */
  readonly rules: AccessRules;
  /** Default: those of every proxy. */
  readonly limits?: Partial<RelayLimits>;
  /** Plain TCP towards clients in the mode `tproxy` too. Default: where the kernel has no Multipath TCP. */
  readonly isPlain?: boolean;
  /** Time for the server to be there, in ms. Default 30,000. */
  readonly connectMs?: number;
  /** Where it listens; this thread's namespace when absent. */
  readonly namespace?: NetworkNamespace;
  /** Told what happens. */
  readonly log?: (event: TransparentEvent, fields: Record<string, unknown>) => void;
}

/** See the module. */
export class TransparentListener {
  readonly relays: RelaySet;
  /** Where it listens. */
  readonly address: AddressInfo;
  /** Whether clients may speak Multipath TCP to it. */
  readonly isMultipath: boolean;
  private readonly listener: RelayListener;
  private readonly options: TransparentOptions;
  /** Of the machine that it listens on: rules of packets never bring what is for those. */
  private readonly own: OwnAddresses;
  private rules: AccessRules;
  private upstream: Upstream;
  private readonly context: TransparentContext;

  private constructor(listener: RelayListener, options: TransparentOptions) {
    this.listener = listener;
    this.options = options;
    this.own = new OwnAddresses(options.namespace);
    this.address = listener.address;
    this.isMultipath = listener.isMultipath;
    this.relays = new RelaySet(options.limits);
    this.rules = options.rules;
    this.upstream = options.upstream;
    this.context = {
      ...{ relays: this.relays, sessions: new Set<Abortable>(), connectMs: options.connectMs ?? 30_000 },
      rules: () => this.rules,
      upstream: () => this.upstream,
      nowMs: () => performance.now(),
      log: options.log ?? (() => undefined),
    };
    try {
      listener.serve({
        onArrival: (arrival) => this.accept(arrival),
        onShortage: (reason, address) => this.log('exhausted', shortageFields(reason, address)),
      });
    } catch (error) {
      this.own.close();
      throw error;
    }
  }

  /** Starts one. Rejects as `net` does where it cannot listen; `EPERM` in the mode `tproxy` without the right to. */
  static start(options: TransparentOptions): Promise<TransparentListener> {
    return new Promise((resolve) => {
      const { mode, isPlain = false, namespace } = options;
      // The kernel tells of redirections to plain TCP sockets only.
      const isMultipath = mode === 'tproxy' && !isPlain && inside(namespace, kernelMptcp).available;
      const listener = new RelayListener(openListener(options, isMultipath), isMultipath, false);
      resolve(new TransparentListener(listener, options));
    });
  }

  /** Rules and upstream that hold for whatever comes from now on. */
  change({ rules, upstream }: Partial<Pick<TransparentOptions, 'rules' | 'upstream'>>): void {
    if (rules !== undefined) this.rules = rules;
    if (upstream !== undefined) this.upstream = upstream;
  }

  /** Takes no more clients, and settles when all are gone: at once those without a server, the others within `patienceMs`. */
  async close(patienceMs = 0): Promise<void> {
    this.listener.close();
    const drained = this.relays.close(patienceMs);
    for (const session of [...this.context.sessions]) session.abort('stopping');
    await drained;
    this.own.close();
  }

  private accept({ client, address, port }: Arrival): void {
    const server = this.destinationOf(client, address.family);
    const place = this.admit(address, server);
    if (typeof place !== 'string') {
      new TransparentSession(this.context, client, address, place, server!).begin();
      return;
    }
    this.log('refused', {
      client: formatEndpoint({ address, port }),
      ...(server !== undefined && { server: formatEndpoint(server) }),
      reason: place,
    });
    client.reset();
  }

  /** A place for a client that wants to go to `server`, or why it gets none. */
  private admit(client: IpAddress, server: Endpoint | undefined): Place | string {
    if (server === undefined) return 'not-captured';
    if (!mayUse(this.rules, client)) return 'client';
    const refusal = refusalOf(this.rules, server.address, (address) => this.own.has(address));
    return refusal ?? this.relays.admit(client.toString());
  }

  /** Where a connection was meant to go; undefined for one that came by itself, which would go around in circles. */
  private destinationOf({ fd }: RelaySocket, family: 4 | 6): Endpoint | undefined {
    if (fd === undefined) return undefined;
    const told = this.options.mode === 'tproxy' ? localAddressOf(fd) : originalDestinationOf(fd, family);
    const parsed = told === undefined ? undefined : IpAddress.parse(told.address);
    if (told === undefined || parsed === undefined) return undefined;
    const address = parsed.mappedV4 ?? parsed;
    if (told.port === this.address.port && this.own.has(address)) return undefined;
    return { address, port: told.port };
  }

  private log(event: TransparentEvent, fields: Record<string, unknown>): void {
    this.options.log?.(event, fields);
  }
}

function openListener({ mode, host, port, namespace }: TransparentOptions, isMultipath: boolean): number {
  const listen = mode === 'tproxy' ? listenTransparent : listenKernel;
  const protocol = isMultipath ? 'mptcp' : 'tcp';
  const at = (address: string): number =>
    listen({
      ...{ address, port, protocol, backlog: RELAY_BACKLOG },
      ...(namespace !== undefined && { namespace }),
    });
  try {
    if (host !== undefined) return at(host);
    try {
      return at('::');
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
      return at('0.0.0.0');
    }
  } catch (error) {
    const code = codeOf(error) ?? 'EINVAL';
    if (code === 'EPERM') throw error;
    throw netError(code, 'listen', { address: host ?? '::', port });
  }
}
