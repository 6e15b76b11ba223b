/**
 * A host without I/O: interfaces, listeners and connections, IPv4 and IPv6. It owns every connection and finds the one
 * that a packet belongs to. It knows no clock, no device and no randomness of its own, and no loopback: what goes to an
 * address of its own leaves by a device like everything else.
 *
 * How to drive it: hand in packets and call `handleTimeout` when `pollTimeout` says so; after any number of calls that
 * hand something in (packets, time, operations on sockets), first `pollEvent` until it gives undefined, acting on what
 * it says, then `pollTransmit` until it gives false, then again `pollEvent` (sending may end a connection), and last
 * `pollTimeout`. The same seed and the same calls give the same packets.
 *
 * Read first: RFC 9293 §3.10 (the calls), RFC 1122 §3.3.4 (several addresses), RFC 8684 §2.
 */
import { SubflowError, type RandomSource } from '../base/index.js';
import { Connection, checkMptcpSettings, type LocalAddress, type MptcpSettings } from '../mptcp/index.js';
import type { LinkFacts } from '../policy/index.js';
import type { Endpoint, IpAddress, Nat64Prefix } from '../wire/index.js';
import type { StackCounters } from './counters.js';
import { Egress } from './egress.js';
import { EstablishmentRace, racePaths, type RobustEstablishment } from './establishment-race.js';
import type { StackEvent } from './events.js';
import { packPorts } from './flow-table.js';
import type { FastOpenMode } from './fast-open.js';
import { Host } from './host.js';
import { Ingress, type PacketMeta } from './ingress.js';
import type {
  InterfaceAddress,
  InterfaceOptions,
  InterfaceTable,
  NetworkInterface,
  Route,
} from './interface-table.js';
import { Listener, type ListenOptions } from './listener.js';
import {
  checkStackSettings,
  defaultStackSettings,
  type ConnectionSettings,
  type StackSettings,
} from './settings.js';
import type { PathAdvice } from './path-memory.js';
import type { SegmentNote } from './segment-note.js';
import { Socket } from './socket.js';
import { choosePath, reachFrom, usableAddresses } from './source-selection.js';
import type { TransmitBuffer } from './transmit-buffer.js';

/** How to make a {@link Stack}. */
export interface StackOptions {
  /** Keys, tokens, ports and sequence numbers come from it: on a real network it must be a cryptographic source. */
  readonly random: RandomSource;
  /** What differs from {@link defaultStackSettings}. */
  readonly settings?: Partial<StackSettings>;
}

/** How to connect. */
export interface StackConnectOptions extends ConnectionSettings {
  readonly remote: Endpoint;
  /** What is left out is chosen: the address by route, the port at random. */
  readonly local?: { readonly address?: IpAddress; readonly port?: number };
  /**
   * Addresses of this host that the connection may use and tell its peer of, beside `local.address` (RFC 6897 §5.3.3); left
   * out: all. It begins from the first that leads to the peer. A subflow that is opened by hand from another adds that one.
   */
  readonly localAddresses?: readonly IpAddress[];
  /** Tries several paths until one answers; the path of `local.address`, if there is one, first. Default: one path. */
  readonly robust?: RobustEstablishment;
  /**
   * Whether data may go with the SYN (RFC 7413): see {@link FastOpenMode}. Not when left out, and not with `robust`, with which
   * the server could get the data several times.
   */
  readonly fastOpen?: FastOpenMode;
}

export class Stack {
  private readonly host: Host;
  private readonly ingress: Ingress;
  private readonly egress: Egress;

  constructor(options: StackOptions) {
    const settings = { ...defaultStackSettings, ...options.settings };
    checkStackSettings(settings);
    this.host = new Host(options.random, settings);
    this.ingress = new Ingress(this.host);
    this.egress = new Egress(this.host);
  }

  get settings(): StackSettings {
    return this.host.settings;
  }

  /** Counters: a view that stays current. */
  get counters(): Readonly<StackCounters> {
    return this.host.counters;
  }

  /** Connections of all kinds that the host serves, half-open ones and those that are closing included. */
  get connectionCount(): number {
    return this.host.sockets.size;
  }

  /** Flows that are over and outlive their old duplicates. */
  get timeWaitCount(): number {
    return this.host.timeWaits.size;
  }

  /** The connections, in the order in which they began. */
  get sockets(): Iterable<Socket> {
    return visible(this.host.sockets);
  }

  /** The listeners that are open. */
  get listeners(): readonly Listener[] {
    return this.host.listeners.all;
  }

  // Interfaces

  get interfaces(): readonly NetworkInterface[] {
    return this.host.interfaces.all;
  }

  /** The addresses that subflows may use now, with their IDs. */
  get localAddresses(): readonly LocalAddress[] {
    return this.host.interfaces.localAddresses();
  }

  /** Adds an interface, up, and returns its id. Throws `ERR_SUBFLOW_BAD_INTERFACE`. */
  addInterface(now: number, options: InterfaceOptions): number {
    const added = this.host.interfaces.add(options);
    this.announceAddresses(now);
    return added.id;
  }

  /** Takes an interface away with its addresses; path managers are told, plain TCP connections on it wait in vain. */
  removeInterface(now: number, id: number): void {
    this.forgetPaths(id);
    this.host.interfaces.remove(id);
    this.announceAddresses(now);
  }

  /** Lets packets pass through an interface, or not; path managers are told. */
  setInterfaceState(now: number, id: number, up: boolean): void {
    if (!this.host.interfaces.setUp(id, up)) return;
    if (!up) this.forgetPaths(id);
    this.announceAddresses(now);
  }

  /**
   * Takes what is known of the link of an interface, by its id or name; path managers are told. Without carrier none of its
   * addresses is used, as if it were down. Throws `ERR_SUBFLOW_BAD_INTERFACE`.
   */
  setLinkFacts(now: number, idOrName: number | string, facts: LinkFacts): void {
    const { interfaces } = this.host;
    const { id } = typeof idOrName === 'number' ? interfaces.get(idOrName) : interfaces.named(idOrName);
    if (!interfaces.setLink(id, facts)) return;
    if (!facts.hasCarrier) this.forgetPaths(id);
    this.announceAddresses(now);
  }

  /** Gives an interface one more address; path managers are told. Throws `ERR_SUBFLOW_BAD_INTERFACE`. */
  addAddress(now: number, id: number, entry: InterfaceAddress): void {
    this.host.interfaces.addAddress(id, entry);
    this.announceAddresses(now);
  }

  /** Takes an address away; path managers are told. Returns whether the interface had it. */
  removeAddress(now: number, id: number, address: IpAddress): boolean {
    const isRemoved = this.host.interfaces.removeAddress(id, address);
    if (isRemoved) this.host.pathMemory.forgetAddress(address);
    if (isRemoved) this.announceAddresses(now);
    return isRemoved;
  }

  /** What was learned of paths holds for the network that the interface is in: it may come back in another. */
  private forgetPaths(id: number): void {
    for (const { address } of this.host.interfaces.get(id).addresses)
      this.host.pathMemory.forgetAddress(address);
  }

  /**
   * Names the NAT64 prefixes of an interface's network, best first; path managers are told. They count while the interface
   * has no IPv4 address: IPv4 peers are then reached from it through the first that may stand for their address.
   */
  setNat64Prefixes(now: number, id: number, prefixes: readonly Nat64Prefix[]): void {
    this.host.interfaces.setNat64Prefixes(id, prefixes);
    this.announceAddresses(now);
  }

  /** Adds a route for connections that do not name their source address. Throws `ERR_SUBFLOW_BAD_INTERFACE`. */
  addRoute(route: Route): void {
    this.host.interfaces.addRoute(route);
  }

  private announceAddresses(now: number): void {
    for (const socket of this.host.sockets) {
      socket.connection.setLocalAddresses(now, usableAddresses(this.host.interfaces, socket));
      this.host.touch(now, socket);
    }
  }

  // Connections

  /**
   * Begins a connection; `established` or `closed` follows as an event. Throws `ENETUNREACH` when no interface leads to
   * the peer or its address is that of no single host (RFC 9293 §3.9.1.1), `EADDRNOTAVAIL` for a source address that is not ours or when no port is left, `ENETDOWN` when its
   * interface is down, `EADDRINUSE` for a port in use towards this peer, `ERR_SUBFLOW_LIMIT` at the limit,
   * `ERR_SUBFLOW_BAD_SETTING`.
   */
  connect(now: number, options: StackConnectOptions): Socket {
    const { host } = this;
    const { remote, robust, local, localAddresses } = options;
    if (!remote.address.isOneHost) throw unreachable(remote);
    if (robust === undefined) {
      const source = local?.address ?? firstSource(host.interfaces, options);
      return this.begin(now, options, source, undefined);
    }
    const paths = racePaths(
      host,
      remote.address,
      { locals: localAddresses ?? [], ...robust },
      local?.address,
    );
    if (paths.length === 0) return this.begin(now, options, undefined, undefined);
    const race: EstablishmentRace = new EstablishmentRace(host, robust, paths, (path, at) =>
      this.begin(at, options, path.local, race),
    );
    return race.start(now);
  }

  /** Begins one attempt at a connection, from `address`. */
  private begin(
    now: number,
    options: StackConnectOptions,
    address: IpAddress | undefined,
    race: EstablishmentRace | undefined,
  ): Socket {
    const { host } = this;
    if (host.sockets.size >= host.settings.maxConnections) {
      throw new SubflowError('ERR_SUBFLOW_LIMIT', `${host.sockets.size} connections are as many as may be`);
    }
    if (address === undefined) throw unreachable(options.remote);
    const device = host.deviceOf(address);
    const target = reachFrom(host.interfaces, address, options.remote.address);
    if (target === undefined) throw unreachable(options.remote);
    const remote = { address: target, port: options.remote.port };
    const local = { address, port: this.localPort(address, remote, options.local?.port ?? 0) };
    const wanted = options.mptcp ?? host.settings.mptcp;
    checkMptcpSettings(wanted);
    const advice = host.pathMemory.advise(now, 'capable', address, target);
    const settings = heed(wanted, advice);
    const parameters = host.parametersFor(now, local, remote, device, options);
    const version = host.peers.versionToAsk(now, remote.address, settings.versions);
    const key = host.uniqueKey(settings.enabled ? version : undefined);
    const tuple = { local, remote };
    const { maxSegmentSize } = parameters;
    const fastOpen = host.fastOpen.offer(
      now,
      (race === undefined && options.fastOpen) || false,
      address,
      remote.address,
      maxSegmentSize,
    );
    const { random } = host;
    const begin = { tuple, settings, parameters, random, fastOpen, version, ...key };
    const connection = Connection.connect(now, begin);
    const own = pick(options);
    const socket = new Socket(host, connection, local, remote, own, undefined);
    socket.localAddresses = options.localAddresses;
    socket.race = race;
    if (settings.enabled) socket.pathAdvice = advice;
    socket.fastOpenOffer = fastOpen;
    host.counters.activeOpens++;
    host.addSocket(now, socket, -1);
    return socket;
  }

  private localPort(address: IpAddress, remote: Endpoint, wanted: number): number {
    if (wanted === 0) {
      const port = this.host.allocatePort(address, remote);
      if (port === undefined) throw new SubflowError('EADDRNOTAVAIL', 'every ephemeral port is taken');
      return port;
    }
    if (!this.host.isTupleFree(address, remote.address, packPorts(wanted, remote.port))) {
      throw new SubflowError('EADDRINUSE', `port ${wanted} is in use towards this peer`);
    }
    return wanted;
  }

  /**
   * Takes connections. Throws `EADDRINUSE`, `EADDRNOTAVAIL` for an address that is not ours, and
   * `ERR_SUBFLOW_BAD_SETTING`.
   */
  listen(_now: number, options: ListenOptions): Listener {
    const { host } = this;
    const { address } = options.local;
    if (options.mptcp !== undefined) checkMptcpSettings(options.mptcp);
    if (address !== undefined && host.interfaces.ownerOf(address) === undefined) {
      throw new SubflowError('EADDRNOTAVAIL', `${address.toString()} is not an address of this host`);
    }
    const port = options.local.port === 0 ? host.allocateListenPort(address) : options.local.port;
    if (port === undefined || host.listeners.isTaken(address, port)) {
      throw new SubflowError('EADDRINUSE', `somebody listens on port ${port ?? 0} already`);
    }
    const listener = new Listener(host, port, options);
    host.listeners.add(listener);
    return listener;
  }

  /**
   * Takes a new key for Fast Open cookies before the old one's time is over. Cookies given out so far stay good for
   * `fastOpenKeyLifeNs`; doing it twice makes them void.
   */
  rotateFastOpenKey(now: number): void {
    this.host.fastOpen.rotateKey(now);
  }

  // Driving

  /**
   * Takes a packet that came in through an interface. The stack keeps views of `bytes` and never copies the payload:
   * who hands them in does not write to them again. Never throws, whatever the bytes are.
   */
  handlePacket(now: number, interfaceId: number, bytes: Uint8Array, meta?: PacketMeta): void {
    this.ingress.handlePacket(now, interfaceId, bytes, meta);
  }

  /**
   * Takes a packet of `length` bytes that came in through an interface as a note, as another stack's `pollTransmit` gave it.
   * False when it has to be handed in as bytes instead, and nothing was done. The payload is not copied either: who reads it
   * reads the sender's memory.
   */
  handleNote(now: number, interfaceId: number, note: SegmentNote, length: number): boolean {
    return this.ingress.handleNote(now, interfaceId, note, length);
  }

  /**
   * Whether the IP packet belongs to anything here: a flow, the record of one that is over, or a SYN cookie. For servers that
   * share an address, and hand packets of flows they do not know to each other. An ICMP error counts by what it quotes.
   */
  knowsPacket(now: number, bytes: Uint8Array): boolean {
    return this.ingress.knowsPacket(now, bytes);
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): void {
    const { host } = this;
    host.timeWaits.expire(now);
    for (let due = host.timers.popDue(now); due !== undefined; due = host.timers.popDue(now)) {
      due.connection.handleTimeout(now);
      if (due.race !== undefined) due.race.handleTimeout(now);
      host.touch(now, due);
    }
  }

  /**
   * When `handleTimeout` is due, in ns; `NEVER` when nothing is. Call it after `pollTransmit` gave false: then it costs
   * the same with one connection and with many.
   */
  pollTimeout(): number {
    return this.host.nextTimeout();
  }

  /** Fills `out` with the next packet to send; false when there is none now. Connections take turns. */
  pollTransmit(now: number, out: TransmitBuffer): boolean {
    return this.egress.pollTransmit(now, out);
  }

  /** The next event; undefined when there is none. */
  pollEvent(): StackEvent | undefined {
    return this.host.tellings.pollEvent();
  }
}

/** The settings of a connection on a path with a history: no more SYNs with MP_CAPABLE than it is worth. */
function heed(settings: MptcpSettings, advice: PathAdvice): MptcpSettings {
  if (advice === 'usual') return settings;
  const synsBeforeFallback = advice === 'trial' ? Math.min(1, settings.synsBeforeFallback) : 0;
  return { ...settings, synsBeforeFallback };
}

function unreachable({ address }: Endpoint): SubflowError {
  return new SubflowError('ENETUNREACH', `no interface leads to ${address.toString()}`);
}

/** The sockets that owners know of. */
function* visible(sockets: Iterable<Socket>): Iterable<Socket> {
  for (const socket of sockets) if (socket.race?.hides(socket) !== true) yield socket;
}

/** What most connections have of their own. */
const nothing: ConnectionSettings = Object.freeze({});

/** The settings among the options, so that a socket does not hold on to the rest. */
function pick({ tcp, mptcp, congestion }: ConnectionSettings): ConnectionSettings {
  if (tcp === undefined && mptcp === undefined && congestion === undefined) return nothing;
  return {
    ...(tcp !== undefined && { tcp }),
    ...(mptcp !== undefined && { mptcp }),
    ...(congestion !== undefined && { congestion }),
  };
}

/** The address that a connection begins from when none was named. */
function firstSource(table: InterfaceTable, options: StackConnectOptions): IpAddress | undefined {
  const { remote, localAddresses } = options;
  if (localAddresses === undefined) return choosePath(table, remote.address)?.local;
  return localAddresses.find((address) => reachFrom(table, address, remote.address) !== undefined);
}
