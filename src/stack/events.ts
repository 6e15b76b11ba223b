/**
 * What a host tells its owner. Events are pulled, never called back, and coalesced: what a socket has to say stands in
 * the socket, the queue holds each socket and each listener at most once, so it cannot grow beyond their number.
 */
import type {
  AddressAnnouncedEvent,
  AddressRemovedEvent,
  ConfirmedEvent,
  ConnectionError,
  ExperimentEvent,
  FallbackEvent,
  SubflowClosedEvent,
  SubflowOpenedEvent,
  SubflowPriorityEvent,
} from '../mptcp/index.js';
import type { Listener } from './listener.js';
import type { Socket } from './socket.js';

/** What happened below the byte stream: subflows, addresses, options for private use, fallback. */
export type PathNotice =
  | ConfirmedEvent
  | SubflowOpenedEvent
  | SubflowClosedEvent
  | SubflowPriorityEvent
  | AddressAnnouncedEvent
  | AddressRemovedEvent
  | ExperimentEvent
  | FallbackEvent;

/** `listener.accept()` has at least one socket to give. Not repeated until it has given the last one. */
export interface AcceptableEvent {
  readonly type: 'acceptable';
  readonly listener: Listener;
}

/** The connection is open for data. */
export interface SocketEstablishedEvent {
  readonly type: 'established';
  readonly socket: Socket;
}

/** `read` has bytes. Not repeated until `read` has given all there were. */
export interface SocketReadableEvent {
  readonly type: 'readable';
  readonly socket: Socket;
}

/** The send buffer drained after `write` returned false. */
export interface SocketWritableEvent {
  readonly type: 'writable';
  readonly socket: Socket;
}

/** The peer sends no more: after the bytes that are still readable the stream ends. */
export interface SocketPeerClosedEvent {
  readonly type: 'peer-closed';
  readonly socket: Socket;
}

/** Something happened to the paths of a connection. At most {@link MAX_NOTICES} wait for each socket. */
export interface SocketPathEvent {
  readonly type: 'path';
  readonly socket: Socket;
  readonly notice: PathNotice;
}

/** The connection is over; only `path` events may follow. Bytes that came before can still be read. */
export interface SocketClosedEvent {
  readonly type: 'closed';
  readonly socket: Socket;
  /** Why, when it did not end in order. */
  readonly error: ConnectionError | undefined;
}

/** Everything a host tells its owner. */
export type StackEvent =
  | AcceptableEvent
  | SocketEstablishedEvent
  | SocketReadableEvent
  | SocketWritableEvent
  | SocketPeerClosedEvent
  | SocketPathEvent
  | SocketClosedEvent;

/** Path notices that wait for one socket's owner; further ones are dropped and counted. */
export const MAX_NOTICES = 64;

/** Bits of {@link Socket.pendingEvents}. */
export const PendingEvent = { ESTABLISHED: 1, READABLE: 2, WRITABLE: 4, PEER_CLOSED: 8, CLOSED: 16 } as const;
