/**
 * One subflow: a TCP connection, the addresses it runs between, its part in the Multipath TCP handshake, and its
 * priority. Holds state only; what is done with it stands in the modules of the connection.
 * Read first: RFC 8684 §2 and §3.2.
 */
import { Deque } from '../base/index.js';
import type { Seq32 } from '../base/index.js';
import type { TcpConnection } from '../tcp/index.js';
import type { Endpoint, MptcpOption } from '../wire/index.js';
import type { RemovalCheck } from './address-removal.js';
import type { SubflowCloseReason } from './events.js';
import type { JoinHandshake } from './handshake-join.js';
import type { Meter } from './metering.js';
import { MappingTable } from './receive-mapping.js';
import type { ResetReasonCode } from './reset-reason.js';
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
  /** The handshake of a join; undefined for the initial subflow. */
  readonly join: JoinHandshake | undefined;
  readonly staleTimeouts: number;
  readonly tcp: TcpConnection<DataRecord>;
}

/** Options that wait for a segment of one subflow; further ones are dropped (their owners repeat them in time). */
const MAX_OUTBOX = 32;

export class Subflow {
  /** Number within the connection: 1 for the first, then in the order of opening; never used twice. */
  readonly id: number;
  /** This host's address and port. */
  readonly local: Endpoint;
  /** The peer's address and port. */
  readonly remote: Endpoint;
  /** The TCP connection below. */
  readonly tcp: TcpConnection<DataRecord>;
  /** Free for the owner. */
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

  // What follows is the connection's own.

  /** The handshake of a join, for its whole life; undefined for the initial subflow. */
  readonly join: JoinHandshake | undefined;
  /** Whether its Multipath TCP handshake is through, or it never will have one (plain TCP). */
  isConfirmed = false;
  /** The peer's SYN as a wire number, valid once it came. */
  peerInitialSeq: Seq32 = 0 as Seq32;
  /** Most payload of one super-segment that its device cuts; 0 when it cuts none. */
  maxOffloadBytes = 0;
  /** Bytes that its SYN delivered to the peer: they have no place in the numbers that mappings count in. */
  synBytesSent = 0;
  /** The same of the peer's SYN. */
  synBytesReceived = 0;
  /** How many SYNs were sent. */
  synsSent = 0;
  /** Whether the last SYN sent left out MP_CAPABLE because others went unanswered. */
  sentPlainSyn = false;
  /** Whether a segment with the keys of both sides was sent: the third ACK, or the first data. */
  hasShownKeys = false;
  /** Whether the last segment that acknowledged data carried no option of ours: something may strip them by now. */
  isSilent = false;
  /** Whether data that it carried was ever acknowledged with an option of ours. */
  hadAnswer = false;
  /** When something was put in flight while nothing was, in ns. */
  outstandingSince = 0;
  /** Whether it has been silent for so long, with data in flight, that others were given that data. */
  isSuspect = false;
  /** When it was last asked for a sign of life without having data in flight, in ns. */
  probedAt = Number.NEGATIVE_INFINITY;
  /** Retransmission timeouts in a row. */
  timeouts = 0;
  /** Timeouts in a row that make it stale. */
  readonly staleTimeouts: number;
  /** Records pushed and not yet acknowledged at the data level, in subflow order; undefined before the first. */
  records: Deque<DataRecord> | undefined = undefined;
  /** Data offset up to which it was given the stream without a gap; kept only where the scheduler wants copies. */
  copiedTo = 0;
  /** When its window was last halved because its data kept others waiting, in ns. */
  penalisedAt = Number.NEGATIVE_INFINITY;
  /** Mappings received; undefined before the first. */
  mappings: MappingTable | undefined = undefined;
  /** Options to send with the next segments that have no payload; undefined when there never were any. */
  outbox: MptcpOption[] | undefined = undefined;
  /** Whether the peer was last told that this side asks for it to be a backup. */
  saidBackup: boolean;
  /** How often the last MP_PRIO is still to be repeated. */
  priorityRepeats = 0;
  /** When, in ns; Infinity when it is not. */
  priorityAt = Number.POSITIVE_INFINITY;
  /** The probing that follows when the peer withdraws its address; undefined most of the time. */
  removalCheck: RemovalCheck | undefined = undefined;
  /** Whether the peer withdrew the address it goes to, and did not announce it again since. */
  isWithdrawn = false;
  /** Whether it outlived such a withdrawal: the next one does not have its data sent twice. */
  outlivedRemoval = false;
  /** Whether a RST of ours carries MP_FASTCLOSE. */
  sendsFastClose = false;
  /** Data sequence number of the MP_FAIL that a RST of ours carries. */
  failedSeq: bigint | undefined = undefined;
  /** Reason in MP_TCPRST, ours or the peer's; undefined while there is none. */
  resetReason: ResetReasonCode | undefined = undefined;
  /** Whether that MP_TCPRST calls the trouble transient. */
  resetTransient = false;
  /** Why it ended; undefined until then. */
  closeReason: SubflowCloseReason | undefined = undefined;
  /** Whether the peer's RST carried an option of a version without MP_TCPRST: then it still knows the connection. */
  wasResetKnowingly = false;
  /** Whether `subflow-opened` was told. */
  wasOpened = false;
  /** Whether `subflow-closed` was told. */
  wasClosed = false;
  /** The account that what it moves is counted in, on a metered link with a limit; undefined for all others. */
  meter: Meter | undefined = undefined;
  /** Whether the path manager or a limit ended it, not a failure: its pair of addresses need not rest. */
  isRelinquished = false;
  /** Whether the application closed it: its pair of addresses is not tried again of the path manager's own accord. */
  isUnwanted = false;

  constructor(options: SubflowOptions) {
    this.id = options.id;
    this.local = options.tuple.local;
    this.remote = options.tuple.remote;
    this.localId = options.localId;
    this.remoteId = options.remoteId;
    this.backup = options.backup;
    this.saidBackup = options.backup;
    this.join = options.join;
    this.staleTimeouts = options.staleTimeouts;
    this.tcp = options.tcp;
  }

  /** Whether it carried MP_CAPABLE (or is the plain TCP connection) rather than MP_JOIN. */
  get isInitial(): boolean {
    return this.join === undefined;
  }

  /** Whether data goes over it only while no regular subflow is usable: either side may ask for that (RFC 8684 §3.3.8). */
  get isBackup(): boolean {
    return this.backup || this.peerBackup;
  }

  /** Whether its path may be dead: silent for too long, or so many timeouts since anything was acknowledged. */
  get isStale(): boolean {
    return this.isSuspect || this.timeouts >= this.staleTimeouts;
  }

  /**
   * Payload bytes it takes now: 0 unless it is active and its congestion and send windows have room. With `wantedBytes`
   * to send, TCP may hold a smaller room back until it is worth a super-segment.
   */
  sendRoomBytes(now: number, wantedBytes = Number.POSITIVE_INFINITY): number {
    if (this.state !== 'active') return 0;
    const { meter } = this;
    if (meter === undefined) return this.tcp.sendQuota(now, wantedBytes);
    // A piece that is no full segment would wait for more room, and keep others from the data meanwhile.
    return meter.isSpent ? 0 : Math.min(meter.leftBytes, this.tcp.sendQuota(now, wantedBytes));
  }

  /**
   * Queues `option` for the next segment without payload, and asks for one; false when too many wait already. `at` is its
   * place among those that wait: the last when left out.
   */
  enqueueOption(now: number, option: MptcpOption, at?: number): boolean {
    this.outbox ??= [];
    if (this.outbox.length >= MAX_OUTBOX) return false;
    this.outbox.splice(at ?? this.outbox.length, 0, option);
    this.tcp.requestAck(now);
    return true;
  }

  /** Notes a record that was pushed. */
  keepRecord(record: DataRecord): void {
    this.records ??= new Deque<DataRecord>();
    this.records.push(record);
  }

  /** Forgets the oldest records whose bytes all lie before data offset `dataUna`. */
  releaseRecords(dataUna: number): void {
    const records = this.records;
    if (records === undefined || records.length === 0) return;
    while (records.length > 0 && records.at(0)!.dataEnd <= dataUna) records.shift();
    if (records.length === 0) this.records = undefined;
  }

  /** The table of received mappings, made at first use. */
  mappingTable(): MappingTable {
    return (this.mappings ??= new MappingTable());
  }
}
