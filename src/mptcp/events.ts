/**
 * What a connection tells its owner. Events are values in a queue: nothing is called back from inside the engine.
 */
import type { IpAddress, Endpoint, MptcpVersion } from '../wire/index.js';
import type { FastOpenStatus } from './fast-open.js';
import type { ResetReasonCode } from './reset-reason.js';
import type { ReinjectionCause } from './send-data.js';
import type { Subflow } from './subflow.js';

/** Why the connection, or one of its subflows, ended before its time. */
export interface ConnectionError {
  /**
   * The POSIX name that users of node:net expect.
   */
  readonly code: ConnectionErrorCode;
  /** One sentence for a person. */
  readonly message: string;
}

/** The codes a {@link ConnectionError} may carry. */
export type ConnectionErrorCode = 'ECONNRESET' | 'ECONNREFUSED' | 'ETIMEDOUT' | 'EHOSTUNREACH';

/** Why a connection that asked for Multipath TCP became plain TCP (RFC 8684 §3.7). */
export type FallbackCause =
  /** The owner's settings switch Multipath TCP off. */
  | 'disabled'
  /** The peer's SYN carried no MP_CAPABLE that can be used. */
  | 'no-capable-in-syn'
  /** The peer's SYN crossed ours: both ends opened at once, and neither is the server that MP_CAPABLE needs. */
  | 'simultaneous-open'
  /** The SYN+ACK carried no MP_CAPABLE that can be used. */
  | 'no-capable-in-syn-ack'
  /** The SYN+ACK answered with a lower version than was asked for. */
  | 'lower-version'
  /** SYNs with MP_CAPABLE went unanswered, now or not long ago on the same path; one without was answered. */
  | 'syn-lost'
  /** A SYN with MP_CAPABLE was answered, but only after one without was sent: the path is slow, not closed. */
  | 'syn-late'
  /** The third ACK, or the first data, carried no MP_CAPABLE. */
  | 'no-capable-in-ack'
  /** The peer acknowledged or sent the first data without a DSS option. */
  | 'no-data-sequence-signal'
  /** The peer announced an infinite mapping. */
  | 'infinite-mapping'
  /** A DSS checksum did not match and this is the only subflow. */
  | 'checksum'
  /** The peer sent MP_FAIL on the only subflow. */
  | 'peer-failed';

/** Why a subflow ended. */
export type SubflowCloseReason =
  /** Both sides closed it in order. */
  | 'normal'
  /** The peer reset it. */
  | 'reset'
  /** Nothing was acknowledged for as long as TCP waits. */
  | 'timeout'
  /** The peer refused it. */
  | 'refused'
  /** The network said that the peer cannot be reached. */
  | 'unreachable'
  /** This side reset it. */
  | 'aborted';

/** The connection is open for data. */
export interface EstablishedEvent {
  readonly type: 'established';
  /** Whether it is plain TCP. */
  readonly fallback: boolean;
  /** Version of Multipath TCP that is spoken; undefined in plain TCP. */
  readonly version: MptcpVersion | undefined;
}

/**
 * The peer is known to speak Multipath TCP: from now on subflows may be opened and addresses announced. Comes after the
 * client's `established`, with the peer's first answer; never in plain TCP.
 */
export interface ConfirmedEvent {
  readonly type: 'confirmed';
}

/** `read` has bytes; not repeated until it has been emptied. */
export interface ReadableEvent {
  readonly type: 'readable';
}

/** The send buffer has drained after `write` returned false. */
export interface WritableEvent {
  readonly type: 'writable';
}

/** The peer sends no more: after the bytes that are still readable the stream ends. */
export interface PeerClosedEvent {
  readonly type: 'peer-closed';
}

/** Nothing more will happen on the stream; only events of subflows that end may follow. */
export interface ClosedEvent {
  readonly type: 'closed';
  readonly error: ConnectionError | undefined;
}

/**
 * The path manager wants another subflow. The owner picks a source port and a device and calls
 * {@link Connection.openSubflow}; when it cannot, it calls {@link Connection.refuseSubflow}.
 */
export interface SubflowWantedEvent {
  readonly type: 'subflow-wanted';
  /** Source address. */
  readonly local: IpAddress;
  /** Address ID of `local`. */
  readonly localId: number;
  /** Destination. */
  readonly remote: Endpoint;
  /** Address ID of `remote`, 0 for the one the connection began with. */
  readonly remoteId: number;
  /** Whether it is to be used only while no regular subflow is usable. */
  readonly backup: boolean;
}

/** A subflow is part of the connection and may carry data. */
export interface SubflowOpenedEvent {
  readonly type: 'subflow-opened';
  readonly subflow: Subflow;
}

/**
 * A subflow carries no more data. Packets of it may still come and go (the last RST, FINs, TIME-WAIT): the owner keeps
 * its ports until `subflow-released`.
 */
export interface SubflowClosedEvent {
  readonly type: 'subflow-closed';
  readonly subflow: Subflow;
  readonly reason: SubflowCloseReason;
  /** What MP_TCPRST said, ours or the peer's; undefined when there was none. */
  readonly resetReason: ResetReasonCode | undefined;
  /** Whether MP_TCPRST called the trouble transient (RFC 8684 §3.6, flag T). */
  readonly transient: boolean;
}

/** Nothing more is sent or expected on a subflow: its ports are free. Always after `subflow-closed`. */
export interface SubflowReleasedEvent {
  readonly type: 'subflow-released';
  readonly subflow: Subflow;
}

/** The peer changed the priority of a subflow. */
export interface SubflowPriorityEvent {
  readonly type: 'subflow-priority';
  readonly subflow: Subflow;
  readonly peerBackup: boolean;
}

/** Data was handed to a subflow once more, by the connection's own choice; TCP's retransmissions are not told. */
export interface ReinjectionEvent {
  readonly type: 'reinjection';
  readonly cause: ReinjectionCause;
  /** The subflow that carries it now. */
  readonly subflow: Subflow;
  readonly bytes: number;
}

/**
 * The congestion window of a subflow was halved because its data kept the peer's window closed while a quicker subflow
 * had room (`MptcpSettings.penalisation`).
 */
export interface SubflowPenalisedEvent {
  readonly type: 'subflow-penalised';
  readonly subflow: Subflow;
  /** The congestion window from now on. */
  readonly cwndBytes: number;
}

/**
 * The peer sent an MP_EXPERIMENTAL; only where the setting `hearExperiments` asks for it. Some may be missing: nothing
 * repeats them, and only a few wait to be polled.
 */
export interface ExperimentEvent {
  readonly type: 'experiment';
  readonly subflow: Subflow;
  /** Lower half of the option's third byte, 0 to 15. */
  readonly nibble: number;
  /** What follows it. */
  readonly body: Uint8Array;
}

/** The peer announced an address and its HMAC was right. */
export interface AddressAnnouncedEvent {
  readonly type: 'address-announced';
  readonly id: number;
  readonly address: IpAddress;
  /** Port to connect to; 0 when the announcement named none: then the connection's own. */
  readonly port: number;
}

/**
 * The peer withdrew an address: nothing new is opened to it. Subflows that use it are probed, and end if nothing answers;
 * those that still work are the peer's to close (RFC 8684 §3.4.2).
 */
export interface AddressRemovedEvent {
  readonly type: 'address-removed';
  readonly id: number;
}

/** The connection is plain TCP from here on. */
export interface FallbackEvent {
  readonly type: 'fallback';
  readonly cause: FallbackCause;
  /**
   * What to ask the peer for the next time, of what the settings allow: the lower version that it offered, or, where it
   * was silent, a higher one. A host that only speaks higher versions gives no answer (RFC 8684 §3.1).
   */
  readonly nextVersion?: MptcpVersion;
}

/**
 * The token by which the peer's joins find this connection came into force (`active`) or no longer is. The owner
 * keeps the table; a new connection's token is also in {@link Connection.localToken} at once.
 */
export interface TokenEvent {
  readonly type: 'token';
  readonly token: number;
  readonly active: boolean;
}

/** Fast Open is settled, one way or the other: see {@link FastOpenStatus.isSettled}. */
export interface FastOpenEvent {
  readonly type: 'fast-open';
  readonly status: FastOpenStatus;
}

/** Everything a connection tells its owner. */
export type ConnectionEvent =
  | EstablishedEvent
  | ConfirmedEvent
  | ReadableEvent
  | WritableEvent
  | PeerClosedEvent
  | ClosedEvent
  | SubflowWantedEvent
  | SubflowOpenedEvent
  | SubflowClosedEvent
  | SubflowReleasedEvent
  | SubflowPriorityEvent
  | SubflowPenalisedEvent
  | ReinjectionEvent
  | AddressAnnouncedEvent
  | AddressRemovedEvent
  | ExperimentEvent
  | FallbackEvent
  | FastOpenEvent
  | TokenEvent;
