/**
 * The owner's handle on one connection, Multipath TCP or plain: the stream and subflow operations of the connection,
 * after each of which the host knows that there may be something to send. It adds no buffering of its own.
 */
import type { Connection, ConnectionError, ExperimentContent, Subflow } from '../mptcp/index.js';
import type { FastOpenOffer, TcpSettings } from '../tcp/index.js';
import type { Endpoint, IpAddress } from '../wire/index.js';
import type { PathNotice } from './events.js';
import type { EstablishmentRace } from './establishment-race.js';
import type { FastOpenQueue } from './fast-open-queue.js';
import type { Listener } from './listener.js';
import type { PathAdvice } from './path-memory.js';
import type { ConnectionSettings } from './settings.js';

/**
 * ```
 * connecting --> open --> closed
 * ```
 * `connecting`: either side's handshake; `open`: established, either direction may have ended; `closed`: over.
 */
export type SocketState = 'connecting' | 'open' | 'closed';

/** What a socket needs of its host. */
export interface SocketHost {
  /** What sockets have that were not given their own. */
  readonly settings: { readonly tcp: TcpSettings };
  /** The owner did something to `socket`'s connection: poll it. */
  touch(now: number, socket: Socket): void;
  /** Opens one more subflow; undefined when addresses, ports or the connection do not allow it. */
  openSubflow(now: number, socket: Socket, request: OpenSubflowOptions): Subflow | undefined;
}

/** A subflow that the owner wants, whatever the path manager thinks. */
export interface OpenSubflowOptions {
  /** One of the host's addresses, with the port to use or 0 for an ephemeral one. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly backup?: boolean;
  /** The peer's ID of the remote address, if it announced one; 0 for the address that the connection began with. */
  readonly remoteId?: number;
}

export class Socket {
  /**
   * The connection. Read it at will; to change it go through the socket, or the host will not notice. The host puts another
   * in its place while it is being established over several paths, not after.
   */
  connection: Connection;
  /** The ends of the initial subflow, which the connection is known by even when that subflow is gone. See `connection`. */
  local: Endpoint;
  remote: Endpoint;
  /** Where it stands; written by the host. */
  state: SocketState = 'connecting';
  /** Why it is closed, when it did not end in order; written by the host. */
  error: ConnectionError | undefined = undefined;
  /** Free for the owner. */
  data: unknown = undefined;

  // What follows is the host's.
  /** What its subflows are made with. */
  settings: ConnectionSettings;
  /** Addresses of the host that it may use beside `local`; undefined for all. */
  localAddresses: readonly IpAddress[] | undefined = undefined;
  /** The listener that took it, until the owner accepts it; undefined from then on and for active connections. */
  listener: Listener | undefined;
  /** What the host's memory of paths advised for its SYN; undefined when the peer sent the SYN, or without Multipath TCP. */
  pathAdvice: PathAdvice | undefined = undefined;
  /** The establishment over several paths that it takes part in; undefined for most, and once it is the one that won. */
  race: EstablishmentRace | undefined = undefined;
  /** Where it counts as pending for Fast Open; undefined once the client's ACK came, and for active connections. */
  fastOpenQueue: FastOpenQueue | undefined = undefined;
  /** What its SYN offered for Fast Open; undefined once the SYN+ACK came, and for passive connections. */
  fastOpenOffer: FastOpenOffer | undefined = undefined;
  /** Token under which it stands in the token table; -1 for none. */
  token = -1;
  /** `PendingEvent` bits that the owner has not pulled. */
  pendingEvents = 0;
  /** Path notices that the owner has not pulled; undefined most of the time. */
  notices: PathNotice[] | undefined = undefined;
  /** Whether it stands in the event queue. */
  isEventQueued = false;
  /** Whether it stands in the ready queue. */
  isReady = false;
  /** Whether the host has let go of it. */
  isRetired = false;
  timerAt = Number.POSITIVE_INFINITY;
  timerIndex = -1;
  private readonly host: SocketHost;

  constructor(
    host: SocketHost,
    connection: Connection,
    local: Endpoint,
    remote: Endpoint,
    settings: ConnectionSettings,
    listener: Listener | undefined,
  ) {
    this.host = host;
    this.connection = connection;
    this.local = local;
    this.remote = remote;
    this.settings = settings;
    this.listener = listener;
  }

  /** Queues bytes that nobody writes to again; false asks to wait for `writable`. See `Connection.write`. */
  write(now: number, bytes: Uint8Array): boolean {
    const hasRoom = this.connection.write(now, bytes);
    this.host.touch(now, this);
    return hasRoom;
  }

  /** The next bytes, a view of at most `maxBytes`; undefined when there are none now. Reading opens the window. */
  read(now: number, maxBytes?: number): Uint8Array | undefined {
    const bytes = this.connection.read(now, maxBytes);
    if (bytes !== undefined) this.host.touch(now, this);
    return bytes;
  }

  /** Ends this direction after what was written. */
  shutdown(now: number): void {
    this.connection.shutdown(now);
    this.host.touch(now, this);
  }

  /** Ends both directions in order; what the peer still sends is discarded. */
  close(now: number): void {
    this.connection.close(now);
    this.host.touch(now, this);
  }

  /** Ends the connection at once and lets the peer know. */
  abort(now: number): void {
    this.connection.abort(now);
    this.host.touch(now, this);
  }

  /** Whether small writes wait while others are not acknowledged (Nagle's rule), on this and every later subflow. */
  setNagle(now: number, nagle: boolean): void {
    this.changeTcp({ nagle });
    for (const { tcp } of this.connection.subflows) tcp.nagle = nagle;
    this.host.touch(now, this);
  }

  /** Probes the peer after `idleNs` of silence; `NEVER` does not. On this and every later subflow. */
  setKeepAlive(now: number, keepAliveIdleNs: number): void {
    this.changeTcp({ keepAliveIdleNs });
    for (const { tcp } of this.connection.subflows) tcp.setKeepAlive(now, keepAliveIdleNs);
    this.host.touch(now, this);
  }

  private changeTcp(change: Partial<TcpSettings>): void {
    const tcp = { ...(this.settings.tcp ?? this.host.settings.tcp), ...change };
    this.settings = { ...this.settings, tcp };
  }

  /** Opens one more subflow; undefined when addresses, ports, limits or the peer do not allow it. */
  openSubflow(now: number, request: OpenSubflowOptions): Subflow | undefined {
    return this.host.openSubflow(now, this, request);
  }

  /** Closes one subflow: what it has not delivered goes over the others. */
  closeSubflow(now: number, subflow: Subflow): void {
    this.connection.closeSubflow(now, subflow);
    this.host.touch(now, this);
  }

  /** Makes a subflow a backup or a regular one, and tells the peer. */
  setBackup(now: number, subflow: Subflow, backup: boolean): void {
    this.connection.setBackup(now, subflow, backup);
    this.host.touch(now, this);
  }

  /** Sends an option for private use on a subflow; see `Connection.sendExperiment`. */
  sendExperiment(now: number, subflow: Subflow, content: ExperimentContent): boolean {
    const isSent = this.connection.sendExperiment(now, subflow, content);
    this.host.touch(now, this);
    return isSent;
  }

  /** Announces an address to the peer; see `Connection.announceAddress`. */
  announceAddress(now: number, endpoint: Endpoint, id: number): boolean {
    const isAnnounced = this.connection.announceAddress(now, endpoint, id);
    this.host.touch(now, this);
    return isAnnounced;
  }

  /** Withdraws an announced address and closes the subflows that use it. */
  withdrawAddress(now: number, id: number): void {
    this.connection.withdrawAddress(now, id);
    this.host.touch(now, this);
  }
}
