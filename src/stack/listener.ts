/**
 * A port that takes connections. It owns the queue of established connections that nobody took yet and the list of
 * those that are half-open; the host decides when a connection moves from one to the other.
 */
import { Deque } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { fastOpenListener, type FastOpenListener, type FastOpenListenOptions } from './fast-open.js';
import type { ConnectionSettings } from './settings.js';
import type { Socket } from './socket.js';

/** How to listen. */
export interface ListenOptions extends ConnectionSettings {
  readonly local: {
    /** One of the host's addresses; left out: all of them, of both families. */
    readonly address?: IpAddress;
    /** 1 to 65,535, or 0 for a free port of the ephemeral range. */
    readonly port: number;
  };
  /**
   * Established connections that may wait for `accept`, 1 or more; 511 when left out. While as many wait, SYNs are
   * dropped, so that the peers try again later; those that are half-open by then are not lost, so that the queue may
   * exceed the backlog by the host's `maxHalfOpen` at most.
   */
  readonly backlog?: number;
  /**
   * Whether data in SYNs is taken from clients with a cookie (RFC 7413), and how; not at all when left out. Such data may
   * come twice in rare cases, to two connections: only for services whose first request may be repeated.
   */
  readonly fastOpen?: boolean | FastOpenListenOptions;
}

/** What a listener needs of its host. */
export interface ListenerHost {
  /** What holds for listeners that say nothing of their own. */
  readonly settings: { readonly maxFastOpenPending: number };
  /** The owner took `socket`: its events may be delivered from now on. */
  handleAccepted(socket: Socket): void;
  /** Stops the listener and aborts what nobody took. */
  closeListener(now: number, listener: Listener): void;
}

export class Listener {
  /** The address it listens on; undefined for all. */
  readonly address: IpAddress | undefined;
  readonly port: number;
  readonly backlog: number;
  /** For the connections it takes. */
  readonly settings: ConnectionSettings;
  /** What it takes Fast Open with; undefined when it does not. */
  readonly fastOpen: FastOpenListener | undefined;
  /** Free for the owner. */
  data: unknown = undefined;
  /** Established connections that nobody took, oldest first; kept by the host. */
  readonly acceptQueue = new Deque<Socket>();
  /** Connections begun and not established; kept by the host. */
  halfOpenCount = 0;
  /** When a SYN was last answered with a cookie, in ns; -Infinity if never. Kept by the host. */
  lastCookieAt = Number.NEGATIVE_INFINITY;
  /** Whether the owner is to be told that there is something to accept; kept by the host. */
  isAcceptablePending = false;
  /** Whether it stands in the event queue; kept by the host. */
  isEventQueued = false;
  /** Whether it is closed. */
  isClosed = false;
  private readonly host: ListenerHost;

  constructor(host: ListenerHost, port: number, options: ListenOptions) {
    this.host = host;
    this.port = port;
    this.address = options.local.address;
    this.backlog = Math.max(1, options.backlog ?? 511);
    this.settings = options;
    this.fastOpen = fastOpenListener(options.fastOpen, host.settings.maxFastOpenPending);
  }

  /** Takes the oldest established connection; undefined when none waits. It may have ended by now: its events say so. */
  accept(): Socket | undefined {
    const socket = this.acceptQueue.shift();
    if (socket !== undefined) this.host.handleAccepted(socket);
    return socket;
  }

  /** Stops listening. Half-open connections and those that nobody took are aborted; accepted ones live on. */
  close(now: number): void {
    this.host.closeListener(now, this);
  }
}
