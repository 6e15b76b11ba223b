/**
 * Connects through proxies, one or several one behind the other: to the nearest by itself, and then by a handshake with each.
 * A converter at the front is left out where it cannot help (RFC 8803 §5.1: the server speaks Multipath TCP itself).
 */
import { performance } from 'node:perf_hooks';
import type { SocksHost } from '../../socks/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import { chooseWay, ConvertHandshake, forgetServer } from '../converter/convert-handshake.js';
import { isMultipath } from '../../linux/index.js';
import type { SocketEnd } from '../relay/index.js';
import { type Handshake, HandshakeChain } from '../tunnel/handshake.js';
import { formatHop, type Hop } from '../tunnel/hop.js';
import { handshakeWith } from '../tunnel/hop-handshake.js';
import { ProxyError } from '../tunnel/proxy-error.js';
import { HandshakeFailure, shakeHands } from '../tunnel/shake-hands.js';
import { DirectUpstream, type DirectOptions } from './direct-upstream.js';
import { checkRemoteName, forbidden, permittedAddresses } from './permitted-addresses.js';
import type { OpenedConnection, Upstream, UpstreamRequest } from './upstream.js';
import { closedRules, refusalOf } from '../relay/index.js';

/** Where to find a proxy is for the operator to say: no rule holds for it. */
const anywhere = { ...closedRules, allowLoopback: true, allowPrivate: true };

/** See the module. */
export class TunnelUpstream implements Upstream {
  readonly name: string;
  readonly isDirect = false;
  private readonly hops: readonly Hop[];
  private readonly direct: DirectUpstream;
  private readonly lookup: DirectOptions['lookup'];
  /** Whether the first message to the nearest proxy may go with the SYN. */
  private readonly isFastOpen: boolean;

  /** `hops`: at least one, the nearest first. */
  constructor(hops: readonly Hop[], options: DirectOptions = {}) {
    this.hops = hops;
    this.name = hops.map(formatHop).join(',');
    this.direct = new DirectUpstream(options);
    this.lookup = options.lookup;
    this.isFastOpen = options.fastOpen === true;
  }

  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    const target = await this.targetOf(request);
    const first = this.hops[0]!;
    const place = `${first.host} ${first.port}`;
    // The first converter's own memory: what it was told of the place behind it.
    const behind = first.protocol === 'converter' ? await this.behindFirst(target, request) : undefined;
    for (let isRetry = false; ; isRetry = true) {
      const choice = behind === undefined ? undefined : chooseWay(place, behind);
      const cookie = choice?.way === 'converter' ? choice.cookie : undefined;
      try {
        if (choice?.way === 'direct') return await this.around(behind!, target, request);
        return await this.through(target, behind, cookie, request);
      } catch (error) {
        if (!(error instanceof HandshakeFailure)) throw error;
        if (!error.mayRetry || isRetry) throw error.error;
      }
    }
  }

  /** What the last proxy is told: a name where it looks names up, else an address. */
  private async targetOf({ host, port, rules, signal }: UpstreamRequest): Promise<Target> {
    if (typeof host !== 'string') {
      const refusal = refusalOf(rules, host);
      if (refusal !== undefined) throw forbidden(host.toString(), refusal);
      return { host, port };
    }
    if (this.hops.at(-1)!.isLookingUp) {
      checkRemoteName(host, rules);
      return { host, port };
    }
    const [address] = await permittedAddresses(host, rules, signal, this.lookup);
    return { host: address!, port };
  }

  /** What the first proxy, a converter, is told: an address in any case. */
  private async behindFirst(target: Target, { signal }: UpstreamRequest): Promise<Endpoint> {
    const { host, port } = this.targetAfter(0, target);
    return { address: (await this.placesOf(host, signal))[0]!, port };
  }

  /** Where the proxy number `i` is to connect to. */
  private targetAfter(i: number, target: Target): Target {
    const next = this.hops[i + 1];
    return next === undefined ? target : { host: IpAddress.parse(next.host) ?? next.host, port: next.port };
  }

  private placesOf(host: SocksHost, signal: AbortSignal): Promise<IpAddress[]> {
    return permittedAddresses(host, anywhere, signal, this.lookup);
  }

  private async through(
    target: Target,
    behind: Endpoint | undefined,
    cookie: Uint8Array | undefined,
    request: UpstreamRequest,
  ): Promise<OpenedConnection> {
    const [first, ...others] = this.hops;
    const end = await this.reach(first!.host, first!.port, request);
    const place = `${first!.host} ${first!.port}`;
    const nearest =
      behind === undefined
        ? await this.handshakeOf(0, target, request)
        : new ConvertHandshake(place, behind, cookie);
    const rest = await Promise.all(others.map((_, i) => this.handshakeOf(i + 1, target, request)));
    return this.shake(end, [nearest, ...rest], request);
  }

  /** Past the first converter, which is of no use or does not help now. */
  private async around(
    behind: Endpoint,
    target: Target,
    request: UpstreamRequest,
  ): Promise<OpenedConnection> {
    const { end } = await this.direct.connect([behind.address], behind.port, {
      ...request,
      isFastOpen: false,
    });
    const { fd } = end;
    const isServerMultipath = fd !== undefined && isMultipath(fd);
    if (!isServerMultipath) forgetServer(behind);
    if (this.hops.length > 1) {
      const others = this.hops.slice(1);
      const handshakes = await Promise.all(others.map((_, i) => this.handshakeOf(i + 1, target, request)));
      return this.shake(end, handshakes, request);
    }
    const nothing = { earlyBytes: 0, received: new Uint8Array(0), bound: undefined };
    return { end, ...nothing, way: 'direct', isServerMultipath, isFastOpen: false };
  }

  private async shake(
    end: SocketEnd,
    handshakes: readonly Handshake[],
    { early: offered, signal, isFastOpen }: UpstreamRequest,
  ): Promise<OpenedConnection> {
    // What is in a SYN may arrive twice: the client's data is put there only where it wants that.
    const early = this.isFastOpen && isFastOpen !== true ? new Uint8Array(0) : offered;
    const shaken = await shakeHands(end, new HandshakeChain(handshakes), early, signal);
    const { earlyBytes, received, facts } = shaken;
    const { bound, isServerMultipath } = facts;
    return { end, earlyBytes, received, way: this.name, bound, isServerMultipath, isFastOpen: false };
  }

  private async handshakeOf(i: number, target: Target, request: UpstreamRequest): Promise<Handshake> {
    const hop = this.hops[i]!;
    const { host, port } = this.targetAfter(i, target);
    const isNameKept = typeof host === 'string' && hop.isLookingUp;
    const known =
      isNameKept || typeof host !== 'string' ? host : (await this.placesOf(host, request.signal))[0]!;
    return handshakeWith(hop, { host: known, port }, request.isFastOpen);
  }

  /** Connects to the nearest proxy. */
  private async reach(host: string, port: number, request: UpstreamRequest): Promise<SocketEnd> {
    try {
      const addresses = await this.placesOf(IpAddress.parse(host) ?? host, request.signal);
      const wishes = { signal: request.signal, isFastOpen: this.isFastOpen };
      return (await this.direct.connect(addresses, port, wishes)).end;
    } catch (error) {
      if (request.signal.aborted) throw error;
      const why = (error as Error).message;
      throw new ProxyError('ERR_SUBFLOW_PROXY_UNREACHABLE', `the proxy cannot be reached: ${why}`, error);
    }
  }
}

interface Target {
  readonly host: SocksHost;
  readonly port: number;
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
