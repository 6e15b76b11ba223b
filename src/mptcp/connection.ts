/**
 * One Multipath TCP connection, or one plain TCP connection with the same face; client or server.
 */
import type { RandomSource, Uint64 } from '../base/index.js';
import type { OutgoingSegment, TcpParameters } from '../tcp/index.js';
import type { Endpoint, TcpSegment } from '../wire/index.js';
import type { ConnectionEvent } from './events.js';
import type { LocalAddress } from './path-manager/path-manager.js';
import type { ResetReasonCode } from './reset-reason.js';
import type { DataRecord } from './send-record.js';
import type { MptcpSettings } from './settings.js';
import type { FlowTuple, Subflow } from './subflow.js';

/** How an active connection begins. */
export interface ConnectOptions {
  readonly tuple: FlowTuple;
  readonly settings: MptcpSettings;
  /** Parameters of the initial subflow's TCP connection. */
  readonly parameters: TcpParameters;
  /** Keys and nonces come from it; on a real network it must be a cryptographic source. */
  readonly random: RandomSource;
  /** This side's key, when the owner drew it (see {@link drawKey}) to keep tokens unique; drawn from `random` else. */
  readonly key?: Uint64;
}

/** How a passive connection begins; the tuple is an argument of {@link Connection.accept}. */
export type AcceptOptions = Omit<ConnectOptions, 'tuple'>;

/** How a further subflow begins, in answer to a `subflow-wanted` event. */
export interface SubflowRequest extends FlowTuple {
  readonly localId: number;
  readonly remoteId: number;
  readonly backup: boolean;
  readonly parameters: TcpParameters;
}

/** A join that the connection does not take: the owner answers the SYN with a RST that carries this MP_TCPRST. */
export interface JoinRefusal {
  readonly refused: true;
  readonly reason: ResetReasonCode;
  readonly transient: boolean;
}

/** Counters of one connection; all of them only grow. */
export interface ConnectionStatistics {
  /** Data bytes handed to subflows for the first time. */
  readonly bytesSent: number;
  /** Data bytes acknowledged at the data level. */
  readonly bytesAcked: number;
  /** Data bytes received in order, each counted once. */
  readonly bytesReceived: number;
  /** Data bytes handed to a subflow after another (or the same) had failed them. */
  readonly reinjectedBytes: number;
  /** Data bytes received that were there already. */
  readonly duplicateBytes: number;
  /** Data bytes dropped because they lay outside the window advertised or beyond a limit. */
  readonly droppedBytes: number;
  /** Mappings whose checksum did not match. */
  readonly checksumFailures: number;
  /** Joins and announcements whose HMAC or token was wrong. */
  readonly hmacFailures: number;
  /** Data-level retransmission timer expiries. */
  readonly dataTimeouts: number;
}

/**
 * One connection. Input goes in through `handle...`, `write`, `read` and the like; after each the owner polls, until
 * there is no more, first `pollEvent`, then `pollTransmit`, and last `pollTimeout`, which says when to call
 * `handleTimeout` at the latest. Polling at any other time is harmless.
 */
export class Connection {
  private constructor(_options: AcceptOptions) {}

  /** Opens a connection: the first poll gives the SYN. */
  static connect(_now: number, options: ConnectOptions): Connection {
    return new Connection(options);
  }

  /** Answers a `syn` that carries no MP_JOIN: the first poll gives the SYN+ACK. */
  static accept(_now: number, options: AcceptOptions, _syn: TcpSegment, _tuple: FlowTuple): Connection {
    return new Connection(options);
  }

  /** Subflows in the order they were opened; closed ones leave it when their TCP connection is over. */
  get subflows(): readonly Subflow[] {
    return [];
  }

  /** Token by which the peer joins; undefined in plain TCP. */
  get localToken(): number | undefined {
    return undefined;
  }

  /** Token by which this side joins; undefined before the peer's key is known and in plain TCP. */
  get remoteToken(): number | undefined {
    return undefined;
  }

  /** Whether it is plain TCP, from the start or by now. */
  get isFallback(): boolean {
    return false;
  }

  /** Version of Multipath TCP spoken, 0 in plain TCP. */
  get version(): number {
    return 0;
  }

  /** Whether every subflow is over, TIME-WAIT included: the owner may forget the connection. */
  get isReleasable(): boolean {
    return false;
  }

  /** Bytes written and not acknowledged at the data level. */
  get bufferedSendBytes(): number {
    return 0;
  }

  /** Bytes that `read` would give now. */
  get readableBytes(): number {
    return 0;
  }

  /** Counters: a view that stays current. */
  get statistics(): ConnectionStatistics {
    throw new Error('not yet');
  }

  /**
   * Takes a SYN with MP_JOIN whose token is this connection's. Gives the new subflow (it answers by itself), or why
   * the owner is to answer with a RST.
   */
  acceptJoin(
    _now: number,
    _syn: TcpSegment,
    _tuple: FlowTuple,
    _parameters: TcpParameters,
  ): Subflow | JoinRefusal {
    throw new Error('not yet');
  }

  /** Opens a subflow that a `subflow-wanted` event asked for, or one of the owner's own wish. Undefined: not possible now. */
  openSubflow(_now: number, _request: SubflowRequest): Subflow | undefined {
    return undefined;
  }

  /** Says that the owner cannot open the subflow it was asked for: the pair of addresses rests for a while. */
  refuseSubflow(_now: number, _local: Endpoint['address'], _remote: Endpoint): void {}

  /** Takes a segment of `subflow`, its checksum verified. */
  handleSegment(_now: number, _subflow: Subflow, _segment: TcpSegment): void {}

  /** Takes "packet too big" for a packet of `subflow`; see `TcpConnection.handlePathMtu`. */
  handlePathMtu(_now: number, _subflow: Subflow, _pathMtuBytes: number, _quotedSeq: number): void {}

  /** Takes "destination unreachable" for a packet of `subflow`; see `TcpConnection.handleUnreachable`. */
  handleUnreachable(_now: number, _subflow: Subflow, _hard: boolean, _quotedSeq: number): void {}

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(_now: number): void {}

  /** Fills `out` with the next segment and says on which subflow it leaves; undefined when there is none now. */
  pollTransmit(_now: number, _out: OutgoingSegment<DataRecord>): Subflow | undefined {
    return undefined;
  }

  /** When `handleTimeout` is due, in ns; `NEVER` when no timer runs. */
  pollTimeout(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** The next event, oldest first. */
  pollEvent(): ConnectionEvent | undefined {
    return undefined;
  }

  /**
   * Queues `bytes`, which belong to the connection from then on: they must not be written to again. All are taken;
   * false asks the caller to wait for `writable`. Throws `ERR_SUBFLOW_STATE` after `shutdown`, and when closed.
   */
  write(_now: number, _bytes: Uint8Array): boolean {
    return false;
  }

  /** The next bytes in order, a view without copy, at most `maxBytes`; undefined when there are none now. Opens the window. */
  read(_now: number, _maxBytes?: number): Uint8Array | undefined {
    return undefined;
  }

  /** Ends this direction after what was written: DATA_FIN, or FIN in plain TCP. */
  shutdown(_now: number): void {}

  /** Ends both directions in order: `shutdown`, and what the peer still sends is discarded. */
  close(_now: number): void {}

  /** Ends the connection at once: MP_FASTCLOSE, or RST in plain TCP. */
  abort(_now: number): void {}

  /** Makes `subflow` a backup or a regular one, and tells the peer (MP_PRIO). */
  setBackup(_now: number, _subflow: Subflow, _backup: boolean): void {}

  /** Announces an address (ADD_ADDR); `port` 0 announces none. False when the limits or the state forbid it. */
  announceAddress(_now: number, _endpoint: Endpoint, _id: number): boolean {
    return false;
  }

  /** Withdraws an address (REMOVE_ADDR) and closes the subflows that use it. */
  withdrawAddress(_now: number, _id: number): void {}

  /** Closes one subflow: what it has not delivered goes over the others. */
  closeSubflow(_now: number, _subflow: Subflow): void {}

  /**
   * Says which addresses this host has now. The path manager is first asked after this; until then the connection
   * opens and announces nothing by itself.
   */
  setLocalAddresses(_now: number, _addresses: readonly LocalAddress[]): void {}
}

/** Draws a key for {@link ConnectOptions.key} and gives the token that goes with it, so that the owner can look for a clash. */
export function drawKey(
  _random: RandomSource,
  _version: number,
): { readonly key: Uint64; readonly token: number } {
  throw new Error('not yet');
}
