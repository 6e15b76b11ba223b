/**
 * One subflow as its connection and the outside see it: a TCP connection, the addresses it runs between, its part in
 * the Multipath TCP handshake, and its priority. It must not know the connection's state.
 * Read first: RFC 8684 §2 and §3.2.
 */
import type { TcpConnection } from '../tcp/index.js';
import type { Endpoint } from '../wire/index.js';
import type { DataRecord } from './send-record.js';

/** The two ends of a subflow as this host sees them. */
export interface FlowTuple {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/**
 * ```
 * opening --> joining --> active --> closing --> closed
 * ```
 * `opening`: TCP's handshake. `joining`: TCP is established, the HMAC of the join is not yet acknowledged, so no data
 * may be sent (RFC 8684 §3.2). `active`: carries data. `closing`: a FIN was sent or received. `closed`: gone, but for
 * TIME-WAIT.
 */
export type SubflowState = 'opening' | 'joining' | 'active' | 'closing' | 'closed';

/** How a {@link Subflow} begins. */
export interface SubflowOptions {
  readonly id: number;
  readonly tuple: FlowTuple;
  readonly localId: number;
  readonly remoteId: number;
  readonly backup: boolean;
  readonly isInitial: boolean;
  readonly tcp: TcpConnection<DataRecord>;
}

export class Subflow {
  /** Number within the connection: 1 for the first, then in the order of opening; never used twice. */
  readonly id: number;
  /** This host's address and port. */
  readonly local: Endpoint;
  /** The peer's address and port. */
  readonly remote: Endpoint;
  /** Whether it carried MP_CAPABLE (or is the plain TCP connection) rather than MP_JOIN. */
  readonly isInitial: boolean;
  /** The TCP connection below. */
  readonly tcp: TcpConnection<DataRecord>;
  /** Free for the owner: the stack keeps its flow-table entry here. */
  owner: unknown = undefined;
  /** Address ID of `local`, 0 for the address the connection began with. */
  localId: number;
  /** Address ID of `remote`. */
  remoteId: number;
  /** Whether this side asks for it to be a backup. */
  backup: boolean;
  /** Whether the peer asks for it to be a backup. */
  peerBackup = false;
  /** Where it stands. */
  state: SubflowState = 'opening';
  /** Data bytes handed to it that no subflow carried before. */
  bytesSent = 0;
  /** Data bytes it delivered that no other subflow had delivered before. */
  bytesReceived = 0;

  constructor(options: SubflowOptions) {
    this.id = options.id;
    this.local = options.tuple.local;
    this.remote = options.tuple.remote;
    this.localId = options.localId;
    this.remoteId = options.remoteId;
    this.backup = options.backup;
    this.isInitial = options.isInitial;
    this.tcp = options.tcp;
  }

  /** Whether data goes over it only while no regular subflow is usable: either side may ask for that. */
  get isBackup(): boolean {
    return this.backup || this.peerBackup;
  }

  /** Whether a timeout fired and nothing has been acknowledged since. */
  get isStale(): boolean {
    return this.tcp.isStale;
  }

  /** Payload bytes it takes now: 0 unless it is active and its congestion and send windows have room. */
  sendRoomBytes(now: number): number {
    return this.state === 'active' ? this.tcp.sendQuota(now) : 0;
  }
}
