/**
 * Connects through proxies, one or several one behind the other: to the nearest by itself, and then by a handshake with each
 * (tunnel/route.ts says which).
 */
import { performance } from 'node:perf_hooks';
import { isMultipath } from '../../linux/index.js';
import { forgetServer } from '../converter/convert-handshake.js';
import { isOwnAddress, refusalOf, type RelaySocket } from '../relay/index.js';
import type { Hop } from '../tunnel/hop.js';
import { lookUp } from '../tunnel/look-up.js';
import { ProxyError } from '../tunnel/proxy-error.js';
import { type Planned, Route } from '../tunnel/route.js';
import { HandshakeFailure, shakeHands } from '../tunnel/shake-hands.js';
import type { Destination } from '../tunnel/socks5-handshake.js';
import { type ConnectWishes, type DirectOptions, DirectUpstream } from './direct-upstream.js';
import { checkRemoteName, forbidden, permittedAddresses } from './permitted-addresses.js';
import type { OpenedConnection, Upstream, UpstreamRequest } from './upstream.js';

const nothing = new Uint8Array(0);

/** See the module. */
export class TunnelUpstream implements Upstream {
  readonly name: string;
  readonly isDirect = false;
  private readonly route: Route;
  private readonly direct: DirectUpstream;
  private readonly options: DirectOptions;

  /** `hops`: at least one, the nearest first. */
  constructor(hops: readonly Hop[], options: DirectOptions = {}) {
    this.route = new Route(hops, options.lookup === undefined ? {} : { lookup: options.lookup });
    this.name = this.route.name;
    this.direct = new DirectUpstream(options);
    this.options = options;
  }

  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    const target = await this.targetOf(request);
    for (let isRetry = false; ; isRetry = true) {
      const planned = await this.route.plan(target, request, request.signal);
      try {
        return await this.follow(planned, request);
      } catch (error) {
        if (!(error instanceof HandshakeFailure)) throw error;
        if (!error.mayRetry || isRetry) throw error.error;
      }
    }
  }

  /** What the last proxy is told: a name where it looks names up, else the first address that the rules allow. */
  private async targetOf({ host, port, rules, signal }: UpstreamRequest): Promise<Destination> {
    if (typeof host !== 'string') {
      const refusal = refusalOf(rules, host, isOwnAddress);
      if (refusal !== undefined) throw forbidden(host.toString(), refusal);
      return { host, port };
    }
    if (this.route.isLookingUp) {
      checkRemoteName(host, rules);
      return { host, port };
    }
    const [address] = await permittedAddresses(host, rules, signal, this.options.lookup);
    return { host: address!, port };
  }

  private async follow(planned: Planned, request: UpstreamRequest): Promise<OpenedConnection> {
    const { handshake, bypass, behind } = planned;
    const { signal, synBytes = 0 } = request;
    const isFast = this.options.fastOpen === true && handshake !== undefined;
    // What the client wants is about the server: it has no say in how the nearest proxy is reached.
    const wish = handshake === undefined ? request.isMultipath : undefined;
    const end = await this.reach(planned, { signal, isFastOpen: isFast, isMultipath: wish });
    const isNearMultipath = end.fd !== undefined && isMultipath(end.fd);
    // It was left out because what is behind it speaks Multipath TCP, which is not so.
    if (bypass !== undefined && wish !== false && !isNearMultipath) forgetServer(behind!);
    const way =
      bypass === undefined ? this.name : handshake === undefined ? 'direct' : `${this.name} (${bypass})`;
    if (handshake === undefined) {
      const facts = { bound: undefined, isServerMultipath: isNearMultipath, synBytes: 0 };
      return { end, earlyBytes: 0, received: nothing, way, ...facts };
    }
    // What is in a SYN may arrive twice: the client's data is put there only where it wants that.
    const early = isFast ? request.early.subarray(0, synBytes) : request.early;
    const { earlyBytes, received, facts } = await shakeHands(end, handshake, early, signal);
    const { bound, isServerMultipath } = facts;
    return { end, earlyBytes, received, way, bound, isServerMultipath, synBytes: facts.synBytes ?? 0 };
  }

  /** Connects to the nearest proxy: where it is, is for the operator to say, and no rule holds for it. */
  private async reach({ place, handshake }: Planned, wishes: ConnectWishes): Promise<RelaySocket> {
    const { signal } = wishes;
    const { lookup } = this.options;
    try {
      const addresses = await lookUp(place.host, signal, lookup === undefined ? {} : { lookup });
      return await this.direct.connect(addresses, place.port, wishes);
    } catch (error) {
      if (signal.aborted || handshake === undefined) throw error;
      const why = (error as Error).message;
      throw new ProxyError('ERR_SUBFLOW_PROXY_UNREACHABLE', `the proxy cannot be reached: ${why}`, error);
    }
  }
}

/** Several upstreams for the same: the first that is there. One that was not is asked last for a while. */
export class FailoverUpstream implements Upstream {
  readonly name: string;
  readonly isDirect = false;
  private readonly upstreams: readonly Upstream[];
  /** When each is to be asked first again, in ms; by its number. */
  private readonly restUntil: number[];

  constructor(upstreams: readonly Upstream[]) {
    this.upstreams = upstreams;
    this.name = upstreams.map(({ name }) => name).join(' or ');
    this.restUntil = upstreams.map(() => 0);
  }

  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    let last: unknown;
    for (const i of this.order()) {
      try {
        return await this.upstreams[i]!.open(request);
      } catch (error) {
        if (request.signal.aborted || !isOfUpstream(error)) throw error;
        this.restUntil[i] = performance.now() + REST_MS;
        last = error;
      }
    }
    throw last;
  }

  private order(): number[] {
    const now = performance.now();
    const rests = (i: number): number => (this.restUntil[i]! > now ? 1 : 0);
    return this.upstreams.map((_, i) => i).sort((a, b) => rests(a) - rests(b) || a - b);
  }
}

/** Time for which an upstream that failed is asked last, in ms. */
export const REST_MS = 30_000;

/** Whether it is the upstream that failed, and not what was asked of it. */
function isOfUpstream(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return (
    code === 'ERR_SUBFLOW_PROXY_UNREACHABLE' ||
    code === 'ERR_SUBFLOW_PROXY_NO_ANSWER' ||
    code === 'ERR_SUBFLOW_CONVERT_NO_ANSWER' ||
    code === 'ERR_SUBFLOW_CONVERT_RESOURCE_EXCEEDED'
  );
}
