/**
 * What the owner of a connection may choose, with the defaults and the limits that keep a hostile peer in bounds.
 */
import { MILLISECOND, SECOND, SubflowError } from '../base/index.js';
import type { MeteredLimit } from '../policy/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { fullMesh } from './path-manager/full-mesh.js';
import type { PathManagerFactory } from './path-manager/path-manager.js';
import { lowestRtt } from './scheduler/lowest-rtt.js';
import type { SchedulerFactory } from './scheduler/scheduler.js';

/** Settings of one connection; shared by reference between connections, so treat them as frozen. */
export interface MptcpSettings {
  /** Whether to speak Multipath TCP at all; false gives a plain TCP connection with the same interface. */
  readonly enabled: boolean;
  /**
   * Versions of the protocol that are spoken, the preferred one first: 0 is RFC 6824, 1 is RFC 8684. A client asks with
   * the first unless it is told another (see `ConnectOptions.version`); a server answers any of them. At least one, none
   * twice.
   */
  readonly versions: readonly MptcpVersion[];
  /** Whether to require DSS checksums; they are used when either side requires them (RFC 8684 §3.1, flag A). */
  readonly checksum: boolean;
  /** Width in bits of the data sequence numbers sent; either width is understood (RFC 8684 §3.3.1). */
  readonly dataSequenceBits: 32 | 64;
  /** Whether the peer may join to the address and port it connected to; false sets flag C (RFC 8684 §3.1). */
  readonly joinInitialAddress: boolean;
  /**
   * Whether an MP_PRIO of version 0 may change the priority of another subflow than its own, by address ID (RFC 6824
   * §3.3.8). Whoever sits on one path can then turn the other paths to backup and draw all data to its own, which is
   * why RFC 8684 removed it: leave it off.
   */
  readonly acceptPriorityForAddress: boolean;
  /** How many SYNs with MP_CAPABLE go unanswered before one without is tried (RFC 8684 §3.7). */
  readonly synsBeforeFallback: number;
  /**
   * High-water mark of bytes written and not yet acknowledged at the data level; bounds the memory for sending. Less than
   * what the peer's receive buffer holds costs throughput (RFC 8684 §3.3.5).
   */
  readonly sendBufferBytes: number;
  /** Bytes held for the reader, in order and out of order together; the largest window advertised. */
  readonly receiveBufferBytes: number;
  /**
   * Largest run of data sequence space one mapping carries without segmentation offload, 1 to 65,535. Larger ones cost
   * less per byte; smaller ones spread more evenly over subflows.
   */
  readonly maxMappingBytes: number;
  /** Subflows at a time, the first one included, in either direction; further joins are refused. */
  readonly maxSubflows: number;
  /** Own addresses announced at a time. */
  readonly maxAnnouncedAddresses: number;
  /** Addresses of the peer remembered; further announcements are ignored. */
  readonly maxAcceptedAddresses: number;
  /**
   * Whether the peer's announcements of addresses count at all; false neither echoes nor uses them, and the peer may
   * repeat them in vain for a while.
   */
  readonly heedAnnouncements: boolean;
  /**
   * Joins to addresses that the peer announced which may be asked for at once. With the next one it bounds the SYNs to
   * hosts of the peer's choice that announcements and withdrawals in turn could draw from this host.
   */
  readonly announcedJoinBurst: number;
  /** How long it takes until one more such join may be asked for, in ns, above 0. */
  readonly announcedJoinIntervalNs: number;
  /** Mappings held for one subflow whose bytes have not all arrived; beyond it the subflow is reset. */
  readonly maxMappings: number;
  /** Bytes held of one subflow that no mapping covers yet; beyond it the subflow is reset (RFC 8684 §3.3.1). */
  readonly maxUnmappedBytes: number;
  /** Separate runs of data held out of order at the data level; runs beyond it are dropped and sent again by the peer. */
  readonly maxOutOfOrderRuns: number;
  /** How long an announcement waits for its echo before it is sent again, in ns (RFC 8684 §3.4.1). */
  readonly addAddrTimeoutNs: number;
  /** How often an announcement is sent again before it is let be. */
  readonly addAddrRetries: number;
  /** Whether MP_EXPERIMENTAL options that come are told as events; they are ignored otherwise. */
  readonly hearExperiments: boolean;
  /** How long the third ACK of a join waits for its answer before it is sent again, in ns (RFC 8684 §3.2). */
  readonly joinAckTimeoutNs: number;
  /** How often the third ACK of a join is sent again before the subflow is given up. */
  readonly joinAckRetries: number;
  /**
   * Whether a subflow that this side opens carries data right behind its third ACK, a round trip before RFC 8684 §3.2 lets
   * it, and whether data that comes before the peer's proof is left to be sent again instead of a reason to reset. After
   * MultiMob; both sides should have it: elsewhere the loss of the third ACK alone costs the subflow. `alone`: only while
   * no other subflow works, when waiting costs more. Default false.
   */
  readonly earlyJoinData: boolean | 'alone';
  /** Timeouts in a row after which a subflow counts as stale: it gets no data while another is usable. */
  readonly staleTimeouts: number;
  /**
   * How long, beyond twice its round-trip time, a subflow with data in flight may be silent before others are given that
   * data too, in ns. Lower hands over faster when a path dies, higher sends less twice when a path merely pauses.
   */
  readonly silenceNs: number;
  /** Lower bound of the data-level retransmission timer, in ns. */
  readonly minDataRtoNs: number;
  /** Upper bound of the data-level retransmission timer, in ns. */
  readonly maxDataRtoNs: number;
  /**
   * Data-level timeouts in a row after which the connection fails: the peer's TCP acknowledged everything, its data
   * level nothing.
   */
  readonly maxDataTimeouts: number;
  /**
   * How long a connection without any subflow waits for a new one before it fails, in ns: break-before-make
   * (the connection lives on without subflows; how long is the owner's to choose). A connection whose last subflow got
   * a RST without MP_TCPRST fails at once: the peer knows it no more.
   */
  readonly graceNs: number;
  /** How long a closed connection waits for the peer's DATA_FIN, or its answer to ours, before it resets, in ns. */
  readonly closeTimeoutNs: number;
  /**
   * How `abort` tells the peer (RFC 8684 §3.5). `reset`: a RST with MP_FASTCLOSE on every subflow, and nothing is left.
   * `ack`: an ACK with it on one subflow, repeated until the peer answers, a few retransmission timeouts at the most;
   * it survives a loss. Version 0 has no other form, whatever is set here (RFC 6824 §3.5).
   */
  readonly fastClose: 'reset' | 'ack';
  /** How long a subflow that could not be opened, or was lost, rests before the path manager may try it again, in ns. */
  readonly retrySubflowNs: number;
  /**
   * Whether data that keeps the peer's window closed, on its way over a slow subflow, is sent again over a quicker one
   * that has room, each byte once (Raiciu et al., NSDI 2012, §4.2). Costs some bytes twice where paths differ much and
   * windows are small; without it the quick path stands still there.
   */
  readonly opportunisticRetransmission: boolean;
  /**
   * Whether the congestion window of the slow subflow is halved then, at most once in a round trip of its own (the same,
   * §4.2). Costs some of a slow path's rate where windows are small; without it the same happens again and again.
   */
  readonly penalisation: boolean;
  /**
   * What the connection may move over links that are metered (`LocalAddress.link`): when that is reached its subflows there
   * are reset, the last one too, and none is opened. Undefined for no limit. Plain TCP has none.
   */
  readonly metered: MeteredLimit | undefined;
  /** Makes the scheduler: which subflow carries the next bytes. */
  readonly scheduler: SchedulerFactory;
  /** Makes the path manager: which subflows there should be. */
  readonly pathManager: PathManagerFactory;
}

/** Settings that suit a host with a handful of interfaces. */
export const defaultMptcpSettings: MptcpSettings = {
  enabled: true,
  versions: [1, 0],
  checksum: false,
  dataSequenceBits: 64,
  joinInitialAddress: true,
  acceptPriorityForAddress: false,
  synsBeforeFallback: 3,
  sendBufferBytes: 6 * 1024 * 1024,
  receiveBufferBytes: 6 * 1024 * 1024,
  maxMappingBytes: 16 * 1024,
  maxSubflows: 8,
  maxAnnouncedAddresses: 8,
  maxAcceptedAddresses: 8,
  heedAnnouncements: true,
  announcedJoinBurst: 16,
  announcedJoinIntervalNs: 2 * SECOND,
  maxMappings: 8192,
  maxUnmappedBytes: 256 * 1024,
  maxOutOfOrderRuns: 8192,
  addAddrTimeoutNs: 2 * SECOND,
  addAddrRetries: 5,
  hearExperiments: false,
  joinAckTimeoutNs: SECOND,
  joinAckRetries: 4,
  earlyJoinData: false,
  staleTimeouts: 1,
  silenceNs: 50 * MILLISECOND,
  minDataRtoNs: 200 * MILLISECOND,
  maxDataRtoNs: 60 * SECOND,
  maxDataTimeouts: 15,
  graceNs: 30 * SECOND,
  closeTimeoutNs: 60 * SECOND,
  fastClose: 'reset',
  retrySubflowNs: 2 * SECOND,
  opportunisticRetransmission: true,
  penalisation: true,
  metered: undefined,
  scheduler: lowestRtt,
  pathManager: fullMesh,
};

/**
 * Refuses settings that no connection could be made with. Throws `ERR_SUBFLOW_BAD_SETTING`. Owners call it where
 * settings come in, so that nothing that a peer sends can meet bad ones.
 */
export function checkMptcpSettings(settings: MptcpSettings): void {
  const { versions } = settings;
  const isKnown = versions.every((version) => version === 0 || version === 1);
  if (versions.length > 0 && isKnown && new Set(versions).size === versions.length) return;
  throw new SubflowError(
    'ERR_SUBFLOW_BAD_SETTING',
    `versions: [${versions.join(', ')}] is no list of versions of Multipath TCP`,
    { hint: 'Name 1, 0 or both, each once; to speak none, set enabled to false.' },
  );
}
