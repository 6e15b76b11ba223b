/**
 * The events 'subflow' and 'address' of kernel sockets: what the kernel tells of all connections of a namespace, handed
 * to the socket that it is about. One listener serves all sockets of a namespace and lives while one of them does.
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

/** One socket, and its subflows as they were seen last, by their ends. */
interface Watcher {
  readonly socket: WatchedSocket;
  known: Map<string, SubflowInfo>;
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

/** By the identity of the namespace. */
const listeners = new Map<string, NamespaceEvents>();

/**
 * Has `socket`, whose connection is `token` in the calling thread's namespace, emit what the kernel tells of it. Doing so
 * twice does nothing. Throws `EPERM` without CAP_NET_ADMIN, `ERR_SUBFLOW_UNSUPPORTED` where the kernel tells nothing.
 */
export function watchKernelSubflows(socket: WatchedSocket, token: number): void {
  const namespace = readlinkSync('/proc/thread-self/ns/net');
  let events = listeners.get(namespace);
  if (events === undefined) {
    events = new NamespaceEvents(() => listeners.delete(namespace));
    listeners.set(namespace, events);
  }
  events.add(token, socket);
}

class NamespaceEvents {
  private readonly watchers = new Map<number, Watcher>();
  private readonly events: KernelPathEvents;
  private readonly onIdle: () => void;

  constructor(onIdle: () => void) {
    this.onIdle = onIdle;
    this.events = listen(
      (event) => this.handle(event),
      () => this.compare(),
    );
  }

  add(token: number, socket: WatchedSocket): void {
    if (this.watchers.has(token)) return;
    this.watchers.set(token, { socket, known: byEnds(socket.subflows) });
    socket.once('close', () => this.remove(token));
  }

  private remove(token: number): void {
    this.watchers.delete(token);
    if (this.watchers.size > 0) return;
    this.events.close();
    this.onIdle();
  }

  private handle(event: KernelPathEvent): void {
    const watcher = this.watchers.get(event.token);
    if (watcher === undefined) return;
    const address = addressEvent(event);
    if (address !== undefined) {
      watcher.socket.emit('address', address);
      return;
    }
    for (const [ends, subflow] of byEnds(watcher.socket.subflows)) remember(watcher.known, ends, subflow);
    const ends = endsOf(event.local, event.remote);
    const subflow = watcher.known.get(ends);
    // It came and went before anybody looked.
    if (subflow === undefined) return;
    if (event.type === 'subflow-closed') watcher.known.delete(ends);
    watcher.socket.emit('subflow', subflowEvent(event, subflow));
  }

  /** Events were lost: what they said of subflows shows in the difference. */
  private compare(): void {
    for (const watcher of this.watchers.values()) {
      const before = watcher.known;
      watcher.known = byEnds(watcher.socket.subflows);
      for (const [ends, subflow] of before) {
        if (watcher.known.has(ends)) continue;
        watcher.socket.emit('subflow', { type: 'closed', subflow: { ...subflow, state: 'closed' } });
      }
      for (const [ends, subflow] of watcher.known)
        if (!before.has(ends)) watcher.socket.emit('subflow', { type: 'opened', subflow });
    }
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
