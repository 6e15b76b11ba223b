/**
 * What the kernel tells of the subflows of all connections of a namespace, handed to those that it is about: to sockets as their events
 * 'subflow' and 'address', to service types as it comes. One listener serves all of a namespace and lives while one of them does.
 */
import { readlinkSync } from 'node:fs';
import { KernelPathEvents, type KernelPathEvent, type PathEnd } from '../linux/index.js';
import { SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { codeOf } from './net-error.js';
import type { AddressEvent, SubflowEvent, SubflowInfo } from './socket.js';

/** Subflows remembered for one socket, so that one that is gone can be named. */
const MAX_KNOWN = 64;

/** A socket that wants to hear. */
export interface WatchedSocket {
  readonly subflows: readonly SubflowInfo[];
  emit(event: 'subflow' | 'address', content: SubflowEvent | AddressEvent): boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** Who hears of one connection. */
export interface KernelEventListener {
  handleEvent(event: KernelPathEvent): void;
  /** Events were lost: anything may be different. */
  handleLoss(): void;
}

/** The words of the userspace transport for the kernel's error numbers (errno.h). */
const reasons: Readonly<Record<number, string>> = {
  101: 'unreachable',
  103: 'aborted',
  104: 'reset',
  110: 'timeout',
  111: 'refused',
  113: 'unreachable',
};

/** Sockets that watch already. */
const watched = new WeakSet<WatchedSocket>();

/**
 * Has `socket`, whose connection is `token` in the calling thread's namespace, emit what the kernel tells of it. Doing so
 * twice does nothing. Throws `EPERM` without CAP_NET_ADMIN, `ERR_SUBFLOW_UNSUPPORTED` where the kernel tells nothing.
 */
export function watchKernelSubflows(socket: WatchedSocket, token: number): void {
  if (watched.has(socket)) return;
  const watcher = new SocketWatcher(socket);
  const feed = new KernelEventFeed();
  watched.add(socket);
  feed.listen(token, watcher);
  socket.once('close', () => feed.close());
}

/** What the feeds of one namespace share. */
class NamespaceEvents {
  /** Feeds that are open, whether or not they listen yet. */
  private readonly feeds = new Set<KernelEventFeed>();
  /** Who listens, by the token of the connection. */
  private readonly listeners = new Map<number, Set<KernelEventListener>>();
  private readonly events: KernelPathEvents;
  private readonly onIdle: () => void;

  constructor(onIdle: () => void) {
    this.onIdle = onIdle;
    this.events = listen(
      (event) => {
        for (const listener of [...(this.listeners.get(event.token) ?? [])]) listener.handleEvent(event);
      },
      () => {
        for (const listener of [...this.listeners.values()].flatMap((some) => [...some]))
          listener.handleLoss();
      },
    );
  }

  add(feed: KernelEventFeed): void {
    this.feeds.add(feed);
  }

  remove(feed: KernelEventFeed): void {
    if (!this.feeds.delete(feed) || this.feeds.size > 0) return;
    this.events.close();
    this.onIdle();
  }

  listen(token: number, listener: KernelEventListener): void {
    this.listeners.set(token, (this.listeners.get(token) ?? new Set()).add(listener));
  }

  unlisten(token: number, listener: KernelEventListener): void {
    const some = this.listeners.get(token);
    some?.delete(listener);
    if (some?.size === 0) this.listeners.delete(token);
  }
}

/** By the identity of the namespace. */
const shared = new Map<string, NamespaceEvents>();

/** The kernel's events for one connection, in the namespace of the thread that makes this. Holds no process alive. */
export class KernelEventFeed {
  private readonly source: NamespaceEvents;
  private heard: { readonly token: number; readonly listener: KernelEventListener } | undefined;

  /** Throws `EPERM` without CAP_NET_ADMIN, `ERR_SUBFLOW_UNSUPPORTED` where the kernel tells nothing. */
  constructor() {
    const namespace = readlinkSync('/proc/thread-self/ns/net');
    this.source = shared.get(namespace) ?? new NamespaceEvents(() => shared.delete(namespace));
    shared.set(namespace, this.source);
    this.source.add(this);
  }

  /** Has `listener` hear of the connection `token`. To be called once. */
  listen(token: number, listener: KernelEventListener): void {
    this.heard = { token, listener };
    this.source.listen(token, listener);
  }

  /** Closing twice does nothing. */
  close(): void {
    if (this.heard !== undefined) this.source.unlisten(this.heard.token, this.heard.listener);
    this.heard = undefined;
    this.source.remove(this);
  }
}

/** Turns what the kernel tells of one socket into its events. */
class SocketWatcher implements KernelEventListener {
  private readonly socket: WatchedSocket;
  /** The subflows as they were seen last, by their ends. */
  private known: Map<string, SubflowInfo>;

  constructor(socket: WatchedSocket) {
    this.socket = socket;
    this.known = byEnds(socket.subflows);
  }

  handleEvent(event: KernelPathEvent): void {
    const { socket, known } = this;
    const address = addressEvent(event);
    if (address !== undefined) {
      socket.emit('address', address);
      return;
    }
    if (!event.type.startsWith('subflow')) return;
    for (const [ends, subflow] of byEnds(socket.subflows)) remember(known, ends, subflow);
    const ends = endsOf(event.local, event.remote);
    const subflow = known.get(ends);
    // It came and went before anybody looked.
    if (subflow === undefined) return;
    if (event.type === 'subflow-closed') known.delete(ends);
    socket.emit('subflow', subflowEvent(event, subflow));
  }

  /** What lost events said of subflows shows in the difference. */
  handleLoss(): void {
    const { socket, known: before } = this;
    this.known = byEnds(socket.subflows);
    for (const [ends, subflow] of before) {
      if (this.known.has(ends)) continue;
      socket.emit('subflow', { type: 'closed', subflow: { ...subflow, state: 'closed' } });
    }
    for (const [ends, subflow] of this.known)
      if (!before.has(ends)) socket.emit('subflow', { type: 'opened', subflow });
  }
}

function listen(onEvent: (event: KernelPathEvent) => void, onLost: () => void): KernelPathEvents {
  try {
    return new KernelPathEvents(onEvent, onLost);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', 'the kernel does not tell of subflows', {
      cause: error,
      hint: 'Linux 5.12 or newer does; so does the userspace transport.',
    });
  }
}

function remember(known: Map<string, SubflowInfo>, ends: string, subflow: SubflowInfo): void {
  known.delete(ends);
  known.set(ends, subflow);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
}

function byEnds(subflows: readonly SubflowInfo[]): Map<string, SubflowInfo> {
  return new Map(
    subflows.map((subflow) => {
      const { localAddress, localPort, remoteAddress, remotePort } = subflow;
      const local = { address: localAddress, port: localPort };
      return [endsOf(local, { address: remoteAddress, port: remotePort }), subflow];
    }),
  );
}

function endsOf(local: PathEnd | undefined, remote: PathEnd | undefined): string {
  return `${endOf(local)} ${endOf(remote)}`;
}

/** An IPv4 address is written in one way, whatever the family of the socket. */
function endOf(end: PathEnd | undefined): string {
  if (end === undefined) return '';
  const address = IpAddress.parse(end.address);
  return `${(address?.mappedV4 ?? address)?.toString()} ${end.port}`;
}

function subflowEvent(event: KernelPathEvent, subflow: SubflowInfo): SubflowEvent {
  if (event.type === 'subflow-opened') return { type: 'opened', subflow };
  if (event.type === 'subflow-priority')
    return { type: 'priority', subflow: { ...subflow, backup: event.backup } };
  const { errno = 0, resetReason } = event;
  const isReset = errno === 0 && resetReason !== undefined;
  const reason = isReset ? 'reset' : errno === 0 ? 'normal' : (reasons[errno] ?? 'aborted');
  const closed = { type: 'closed', subflow: { ...subflow, state: 'closed' }, reason } as const;
  return resetReason === undefined ? closed : { ...closed, resetReason };
}

function addressEvent({ type, remote, remoteId: id }: KernelPathEvent): AddressEvent | undefined {
  if (id === undefined) return undefined;
  if (type === 'address-removed') return { type: 'removed', id };
  return type === 'address-announced' ? { type: 'announced', id, ...remote } : undefined;
}
