/**
 * The way through proxies to a server: where to connect by oneself, and what to say then. A converter at the front is left
 * out where it cannot help: the server speaks Multipath TCP itself (RFC 8803 §5.1), or the converter wants to rest.
 */
import type { SocksHost } from '../../socks/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import { chooseWay, ConvertHandshake } from '../converter/convert-handshake.js';
import { type Handshake, HandshakeChain } from './handshake.js';
import { handshakeWith, type HopWishes } from './hop-handshake.js';
import { formatHop, type Hop } from './hop.js';
import { lookUp, type LookUpOptions } from './look-up.js';
import type { Destination } from './socks5-handshake.js';

/** What to do for one connection. */
export interface Planned {
  /** Where to connect to. */
  readonly place: Destination;
  /** What to say there; undefined where that is the server. */
  readonly handshake: Handshake | undefined;
  /** Why the converter at the front is left out; undefined where it is not, and where there is none. */
  readonly bypass: 'server-is-multipath' | 'converter-rests' | undefined;
  /** What the converter at the front is, or would have been, told; undefined where there is none. */
  readonly behind: Endpoint | undefined;
}

/** See the module. */
export class Route {
  readonly name: string;
  readonly hops: readonly Hop[];
  private readonly lookUpOptions: LookUpOptions;

  /** `hops`: at least one, the nearest first. */
  constructor(hops: readonly Hop[], lookUpOptions: LookUpOptions = {}) {
    this.hops = hops;
    this.name = hops.map(formatHop).join(',');
    this.lookUpOptions = lookUpOptions;
  }

  /** Whether the last proxy is told names as they are. */
  get isLookingUp(): boolean {
    return this.hops.at(-1)!.isLookingUp;
  }

  /** `wishes`: what is asked of the proxies' connections. Rejects as {@link lookUp} does. */
  async plan(target: Destination, wishes: HopWishes, signal: AbortSignal): Promise<Planned> {
    const first = this.hops[0]!;
    const place = { host: IpAddress.parse(first.host) ?? first.host, port: first.port };
    if (first.protocol !== 'converter')
      return {
        place,
        handshake: await this.from(0, target, wishes, signal),
        bypass: undefined,
        behind: undefined,
      };
    const { host, port } = this.after(0, target);
    const address = (await lookUp(host, signal, this.lookUpOptions))[0]!;
    const behind = { address, port };
    const key = `${first.host} ${first.port}`;
    const choice = chooseWay(key, behind);
    const others = this.hops.length > 1 ? await this.from(1, target, wishes, signal) : undefined;
    if (choice.way === 'direct')
      return { place: { host: address, port }, handshake: others, bypass: choice.reason, behind };
    const nearest = new ConvertHandshake(key, behind, choice.cookie);
    const handshake = others === undefined ? nearest : new HandshakeChain([nearest, others]);
    return { place, handshake, bypass: undefined, behind };
  }

  /** Where the proxy number `i` is to connect to. */
  private after(i: number, target: Destination): Destination {
    const next = this.hops[i + 1];
    return next === undefined ? target : { host: IpAddress.parse(next.host) ?? next.host, port: next.port };
  }

  /** What to say to the proxies from number `from` on. */
  private async from(
    from: number,
    target: Destination,
    { isMultipath, synBytes }: HopWishes,
    signal: AbortSignal,
  ): Promise<Handshake> {
    const handshakes: Handshake[] = [];
    for (const [i, hop] of this.hops.entries()) {
      if (i < from) continue;
      const { host, port } = this.after(i, target);
      const said: SocksHost = hop.isLookingUp ? host : (await lookUp(host, signal, this.lookUpOptions))[0]!;
      // Between proxies Multipath TCP is wanted, whatever the server is to be connected to by.
      const isLast = i === this.hops.length - 1;
      handshakes.push(
        handshakeWith(hop, { host: said, port }, { isMultipath: isLast ? isMultipath : true, synBytes }),
      );
    }
    return handshakes.length === 1 ? handshakes[0]! : new HandshakeChain(handshakes);
  }
}
