/**
 * The state of one connection: what every module of this layer works on. Holds it and keeps its invariants in one
 * place; what is done with it stands in the modules named after the deed. Nothing here is public.
 */
import { Deque } from '../base/index.js';
import type { RandomSource, Uint64 } from '../base/index.js';
import type { CloseReason, CongestionFactory } from '../tcp/index.js';
import type { Endpoint, MptcpVersion } from '../wire/index.js';
import type { AddressBook } from './address-book.js';
import type { ConnectionEvent, FallbackCause } from './events.js';
import type { FastOpen } from './fast-open.js';
import type { FastCloseWait } from './fast-close.js';
import type { Meter } from './metering.js';
import type { PathEvent } from './path-manager/path-manager.js';
import type { PathKeeper } from './paths.js';
import { DataReceiver } from './receive-data.js';
import type { Scheduler } from './scheduler/scheduler.js';
import { DataSender } from './send-data.js';
import type { MptcpSettings } from './settings.js';
import type { ConnectionStatistics } from './statistics.js';
import type { FlowTuple, Subflow } from './subflow.js';
import { rulesOf } from './version.js';
import type { VersionRules } from './version.js';

/** A host's key and what follows from it (RFC 8684 §3.1). */
export interface KeyState {
  readonly key: Uint64;
  readonly token: number;
  /** Data sequence number of data offset 0; further back by as many bytes as the SYN brought (fast-open.ts). */
  readonly initialSeq: Uint64;
}

/** The counters, to be counted up. */
export class Counters implements ConnectionStatistics {
  bytesSent = 0;
  bytesAcked = 0;
  bytesReceived = 0;
  reinjectedBytes = 0;
  failureReinjectedBytes = 0;
  timerReinjectedBytes = 0;
  windowReinjectedBytes = 0;
  copiedBytes = 0;
  penalties = 0;
  duplicateBytes = 0;
  droppedBytes = 0;
  checksumFailures = 0;
  hmacFailures = 0;
  dataTimeouts = 0;
}

/**
 * ```
 * handshake --> open --> closed
 * ```
 * `handshake`: no data yet; `open`: established, either direction may have ended; `closed`: both directions ended, or
 * it failed. Subflows may outlive it by their FINs and TIME-WAIT.
 */
export type ConnectionPhase = 'handshake' | 'open' | 'closed';

export class ConnectionCore {
  readonly settings: MptcpSettings;
  readonly random: RandomSource;
  /** Whether this side sent the first SYN. */
  readonly isClient: boolean;
  /** The ends of the initial subflow: its addresses have ID 0. */
  readonly tuple: FlowTuple;
  readonly scheduler: Scheduler;
  /** Rules of the version that is spoken, or was asked for by a client that is not answered yet. */
  readonly rules: VersionRules;
  phase: ConnectionPhase = 'handshake';
  /** Whether this is plain TCP, from the start or by now. */
  isFallback = false;
  /** Why it is. */
  fallbackCause: FallbackCause | undefined = undefined;
  /** In plain TCP: data offset less subflow offset, of what is sent. */
  sendShift = 0;
  /** In plain TCP: data offset less subflow offset, of what is received. */
  receiveShift = 0;
  /**
   * In plain TCP after a failure: subflow offset from which on data segments announce the infinite mapping, until the
   * first of them is acknowledged (RFC 8684 §3.7); Infinity when they need not.
   */
  infiniteFrom = Number.POSITIVE_INFINITY;
  /** In plain TCP after a failure: the data sequence number of an MP_FAIL that still has to be sent. */
  pendingFail: bigint | undefined = undefined;
  /** Whether the peer is known to speak Multipath TCP on the initial subflow: joins and announcements are allowed. */
  isConfirmed = false;
  /** Whether the third ACK, alone with both keys, still has to go before any data may (version 0). */
  owesKeys = false;
  /**
   * In plain TCP: data offset up to which the next segment without payload acknowledges once more, Infinity for as far
   * as the stream has come; -1 when it does not.
   */
  farewellAck = -1;
  /** Whether the peer is taken to know that too, so that it lets this side join: always, but for version 0's clients. */
  mayJoin = false;
  /** When {@link isConfirmed} became true, in ns. */
  confirmedAt = 0;
  /**
   * Whether any subflow was ever joined, its proof accepted: from then on the connection cannot fall back
   * (RFC 8684 §3.7). A join under way does not count, unless the
   * peer may know more of it than this side: see `mayFallBack`.
   */
  hadJoin = false;
  /** Whether data came with a DSS (version 0: or with keys): after that, data without a mapping is no sign of a path that strips them. */
  hadSignalWithData = false;
  /** Whether a DATA_ACK of data was received: mappings pass one way, and acknowledgments the other (RFC 8684 §3.7). */
  hadDataAck = false;
  /** Whether checksums were negotiated. */
  usesChecksum: boolean;
  /** Whether the peer forbids joins to the address it was first reached at (RFC 8684 §3.1, flag C). */
  peerForbidsInitial = false;
  /** This side's key; undefined when Multipath TCP is off. */
  localKeys: KeyState | undefined = undefined;
  /** The peer's key; undefined until it came. */
  remoteKeys: KeyState | undefined = undefined;
  /** Whether DATA_ACKs are 64 bits: as wide as the sequence numbers that the peer sends (RFC 8684 §3.3.1). */
  acks64: boolean;
  /** Whether data may leave before the peer's key has come (Fast Open in version 1). */
  answersEarly = false;
  /** Fast Open, and how it goes; undefined without. */
  fastOpen: FastOpen | undefined = undefined;
  /** Congestion control that couples its subflows, made for this connection; undefined when each is for itself. */
  congestion: CongestionFactory | undefined = undefined;
  /** Subflows in the order they were opened, until they are released. */
  readonly subflows: Subflow[] = [];
  /** Number of the next subflow. */
  nextSubflowId = 1;
  /** Index of the subflow that is asked first for a segment: they take turns. */
  nextTurn = 0;
  readonly sender: DataSender;
  readonly receiver: DataReceiver;
  /** Announced addresses of both sides; undefined until there are any. */
  addresses: AddressBook | undefined = undefined;
  /** The path manager and what it needs; undefined until the owner told the local addresses. */
  paths: PathKeeper | undefined = undefined;
  /** What the path manager has not been told yet; undefined while there is nothing. */
  pathEvents: PathEvent[] | undefined = undefined;
  /** What moved over metered links; undefined without a limit, and until the owner told the local addresses. */
  meter: Meter | undefined = undefined;
  /** MP_EXPERIMENTAL options among the events not yet polled. */
  waitingExperiments = 0;
  /** Events not yet polled. */
  private readonly events = new Deque<ConnectionEvent>();
  /** Whether something besides the flow of data happened since the last input was dealt with. */
  isUnsettled = true;
  /** Whether bytes came or were read since the subflows were last told how large the window is. */
  hasWindowMoved = true;
  /** Data offset that `ackHi` and `ackLo` stand for. */
  ackOffset = -1;
  /** High half of the DATA_ACK. */
  ackHi = 0;
  /** Low half of the DATA_ACK. */
  ackLo = 0;
  /** Whether something changed so that the scheduler is worth asking again. */
  maySchedule = false;
  /** When data-level acknowledgment last moved on, or something was sent while nothing was outstanding; in ns. */
  dataProgressAt = 0;
  /** Data-level timeouts since then: each doubles the next one. */
  dataTimeouts = 0;
  /** Those of them at which TCP had nothing left to do: the peer's TCP has the data, its data level says nothing. */
  dataSilences = 0;
  /** Data offset up to which a data-level timeout's recovery reaches; 0 when there is none. */
  recoveryEnd = 0;
  /** How often the peer's window held new data back while a subflow that could have carried it had room. */
  windowBlocks = 0;
  /** Data offset up to which what blocked that window was sent again: each byte once. */
  unblockedTo = 0;
  /** When the connection is reset if it is not over by then, in ns; Infinity while no such time is set. */
  closeDeadline = Number.POSITIVE_INFINITY;
  /** When a connection without a subflow fails, in ns; Infinity while it has one. */
  graceDeadline = Number.POSITIVE_INFINITY;
  /** How the subflow ended that was lost last, of those that had been open. */
  graceReason: CloseReason = 'normal';
  /** An MP_FASTCLOSE on an ACK that the peer has not answered; undefined when there is none. */
  fastClose: FastCloseWait | undefined = undefined;
  /** Whether `write` returned false and `writable` was not told since. */
  wantsWritable = false;
  /** Whether `readable` was told and `read` has not emptied the queue since. */
  toldReadable = false;
  /** Whether `peer-closed` was told. */
  toldPeerClosed = false;
  readonly counters = new Counters();

  constructor(
    settings: MptcpSettings,
    version: MptcpVersion,
    random: RandomSource,
    isClient: boolean,
    tuple: FlowTuple,
  ) {
    this.settings = settings;
    this.rules = rulesOf(version);
    this.random = random;
    this.isClient = isClient;
    this.tuple = tuple;
    this.scheduler = settings.scheduler();
    this.usesChecksum = settings.checksum;
    this.acks64 = settings.dataSequenceBits === 64;
    this.sender = new DataSender();
    this.receiver = new DataReceiver(settings.receiveBufferBytes, settings.maxOutOfOrderRuns);
  }

  /** Remote address and port that ID 0 stands for. */
  get initialRemote(): Endpoint {
    return this.tuple.remote;
  }

  /** Queues an event for the owner. */
  tell(event: ConnectionEvent): void {
    this.events.push(event);
  }

  /** Notes something for the path manager, which is asked once the present input is dealt with. */
  notePath(event: PathEvent): void {
    this.isUnsettled = true;
    (this.pathEvents ??= []).push(event);
  }

  /** The oldest event not yet polled. */
  nextEvent(): ConnectionEvent | undefined {
    const event = this.events.shift();
    if (event?.type === 'experiment') this.waitingExperiments--;
    return event;
  }

  /** Number of subflows that count against the limit: all but closed ones. */
  countSubflows(): number {
    let count = 0;
    for (const subflow of this.subflows) if (subflow.state !== 'closed') count++;
    return count;
  }

  /** The subflow that control options go on: a fresh path before a stale one, a regular one before a backup. */
  carrier(): Subflow | undefined {
    let best: Subflow | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const subflow of this.subflows) {
      if (subflow.state !== 'active') continue;
      const rank = (subflow.isStale ? 2 : 0) + (subflow.isBackup ? 1 : 0);
      if (rank < bestRank) {
        best = subflow;
        bestRank = rank;
      }
    }
    return best;
  }

  /** Whether another subflow carries, or will carry, all that `subflow` does, so that its failure loses nothing. */
  isCopiedElsewhere(subflow: Subflow): boolean {
    const { scheduler } = this;
    if (scheduler.mayCopy === undefined) return false;
    for (const other of this.subflows) if (other !== subflow && scheduler.mayCopy(other)) return true;
    return false;
  }

  /** Whether some subflow other than `except` may carry data now or soon. */
  hasOtherUsable(except: Subflow): boolean {
    for (const subflow of this.subflows) {
      if (subflow !== except && subflow.state === 'active') return true;
    }
    return false;
  }
}

/** Makes a {@link KeyState}. */
export function keyState(rules: VersionRules, key: Uint64): KeyState {
  const material = rules.keyMaterial(key);
  return { key, token: material.token, initialSeq: material.initialDataSeq };
}
