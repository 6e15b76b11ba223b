/**
 * What a server does with packets that a balancer encapsulated, after Beamer (NSDI 2018, §4.2): a SYN is its own; so is a packet
 * of a flow it knows. Any other goes on to the server that had the flow's bucket until not long ago, once: what another server
 * forwarded is kept. Owns the memory of who had which bucket; it does not know the server's flows, whoever drives it does.
 *
 * How to drive it: `open` a packet. When that gives `ask`, find out whether the packet inside belongs to anything of this server,
 * and `settle`. The packet inside is at `innerOffset`, `innerLength` bytes of what was given.
 *
 * Encapsulation is believed from the balancers and the other servers that were named, by their addresses, and nothing is sent to
 * any but those servers: a former owner that is not among them is gone, and its flows are refused by who has the bucket now. The network at the
 * border must not let packets in that claim to come from those (RFC 2827).
 */
import { SECOND } from '../base/index.js';
import type { Endpoint, IpAddress } from '../wire/index.js';
import { encapsulate, TunnelPacket } from './encapsulation.js';
import { PacketView } from './packet-view.js';
import { defaultJoinPortBase, Services } from './services.js';
import { defaultSteeringSettings } from './settings.js';
import { Verdict } from './verdict.js';

/** How a server takes part. */
export interface DaisyChainOptions {
  /** The server's own address, which balancers send to. */
  readonly address: IpAddress;
  /** Where balancers send from. */
  readonly balancers: readonly IpAddress[];
  /** Addresses of the other servers. */
  readonly peers: readonly IpAddress[];
  /** As at the balancers. */
  readonly services: readonly Endpoint[];
  /** As at the balancers. */
  readonly joinPortBase?: number;
  /** As at the balancers. */
  readonly buckets?: number;
  /** As at the balancers, ns. */
  readonly chainNs?: number;
}

/**
 * What is to become of a packet: `plain`: it is not encapsulated, and is dealt with as ever; `keep`: the packet inside is for this
 * server; `ask`: see {@link DaisyChain.settle}; `forward`: see {@link DaisyChain.forwarded}; `drop`: nothing.
 */
export type Arrival = 'plain' | 'keep' | 'ask' | 'forward' | 'drop';

/** What happened to packets. */
export class DaisyChainCounters {
  /** Packets inside others that were kept. */
  kept = 0;
  /** Packets that went on to another server. */
  forwarded = 0;
  /** Of those kept, the ones that another server forwarded. */
  fromPeers = 0;
  /** Dropped: encapsulated by somebody who may not. */
  spoofed = 0;
  /** Dropped: what is inside is for no service. */
  foreign = 0;
  /** Dropped: of an unknown flow, and from a balancer that does not know the latest buckets yet; the client sends it again. */
  stale = 0;
}

/** See the module. */
export class DaisyChain {
  readonly counters = new DaisyChainCounters();
  /** After {@link open}: where the packet inside starts, and its bytes. */
  innerOffset = 0;
  innerLength = 0;
  private readonly options: DaisyChainOptions;
  private readonly services: Services;
  private readonly chainNs: number;
  private readonly tunnel = new TunnelPacket();
  private readonly view = new PacketView();
  private readonly verdict = new Verdict();
  private peers: readonly IpAddress[];
  /** Who had each bucket before, as far as a balancer told, and it is one of the other servers. */
  private readonly formers: (IpAddress | undefined)[];
  /** When each changed hands, in whole seconds. */
  private readonly movedAt: Float64Array;
  /** Latest generation seen; 0 before the first. */
  private generation = 0;
  private bucket = 0;

  /** Throws `ERR_SUBFLOW_BAD_SERVICE`. */
  constructor(options: DaisyChainOptions) {
    const buckets = options.buckets ?? defaultSteeringSettings.buckets;
    this.options = options;
    this.peers = options.peers;
    this.chainNs = options.chainNs ?? defaultSteeringSettings.chainNs;
    this.services = new Services(options.services, options.joinPortBase ?? defaultJoinPortBase);
    this.formers = new Array<IpAddress | undefined>(buckets).fill(undefined);
    this.movedAt = new Float64Array(buckets);
  }

  /** Takes a new list of the other servers: whoever is not in it is neither believed nor asked any more. */
  setPeers(peers: readonly IpAddress[]): void {
    this.peers = peers;
  }

  /** Looks at the IP packet in the `length` bytes at `offset`. Never throws. */
  open(bytes: Uint8Array, offset = 0, length = bytes.length - offset): Arrival {
    const { tunnel, counters, view } = this;
    const { address, balancers } = this.options;
    const isTunnel = tunnel.read(bytes, offset, length);
    const { outer } = tunnel;
    if (!isTunnel || outer.family !== address.family || !address.equalsBytes(bytes, outer.destinationOffset))
      return 'plain';
    const isPeer = isAmong(this.peers, outer.family, bytes, outer.sourceOffset);
    if (!isPeer && !isAmong(balancers, outer.family, bytes, outer.sourceOffset)) {
      counters.spoofed++;
      return 'drop';
    }
    this.innerOffset = tunnel.innerOffset;
    this.innerLength = tunnel.innerLength;
    if (!view.read(bytes, tunnel.innerOffset, tunnel.innerLength, this.services, this.verdict)) {
      counters.foreign++;
      return 'drop';
    }
    if (isPeer) {
      counters.fromPeers++;
      return this.keep();
    }
    this.learn();
    return view.isSyn || view.portServer !== 0 ? this.keep() : 'ask';
  }

  /** Decides on the packet that {@link open} asked about: `isKnown` says whether it belongs to anything of this server. */
  settle(now: number, isKnown: boolean): Arrival {
    if (isKnown) return this.keep();
    if (this.formerOwner(now) !== undefined) {
      this.counters.forwarded++;
      return 'forward';
    }
    if (((this.tunnel.generation - this.generation) | 0) < 0) {
      this.counters.stale++;
      return 'drop';
    }
    return this.keep();
  }

  /** The packet that goes to the former owner, after {@link settle} gave `forward`. */
  forwarded(now: number): Uint8Array {
    const note = {
      source: this.options.address,
      destination: this.formerOwner(now)!,
      ...{ previous: undefined, movedAtSeconds: 0, generation: this.tunnel.generation },
    };
    return encapsulate(this.tunnel.outer.bytes, this.innerOffset, this.innerLength, note);
  }

  private keep(): Arrival {
    this.counters.kept++;
    return 'keep';
  }

  /** Takes over what the balancer says of the bucket, if that is news. */
  private learn(): void {
    const { tunnel, formers, movedAt } = this;
    this.bucket = this.view.hashClient() % formers.length;
    if (((tunnel.generation - this.generation) | 0) > 0) this.generation = tunnel.generation;
    const known = movedAt[this.bucket]!;
    if (tunnel.movedAtSeconds === 0 || tunnel.movedAtSeconds < known) return;
    // One that nobody had told of then may be known now.
    if (tunnel.movedAtSeconds === known && formers[this.bucket] !== undefined) return;
    const { family, bytes } = tunnel.outer;
    movedAt[this.bucket] = tunnel.movedAtSeconds;
    formers[this.bucket] = isAmong(this.peers, family, bytes, tunnel.previousOffset)
      ? tunnel.previous
      : undefined;
  }

  private formerOwner(now: number): IpAddress | undefined {
    const former = this.formers[this.bucket];
    if (former === undefined || former.equals(this.options.address)) return undefined;
    if (!this.peers.some((peer) => peer.equals(former))) return undefined;
    return now < (this.movedAt[this.bucket]! + 1) * SECOND + this.chainNs ? former : undefined;
  }
}

function isAmong(list: readonly IpAddress[], family: 4 | 6, bytes: Uint8Array, offset: number): boolean {
  for (const address of list)
    if (address.family === family && address.equalsBytes(bytes, offset)) return true;
  return false;
}
