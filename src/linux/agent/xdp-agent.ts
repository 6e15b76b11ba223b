/**
 * The daisy chain in the kernel's fast path: on a server, unpacks what balancers and other servers encapsulated, keeps what is its own
 * and sends the rest on, by the rules of `DaisyChain` of `balancer/`. Owns the program, its maps and its link; whether a flow is known the
 * program finds out by itself in the kernel's table of sockets.
 *
 * Other servers, balancers and clocks are changed in the maps of the program at work, entry by entry: no packet goes without one.
 *
 * What differs from `DaisyChain`: a former owner that nobody knows the way to yet gets nothing, and the packet is dropped and counted.
 * A flow whose SYN came a moment ago is known, socket or not.
 */
import { defaultJoinPortBase, defaultSteeringSettings, Services } from '../../balancer/index.js';
import { SECOND, SubflowError } from '../../base/index.js';
import { IpAddress, type Endpoint } from '../../wire/index.js';
import {
  BpfObject,
  type BpfProgram,
  readPackagedObject,
  sumOverProcessors,
  type TrialRun,
  word,
  type XdpAttachment,
  type XdpMode,
  XdpLink,
} from '../bpf/index.js';
import { encodeCrcTables, encodeServices, encodeSettings, SERVICE_KEY_BYTES } from '../xdp/xdp-tables.js';
import type { XdpRoute } from '../xdp/xdp-tables.js';
import * as tables from './agent-tables.js';
import { PeerPlaces } from './peer-places.js';

/** Another server. */
export interface AgentPeer {
  readonly address: IpAddress;
  /** The way there, with the number of the interface; undefined while it is not known. */
  readonly route?: XdpRoute | undefined;
}

/** How to make an {@link XdpAgent}. Addresses of servers and balancers are of one family; services may be of both. */
export interface XdpAgentOptions {
  /** The server's own address, which balancers send to. */
  readonly address: IpAddress;
  /** Where balancers send from. */
  readonly balancers: readonly IpAddress[];
  /** The other servers; its own address among them is left out. */
  readonly peers: readonly AgentPeer[];
  /** As at the balancers. */
  readonly services: readonly Endpoint[];
  /** As at the balancers; 0 for none. */
  readonly joinPortBase?: number;
  /** As at the balancers. */
  readonly buckets?: number;
  /** As at the balancers, ns. */
  readonly chainNs?: number;
  /**
   * How long after the SYN of a flow its further packets are kept although no socket has it yet, ns: where a SYN was answered by a
   * cookie the kernel remembers nothing. Default 10 s.
   */
  readonly handshakeNs?: number;
}

/**
 * What happened to packets that were encapsulated, by name: `kept`, of those `from-peers`; `forwarded`; and dropped: `spoofed`
 * (from whoever may not encapsulate), `foreign` (for no service), `stale` (of an unknown flow, from a balancer with old buckets),
 * `unreachable` (no way to the former owner), `no-room` (the frame allows no change).
 */
export type AgentCounters = Readonly<Record<(typeof counterNames)[number], number>>;

/** In the order of bpf/agent.c. */
const counterNames = [
  ...['kept', 'forwarded', 'from-peers', 'spoofed', 'foreign', 'stale'],
  ...['unreachable', 'no-room'],
] as const;
const COUNTERS_BYTES = 8 * 32;
/** As `SteeringSettings.buckets` has it. */
const maxBuckets = 2 ** 20;
/** Beyond the third time that a SYN-ACK is sent (RFC 6298 §2). */
const defaultHandshakeNs = 10 * SECOND;

/** See the module. */
export class XdpAgent {
  readonly address: IpAddress;
  private readonly object: BpfObject;
  private readonly program: BpfProgram;
  private readonly places = new PeerPlaces(tables.maxPlaces);
  private readonly services: Services;
  private balancers = new Set<string>();
  private link: XdpLink | undefined;

  /**
   * Loads the program; it works nowhere yet. `now` is in ns of the balancers' clock.
   * @throws SubflowError `ERR_SUBFLOW_BAD_SERVER`, `ERR_SUBFLOW_BAD_SERVICE`, `ERR_OUT_OF_RANGE`; VerifierError; SystemError.
   */
  constructor(now: number, options: XdpAgentOptions) {
    this.address = options.address;
    this.services = new Services(options.services, options.joinPortBase ?? defaultJoinPortBase);
    const buckets = options.buckets ?? defaultSteeringSettings.buckets;
    this.object = new BpfObject(readPackagedObject('agent'), {
      entries: { formers: buckets, senders: tables.maxSenders, servers: tables.maxPlaces },
      constants: this.constants(buckets, options),
    });
    try {
      const { keys, values } = encodeServices(this.services);
      this.object.map('services').setAll(keys, values);
      this.setClock(now);
      this.setBalancers(options.balancers);
      this.setPeers(options.peers);
      this.program = this.object.load('agent');
    } catch (error) {
      this.object.close();
      throw error;
    }
  }

  /** Has every packet that comes in by an interface meet the program; gives how. Throws as {@link XdpLink.attach} does. */
  attach(attachment: XdpAttachment): XdpMode {
    if (this.link !== undefined) {
      throw new SubflowError('ERR_SUBFLOW_BUSY', `the agent works on ${this.link.device} already`, {
        hint: 'Close it first.',
      });
    }
    this.link = XdpLink.attach(this.program, attachment);
    return this.link.mode;
  }

  /**
   * Takes a new list of the other servers: whoever is not in it is neither believed nor asked any more. Throws
   * `ERR_SUBFLOW_BAD_SERVER` for another family and beyond 1,024, and keeps the old list then.
   */
  setPeers(peers: readonly AgentPeer[]): void {
    const others = peers.filter(({ address }) => !address.equals(this.address));
    this.check(others.map(({ address }) => address));
    const senders = this.object.map('senders');
    const servers = this.object.map('servers');
    const wanted = new Set(others.map(({ address }) => address.toString()));
    for (const name of this.places.addresses()) {
      if (wanted.has(name)) continue;
      const place = this.places.remove(name)!;
      this.restoreBalancer(IpAddress.parse(name)!);
      servers.set(word(place), tables.noPeer);
    }
    for (const { address, route } of others) {
      const place = this.places.add(address.toString());
      // First who it is, then that it is: whoever finds the sender finds the server.
      servers.set(word(place), tables.encodePeer(address, place, route));
      senders.set(tables.encodeAddress(address), tables.encodeSender(tables.SenderRole.PEER, place));
    }
  }

  /** Takes a new list of where balancers send from. Throws as {@link setPeers} does. */
  setBalancers(balancers: readonly IpAddress[]): void {
    this.check(balancers);
    const before = this.balancers;
    this.balancers = new Set(balancers.map((address) => address.toString()));
    for (const name of new Set([...before, ...this.balancers])) {
      // Another server that also is a balancer is believed as a server: what it sends is kept.
      if (this.places.find(name) === undefined) this.restoreBalancer(IpAddress.parse(name)!);
    }
  }

  /** Says again what the balancers' clock shows, ns: clocks are corrected now and then. */
  setClock(now: number): void {
    const ahead = BigInt(Math.round(now)) - process.hrtime.bigint();
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigInt64(0, ahead, true);
    this.object.map('clock_ahead').set(word(0), value);
  }

  /** Runs the program on a frame that goes nowhere; its tables and counters change as by any other. */
  run(frame: Uint8Array, repeat = 1): TrialRun {
    return this.program.run(frame, repeat);
  }

  /** What was counted so far, on all processors. */
  counters(): AgentCounters {
    const sums = sumOverProcessors(this.object.map('counters').get(word(0))!, COUNTERS_BYTES);
    return Object.fromEntries(counterNames.map((name, i) => [name, sums[i]!])) as AgentCounters;
  }

  /** Detaches the program and lets go of everything. */
  close(): void {
    this.link?.close();
    this.link = undefined;
    this.program.close();
    this.object.close();
  }

  /** Has an address that is no other server be what it is else: a balancer, or nobody. */
  private restoreBalancer(address: IpAddress): void {
    const senders = this.object.map('senders');
    const key = tables.encodeAddress(address);
    if (this.balancers.has(address.toString()))
      senders.set(key, tables.encodeSender(tables.SenderRole.BALANCER, -1));
    else senders.delete(key);
  }

  private check(addresses: readonly IpAddress[]): void {
    const { family } = this.address;
    const other = addresses.find((address) => address.family !== family);
    if (other !== undefined) {
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_SERVER',
        `${other.toString()} is no address of IPv${family}, as this server's own is`,
        { hint: 'Servers and balancers speak to each other over one family; services may be of both.' },
      );
    }
    if (addresses.length > tables.maxPlaces) {
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_SERVER',
        `${addresses.length} addresses are more than ${tables.maxPlaces}`,
        { hint: 'Name those that share buckets with this server only.' },
      );
    }
  }

  private constants(buckets: number, options: XdpAgentOptions): Record<string, Uint8Array> {
    if (!Number.isInteger(buckets) || buckets < 1 || buckets > maxBuckets)
      throw new SubflowError('ERR_OUT_OF_RANGE', `buckets should be 1 to ${maxBuckets}, not ${buckets}`);
    const { chainNs = defaultSteeringSettings.chainNs, handshakeNs = defaultHandshakeNs } = options;
    const none = { servers: 0, newFlowSeconds: 0, idleSeconds: 0, closingSeconds: 0 };
    return {
      settings: encodeSettings(
        this.address,
        {
          ...{ ...none, tokenIdleSeconds: 0, tokenClaims: 0, generation: 0 },
          ...{ family: this.address.family, joinPortBase: this.services.joinPortBase, places: buckets },
        },
        encodeServices(this.services).keys.subarray(0, SERVICE_KEY_BYTES),
      ),
      crc_tables: encodeCrcTables(),
      chain_ns: tables.encodeDuration(chainNs),
      handshake_ns: tables.encodeDuration(handshakeNs),
    };
  }
}
