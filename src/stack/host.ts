/**
 * The state that the parts of a host share: what is connected, what has something to send, what is due, what there is
 * to tell. Internal to the stack; `Stack` is its face, `Ingress` and `Egress` move the packets.
 */
import { Deque, SubflowError, TimerQueue, type RandomSource, type Uint64 } from '../base/index.js';
import { drawKey, type ConnectionEvent, type Subflow, type SubflowWantedEvent } from '../mptcp/index.js';
import { OutgoingSegment, type TcpParameters } from '../tcp/index.js';
import type { Endpoint, IpAddress, MptcpVersion } from '../wire/index.js';
import { StackCounters } from './counters.js';
import { PendingEvent } from './events.js';
import { FastOpenDesk } from './fast-open.js';
import { Flow, type ConnectionSegment } from './flow.js';
import { FlowTable, packPorts } from './flow-table.js';
import { FlowOrigins } from './initial-sequence.js';
import { InterfaceTable, type NetworkInterface } from './interface-table.js';
import { ListenerTable } from './listener-table.js';
import type { Listener, ListenerHost } from './listener.js';
import { PacketWriter } from './packet-writer.js';
import { learnFrom, PathMemory } from './path-memory.js';
import { PeerMemory } from './peer-memory.js';
import { PortAllocator } from './port-allocator.js';
import { ReplyQueue } from './replies.js';
import type { ConnectionSettings, StackSettings } from './settings.js';
import type { OpenSubflowOptions, Socket, SocketHost } from './socket.js';
import { reachFrom, usableAddresses } from './source-selection.js';
import { TellQueue } from './tell-queue.js';
import { TimeWaitTable } from './time-wait.js';
import { MAX_HEADER_BYTES } from './transmit-buffer.js';

/** Keys drawn for a token with the host's mark; the odds that 8 bits are not found by then are 1 in 10^13. */
const MAX_KEY_DRAWS = 8192;

export class Host implements SocketHost, ListenerHost {
  readonly settings: StackSettings;
  readonly random: RandomSource;
  readonly counters = new StackCounters();
  readonly interfaces = new InterfaceTable();
  readonly flows: FlowTable<Flow>;
  readonly timeWaits: TimeWaitTable;
  readonly listeners = new ListenerTable();
  readonly replies = new ReplyQueue();
  readonly writer: PacketWriter;
  readonly origins: FlowOrigins;
  /** What is known of the peers that were connected to. */
  readonly peers: PeerMemory;
  readonly pathMemory: PathMemory;
  readonly fastOpen: FastOpenDesk;
  /** Sockets by the token that peers join with (RFC 8684 §3.2). */
  readonly tokens = new Map<number, Socket>();
  /** Every socket that the host still serves. */
  readonly sockets = new Set<Socket>();
  /** Sockets that may have something to send, each at most once, in the order in which their turn comes. */
  readonly ready = new Deque<Socket>();
  readonly timers = new TimerQueue<Socket>();
  /** What sockets and listeners have to tell. */
  readonly tellings = new TellQueue(this.counters);
  private readonly ports: PortAllocator;
  /** For the last acknowledgments of flows that go to TIME-WAIT. */
  private readonly scratch: ConnectionSegment = new OutgoingSegment();

  constructor(random: RandomSource, settings: StackSettings) {
    this.random = random;
    this.settings = settings;
    this.writer = new PacketWriter(settings.hopLimit);
    this.flows = new FlowTable(random);
    this.timeWaits = new TimeWaitTable(random, settings.maxTimeWait, settings.tcp.timeWaitNs);
    this.origins = new FlowOrigins(random);
    this.peers = new PeerMemory(settings.maxRememberedPeers, settings.peerMemoryNs);
    this.pathMemory = new PathMemory(settings.pathMemory);
    this.fastOpen = new FastOpenDesk(settings, random, this.counters);
    this.ports = new PortAllocator(settings.ephemeralPorts, random);
  }

  // Making connections

  /** What a new flow's TCP connection is made with. */
  parametersFor(
    now: number,
    local: Endpoint,
    remote: Endpoint,
    device: NetworkInterface,
    own: ConnectionSettings,
  ): TcpParameters {
    const headerBytes = local.address.family === 4 ? 40 : 60;
    const maxSegmentSize = device.mtu - headerBytes;
    const ports = packPorts(local.port, remote.port);
    const origin = this.origins.at(now, local.address, remote.address, ports);
    const { receiveBufferBytes } = own.mptcp ?? this.settings.mptcp;
    return {
      initialSequence: origin.initialSequence,
      timestampOffset: origin.timestampOffset,
      timestampMark: this.settings.serverMark,
      maxSegmentSize,
      pathMaxSegmentSize: maxSegmentSize,
      headerBytes,
      receiveWindowBytes: receiveBufferBytes,
      maxReceiveWindowBytes: receiveBufferBytes,
      // The length field of the IP header counts what a super-segment has, headers and all.
      maxOffloadBytes: Math.min(device.capabilities.maxOffloadBytes, 65_535 - MAX_HEADER_BYTES),
      settings: own.tcp ?? this.settings.tcp,
      congestion: own.congestion ?? this.settings.congestion,
      random: this.random,
    };
  }

  /**
   * A key whose token no connection of this host has, whatever its version (RFC 8684 §3.1: tokens are unique on a host),
   * in the form of an option; nothing for a connection that will not speak Multipath TCP.
   */
  uniqueKey(version: MptcpVersion | undefined): { readonly key?: Uint64 } {
    return version === undefined ? {} : this.keyWith(version, 0, 0);
  }

  /** {@link uniqueKey} for a connection that a peer begins: the token carries the host's mark among servers, if it has one. */
  markedKey(version: MptcpVersion | undefined): { readonly key?: Uint64 } {
    const mark = this.settings.serverMark;
    if (version === undefined || mark === undefined) return this.uniqueKey(version);
    return this.keyWith(version, 2 ** mark.bits - 1, mark.value);
  }

  private keyWith(version: MptcpVersion, mask: number, mark: number): { readonly key: Uint64 } {
    for (let draws = 0; ; draws++) {
      const { key, token } = drawKey(this.random, version);
      const isMarked = (token & mask) === mark || draws >= MAX_KEY_DRAWS;
      if (isMarked && !this.tokens.has(token)) return { key };
    }
  }

  /** Whether a new flow may have this four-tuple: no flow has it, and no record of a closed one. */
  isTupleFree(local: IpAddress, remote: IpAddress, ports: number): boolean {
    return (
      this.flows.findTuple(local, remote, ports) === undefined &&
      this.timeWaits.findTuple(local, remote, ports) === undefined
    );
  }

  /** A free local port towards `remote`; undefined when every one is taken. */
  allocatePort(local: IpAddress, remote: Endpoint): number | undefined {
    return this.ports.allocate(
      local,
      remote.address,
      remote.port,
      (port) =>
        !this.listeners.isTaken(local, port) &&
        this.isTupleFree(local, remote.address, packPorts(port, remote.port)),
    );
  }

  /** A local port on which nobody listens yet, drawn at random; undefined when every one is taken. */
  allocateListenPort(address: IpAddress | undefined): number | undefined {
    const { first, last } = this.settings.ephemeralPorts;
    const size = last - first + 1;
    const start = this.random.nextUint32() % size;
    for (let i = 0; i < size; i++) {
      const port = first + ((start + i) % size);
      if (!this.listeners.isTaken(address, port)) return port;
    }
    return undefined;
  }

  /** Takes a new socket in, with the flow of its initial subflow; see {@link addFlow} for `arrivedOn`. */
  addSocket(now: number, socket: Socket, arrivedOn: number): void {
    this.sockets.add(socket);
    for (const subflow of socket.connection.subflows) this.addFlow(socket, subflow, arrivedOn);
    this.noteToken(socket, socket.connection.localToken);
    socket.connection.setLocalAddresses(now, usableAddresses(this.interfaces, socket));
    this.touch(now, socket);
  }

  /** Makes `subflow` findable; `arrivedOn` is the interface that its SYN came in by, -1 when this host sent it. */
  addFlow(socket: Socket, subflow: Subflow, arrivedOn: number): void {
    const flow = new Flow(socket, subflow, arrivedOn);
    subflow.owner = flow;
    this.flows.insert(flow);
  }

  /** See {@link Socket.openSubflow}. */
  openSubflow(now: number, socket: Socket, request: OpenSubflowOptions): Subflow | undefined {
    const known = this.interfaces
      .localAddresses()
      .find((entry) => entry.address.equals(request.local.address));
    if (known === undefined || socket.isRetired) return undefined;
    const target = reachFrom(this.interfaces, known.address, request.remote.address);
    if (target === undefined) return undefined;
    const initial = socket.local.address.equals(known.address);
    const subflow = this.startSubflow(now, socket, {
      address: known.address,
      port: request.local.port,
      remote: { address: target, port: request.remote.port },
      localId: initial ? 0 : known.id,
      remoteId: request.remoteId ?? 0,
      backup: request.backup ?? false,
    });
    if (subflow !== undefined) this.admitAddress(now, socket, known.address);
    this.touch(now, socket);
    return subflow;
  }

  /** A subflow opened by hand from another of the host's addresses: it is one of the connection's from now on. */
  private admitAddress(now: number, socket: Socket, address: IpAddress): void {
    if (socket.localAddresses === undefined || socket.localAddresses.some((each) => each.equals(address)))
      return;
    socket.localAddresses = [...socket.localAddresses, address];
    socket.connection.setLocalAddresses(now, usableAddresses(this.interfaces, socket));
  }

  private startSubflow(
    now: number,
    socket: Socket,
    wanted: {
      address: IpAddress;
      port: number;
      remote: Endpoint;
      localId: number;
      remoteId: number;
      backup: boolean;
    },
  ): Subflow | undefined {
    const { address, remote, localId, remoteId, backup } = wanted;
    const device = this.interfaces.ownerOf(address);
    if (device?.isInService !== true) return undefined;
    const port = wanted.port === 0 ? this.allocatePort(address, remote) : wanted.port;
    if (port === undefined || !this.isTupleFree(address, remote.address, packPorts(port, remote.port)))
      return undefined;
    const local = { address, port };
    const parameters = this.parametersFor(now, local, remote, device, socket.settings);
    const subflow = socket.connection.openSubflow(now, {
      local,
      remote,
      localId,
      remoteId,
      backup,
      parameters,
    });
    if (subflow !== undefined) this.addFlow(socket, subflow, -1);
    return subflow;
  }

  // What a connection does to its host

  /** Has `socket` polled: something happened to its connection. */
  touch(now: number, socket: Socket): void {
    if (socket.isRetired) return;
    this.drainEvents(now, socket);
    if (socket.isReady) return;
    socket.isReady = true;
    this.ready.push(socket);
  }

  /** `socket` has nothing to send now: sets its timer, and lets go of it when it is over. */
  settle(now: number, socket: Socket): void {
    this.drainEvents(now, socket);
    if (socket.state === 'closed' && this.isOver(socket)) this.retire(now, socket);
    else this.timers.set(socket, dueAt(socket));
  }

  private drainEvents(now: number, socket: Socket): void {
    const { connection } = socket;
    for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
      this.handleEvent(now, socket, event);
    }
    if (socket.race !== undefined) socket.race.review(now, socket);
  }

  private handleEvent(now: number, socket: Socket, event: ConnectionEvent): void {
    switch (event.type) {
      case 'established':
        this.handleEstablished(socket);
        break;
      case 'readable':
        this.tellings.tell(socket, PendingEvent.READABLE);
        break;
      case 'writable':
        this.tellings.tell(socket, PendingEvent.WRITABLE);
        break;
      case 'peer-closed':
        this.tellings.tell(socket, PendingEvent.PEER_CLOSED);
        break;
      case 'closed':
        this.fastOpen.close(now, socket, event.error?.code === 'ECONNRESET');
        this.handleClosed(socket, event.error);
        break;
      case 'fast-open':
        this.fastOpen.settle(now, socket, event.status);
        break;
      case 'subflow-wanted':
        this.handleSubflowWanted(now, socket, event);
        break;
      case 'token':
        this.noteToken(socket, event.active ? event.token : undefined);
        break;
      case 'subflow-released':
        this.removeFlow(event.subflow);
        break;
      case 'fallback':
        this.peers.noteFallback(now, socket.remote.address, event);
        learnFrom(this.pathMemory, now, socket, event);
        this.tellings.tellPath(socket, event);
        break;
      case 'confirmed':
      case 'subflow-opened':
      case 'subflow-closed':
      case 'subflow-priority':
      case 'address-announced':
      case 'address-removed':
      case 'experiment':
        learnFrom(this.pathMemory, now, socket, event);
        this.tellings.tellPath(socket, event);
        break;
      case 'reinjection':
      case 'subflow-penalised':
        // They may come with every packet: sockets have their sums among the statistics instead.
        break;
    }
  }

  private handleEstablished(socket: Socket): void {
    socket.state = 'open';
    const { listener } = socket;
    if (listener === undefined) {
      this.tellings.tell(socket, PendingEvent.ESTABLISHED);
      return;
    }
    this.counters.passiveOpens++;
    this.leaveHalfOpen(socket, listener);
    listener.acceptQueue.push(socket);
    if (listener.isAcceptablePending) return;
    listener.isAcceptablePending = true;
    this.tellings.enqueue(listener);
  }

  private handleClosed(socket: Socket, error: Socket['error']): void {
    const wasHalfOpen = socket.state === 'connecting';
    socket.state = 'closed';
    socket.error = error;
    this.noteToken(socket, undefined);
    if (socket.listener !== undefined && wasHalfOpen) {
      // Nobody ever heard of it.
      this.leaveHalfOpen(socket, socket.listener);
      return;
    }
    this.tellings.tell(socket, PendingEvent.CLOSED);
  }

  private leaveHalfOpen(socket: Socket, listener: Listener): void {
    listener.halfOpenCount--;
    if (socket.state === 'closed') socket.listener = undefined;
  }

  private handleSubflowWanted(now: number, socket: Socket, event: SubflowWantedEvent): void {
    const { local, remote, localId, remoteId, backup } = event;
    const wanted = { address: local, port: 0, remote, localId, remoteId, backup };
    const rests = this.pathMemory.advise(now, 'join', local, remote.address) === 'leave-out';
    if (rests || this.startSubflow(now, socket, wanted) === undefined)
      socket.connection.refuseSubflow(now, local, remote);
  }

  /** Keeps the token table in step: undefined when the connection cannot be joined (any more). */
  noteToken(socket: Socket, token: number | undefined): void {
    if (socket.token >= 0 && this.tokens.get(socket.token) === socket) this.tokens.delete(socket.token);
    socket.token = token ?? -1;
    if (token !== undefined && !this.tokens.has(token)) this.tokens.set(token, socket);
  }

  /** Takes a subflow out of the flow table; harmless when it is out already. */
  removeFlow(subflow: Subflow): void {
    // The subflow keeps the flow: a last reset may still have to be written.
    if (subflow.owner instanceof Flow) this.flows.remove(subflow.owner);
  }

  // The end of a connection

  /** Whether no flow of a closed connection needs more than a TIME-WAIT record. */
  private isOver(socket: Socket): boolean {
    if (socket.connection.isReleasable) return true;
    for (const { tcp } of socket.connection.subflows) {
      if (tcp.state !== 'closed' && tcp.state !== 'time-wait') return false;
    }
    return true;
  }

  /** Lets go of a socket; its flows in TIME-WAIT become records. */
  private retire(now: number, socket: Socket): void {
    const subflows = [...socket.connection.subflows];
    for (const subflow of subflows) if (subflow.tcp.state === 'time-wait') subflow.tcp.requestAck(now);
    const { scratch, timeWaits } = this;
    const recorded: Subflow[] = [];
    for (;;) {
      const subflow = socket.connection.pollTransmit(now, scratch);
      if (subflow === undefined) break;
      if (!(subflow.owner instanceof Flow) || recorded.includes(subflow)) continue;
      const { local, remote, ports } = subflow.owner;
      this.removeFlow(subflow);
      recorded.push(subflow);
      this.counters.timeWaits++;
      if (timeWaits.add(now, local, remote, ports, scratch)) this.counters.timeWaitEvicted++;
    }
    this.drop(socket);
  }

  /** Lets go of a socket without a trace. */
  private drop(socket: Socket): void {
    for (const subflow of socket.connection.subflows) this.removeFlow(subflow);
    this.noteToken(socket, undefined);
    this.timers.remove(socket);
    this.sockets.delete(socket);
    socket.isRetired = true;
  }

  /** See {@link Listener.close}. */
  closeListener(now: number, listener: Listener): void {
    if (listener.isClosed) return;
    listener.isClosed = true;
    this.listeners.remove(listener);
    for (const socket of this.sockets) {
      if (socket.listener === listener) socket.abort(now);
    }
    listener.acceptQueue.clear();
  }

  /** See {@link Listener.accept}. */
  handleAccepted(socket: Socket): void {
    socket.listener = undefined;
    this.tellings.tellPending(socket);
  }

  /** When a connection or a TIME-WAIT record is due, in ns. */
  nextTimeout(): number {
    let next = Math.min(this.timers.nextAt, this.timeWaits.nextAt);
    // The timers of these are not set yet; there are few, and none once everything was transmitted.
    for (let i = 0; i < this.ready.length; i++) next = Math.min(next, dueAt(this.ready.at(i)!));
    return next;
  }

  /** The interface of a new connection's source address; throws when it cannot be used. */
  deviceOf(address: IpAddress): NetworkInterface {
    const device = this.interfaces.ownerOf(address);
    if (device === undefined) {
      throw new SubflowError('EADDRNOTAVAIL', `${address.toString()} is not an address of this host`);
    }
    if (!device.up) throw new SubflowError('ENETDOWN', `the interface ${device.name} is down`);
    if (!device.isInService)
      throw new SubflowError('ENETDOWN', `the interface ${device.name} has no carrier`);
    return device;
  }
}

/** When something is due for `socket`, in ns. */
function dueAt(socket: Socket): number {
  const at = socket.connection.pollTimeout();
  return socket.race === undefined ? at : Math.min(at, socket.race.dueAt(socket));
}
