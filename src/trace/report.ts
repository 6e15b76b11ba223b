/**
 * What is known of a capture when all of it has been read: plain data, ready for JSON, the same for every output. The
 * names are those of `subflow trace --json` (schema `subflow/trace/1`): fields are only ever added.
 *
 * Conventions: packets are named by their frame number, counted from 1 over all files read, as Wireshark does. Times
 * are nanoseconds since `startTime` of the report. 32-bit numbers (tokens, initial sequence numbers) are numbers,
 * 64-bit ones decimal strings. `null` says that the capture does not show it. `client` is the host that sent the first
 * SYN, or what the capture suggests when it starts later (`isClientCertain`).
 */
import type { HandshakePacket } from './handshake-packet.js';

/** Options that are counted, by the names of RFC 8684 §7.2. */
export const mptcpOptionNames = [
  'MP_CAPABLE',
  'MP_JOIN',
  'DSS',
  'ADD_ADDR',
  'REMOVE_ADDR',
  'MP_PRIO',
  'MP_FAIL',
  'MP_FASTCLOSE',
  'MP_TCPRST',
  'MP_EXPERIMENTAL',
  'UNKNOWN',
] as const;
export type MptcpOptionName = (typeof mptcpOptionNames)[number];

export interface TraceReport {
  /** Frames read, of every kind. */
  readonly packets: number;
  /** Whether a file ended amid a record: what stands before the cut is in the report. */
  readonly truncated: boolean;
  readonly files: readonly FileReport[];
  /** Instant of the first frame, in nanoseconds since 1970 as a decimal string; null when no frame has a time. */
  readonly startTime: string | null;
  readonly durationNs: number;
  /** Span of time that the numbers of connections are of; null for all of the capture. */
  readonly range: StatisticsRangeReport | null;
  /** Length of the intervals in `intervals`; null when none were asked for. */
  readonly intervalNs: number | null;
  /** Occurrences of each option in TCP headers, malformed ones not counted. */
  readonly options: Readonly<Record<MptcpOptionName, number>>;
  /** Occurrences of each kind of TCP option in all TCP headers, by its number; 1 is padding, 30 Multipath TCP. */
  readonly tcpOptions: Readonly<Record<string, number>>;
  /** MPTCP options whose content is not what it must be. */
  readonly malformedOptions: number;
  /** First frames that have such, 20 at most. */
  readonly malformedFrames: readonly number[];
  /** Frames that could not be followed, by reason; frames of TCP are in none of them. */
  readonly ignored: IgnoredFrames;
  readonly quality: CaptureQualityReport;
  /** Joins whose connection is not in the capture. */
  readonly unmatchedJoins: number;
  /** First frames of these, 20 at most. */
  readonly unmatchedJoinFrames: readonly number[];
  /** TCP connections without any MPTCP option. They have entries in `connections` only when these were asked for. */
  readonly plainConnections: number;
  /** Things forgotten because a limit was reached, by the name of the limit; empty as a rule. */
  readonly limitsReached: Readonly<Record<string, number>>;
  readonly connections: readonly ConnectionReport[];
  /** One-way delays between the first two places; null unless they were asked for. */
  readonly delays: DelaysReport | null;
  /** What concerns the capture as a whole. */
  readonly findings: readonly Finding[];
}

/** A span of time in nanoseconds since the first frame, bounds included; `toNs` is null when it has no end. */
export interface StatisticsRangeReport {
  readonly fromNs: number;
  readonly toNs: number | null;
}

/** What the capture shows of its own making, and the first frames of each. */
export interface CaptureQualityReport {
  /** Segments of whose payload a part was not captured. */
  readonly cutPayloads: number;
  readonly cutPackets: readonly number[];
  /** Segments with more payload than the MSS allows: captured before the device cut them up, or after it put them together. */
  readonly superSegments: number;
  readonly superPackets: readonly number[];
  /** Segments with payload that repeat the one before, within a millisecond: captured twice. */
  readonly duplicates: number;
  readonly duplicatePackets: readonly number[];
  /**
   * Segments whose TCP checksum is wrong, so that their receiver dropped them: they are in no other number. Only the first
   * of a stream and those that are not what comes next are looked at, and only where most checksums are right.
   */
  readonly damagedSegments: number;
  readonly damagedPackets: readonly number[];
  /** Frames that are older than the one before, and by how much at most. */
  readonly clockReversals: number;
  readonly greatestReversalNs: number;
  readonly reversalPackets: readonly number[];
}

/** One file as it was read. */
export interface FileReport {
  readonly name: string;
  /** Null when it is no capture. */
  readonly format: 'pcap' | 'pcapng' | null;
  readonly packets: number;
  /** Why reading stopped early, and at which byte; null when it was read to its end. */
  readonly problem: { readonly code: string; readonly offset: number; readonly message: string } | null;
}

export interface IgnoredFrames {
  /** Link type not understood, or a link header cut short. */
  readonly link: number;
  /** Neither IPv4 nor IPv6, such as ARP. */
  readonly notIp: number;
  /** IP, but not TCP, such as UDP and ICMP. */
  readonly notTcp: number;
  /** Fragments of IP packets: they are not put together. */
  readonly fragments: number;
  /** The IP or TCP header makes no sense. */
  readonly malformed: number;
  /** The snap length cut the headers. */
  readonly cutHeaders: number;
}

/** Why a connection went on as plain TCP. */
export type FallbackCause =
  /** The SYN offered it, the SYN+ACK did not answer. */
  | 'no-mp-capable-in-syn-ack'
  /** The third packet of the handshake, and the first data, came without. */
  | 'no-mp-capable-in-third-ack'
  /** The SYN was sent again without the option, and that one was answered. */
  | 'syn-without-mp-capable'
  /** Handshake whole, then data without a DSS. */
  | 'no-dss'
  /** MP_FAIL was sent: a DSS checksum was wrong. */
  | 'checksum'
  /** An infinite mapping without MP_FAIL. */
  | 'infinite-mapping'
  /** The versions have nothing in common. */
  | 'version';

export interface ConnectionReport {
  /**
   * Counted from 0 in the order in which the first sign of them was seen, as `mptcp.stream` of Wireshark; plain TCP behind
   * all of Multipath TCP, so that a number means the same whether plain TCP is reported or not.
   */
  readonly id: number;
  /** Where it was seen: 0 unless both ends were captured. A connection seen at two places is reported twice. */
  readonly vantage: number;
  /** `tcp`: no MPTCP option was ever seen. */
  readonly protocol: 'mptcp' | 'tcp';
  readonly version: 0 | 1 | null;
  /** Whether the connection offered MPTCP and carried data, or closed, as plain TCP. */
  readonly fallback: boolean;
  readonly fallbackCause: FallbackCause | null;
  /** The packet that shows the cause. */
  readonly fallbackPacket: number | null;
  /** Whether DSS checksums are in use; null when the capture shows neither handshake nor mapping. */
  readonly checksum: boolean | null;
  /** Client as `address:port`, IPv6 in brackets. */
  readonly client: string;
  readonly server: string;
  readonly isClientCertain: boolean;
  readonly clientToken: number | null;
  readonly serverToken: number | null;
  /** Keys as 16 hexadecimal digits, where they were visible or given. */
  readonly clientKey: string | null;
  readonly serverKey: string | null;
  /** Initial data sequence numbers, from the keys; null without them. */
  readonly clientInitialDataSeq: string | null;
  readonly serverInitialDataSeq: string | null;
  /** Whether the keys fit the numbers on the wire; null when nothing could be verified. */
  readonly keysVerified: boolean | null;
  readonly startNs: number;
  readonly durationNs: number;
  /** First and last frame. */
  readonly firstPacket: number;
  readonly lastPacket: number;
  readonly packets: number;
  /** How it ended: by DATA_FIN in both directions (`closed`), MP_FASTCLOSE or a reset of everything (`aborted`), not yet. */
  readonly ending: 'closed' | 'aborted' | 'open';
  readonly subflows: readonly SubflowReport[];
  /** Data level, sent by the client and by the server. */
  readonly clientData: DataDirectionReport;
  readonly serverData: DataDirectionReport;
  readonly addresses: readonly AddressReport[];
  /** MP_PRIO, MP_FAIL, MP_FASTCLOSE, MP_TCPRST, REMOVE_ADDR, in their order; bounded, see limits. */
  readonly signals: readonly SignalReport[];
  readonly handovers: readonly HandoverReport[];
  readonly findings: readonly Finding[];
}

export interface SubflowReport {
  /** Counted from 0 within the connection in the order in which they were found to belong to it. */
  readonly id: number;
  /** Number of the five-tuple in the capture, counted from 0 as Wireshark's `tcp.stream`. */
  readonly stream: number;
  readonly client: string;
  readonly server: string;
  /** Whether it joined by MP_JOIN; the first subflow did not. */
  readonly joined: boolean;
  /** How it was found to belong here. `data-sequence`: its join was not captured, and its numbers fit only this one. */
  readonly matchedBy: 'handshake' | 'token' | 'data-sequence';
  /** Which host sent its SYN. Null when the SYN was not captured. */
  readonly openedBy: 'client' | 'server' | null;
  /** Whether the join is complete: both proofs seen; null for the first subflow or when not captured. */
  readonly isJoinComplete: boolean | null;
  /** Whether the proofs fit the keys; null without keys or proofs. */
  readonly hmacVerified: boolean | null;
  /** Backup flag of the SYN, as the opener and its peer set it, or of the last MP_PRIO. */
  readonly backup: boolean;
  /** Address ID that the opener stated; 0 for the first subflow. */
  readonly addressId: number | null;
  readonly peerAddressId: number | null;
  readonly startNs: number;
  readonly durationNs: number;
  readonly firstPacket: number;
  readonly lastPacket: number;
  /** Time from SYN to SYN+ACK, and from SYN+ACK to the third packet, in nanoseconds; null where not captured. */
  readonly synRttNs: number | null;
  readonly ackRttNs: number | null;
  readonly ending: 'fin' | 'reset' | 'open';
  /** Payload bytes in TCP that the client and the server sent, retransmissions included. */
  readonly clientBytes: number;
  readonly serverBytes: number;
  readonly clientToServer: SubflowDirectionReport;
  readonly serverToClient: SubflowDirectionReport;
  /** Packets of its handshake with their TCP headers: what the options report reads. Not part of the JSON. */
  readonly handshake: readonly HandshakePacket[];
}

/** What one host sent on one subflow. Sampled statistics are null when there was no sample. */
export interface SubflowDirectionReport {
  readonly packets: number;
  /** Payload bytes, each time they were sent. */
  readonly bytes: number;
  /** Different payload bytes. */
  readonly uniqueBytes: number;
  readonly retransmittedBytes: number;
  readonly retransmittedPackets: number;
  /**
   * Bytes seen for the first time after later ones: the network changed their order, or they were lost before the place of
   * capture and sent again.
   */
  readonly lateBytes: number;
  /** Packets of such bytes alone: one that also repeats bytes counts as a retransmission. */
  readonly latePackets: number;
  /** Data-level bytes that had gone out before in another mapping, nearly always on another subflow. */
  readonly reinjectedBytes: number;
  readonly reinjectedPackets: number;
  /** Of these, by the subflow that had carried them first. */
  readonly reinjectedFrom: readonly { readonly subflow: number; readonly bytes: number }[];
  /** Share of the connection's unique data bytes in this direction that this subflow carried first, 0 to 1. */
  readonly share: number | null;
  /** Bytes missing in the capture, although they were acknowledged. */
  readonly missingBytes: number;
  readonly rtt: Distribution | null;
  readonly flightBytes: Distribution | null;
  /** Bytes that each advancing ACK of this host acknowledged. */
  readonly ackBytes: Distribution | null;
  readonly goodputBps: number | null;
  readonly zeroWindows: number;
  readonly zeroWindowNs: number;
  readonly resets: number;
  /** First frames, 20 at most of each: sent again, late, reinjected; ACKs of bytes that are missing; windows of 0. */
  readonly retransmissionFrames: readonly number[];
  readonly lateFrames: readonly number[];
  readonly reinjectionFrames: readonly number[];
  readonly missingFrames: readonly number[];
  readonly zeroWindowFrames: readonly number[];
  /** Bytes without an ACK at the end, when the last ACK came that advanced, and frames sent again since then (20 at most). */
  readonly unackedBytes: number;
  readonly lastAckNs: number | null;
  readonly unansweredFrames: readonly number[];
  /** Packets that were there before with the same timestamp: copies, which no sender makes. */
  readonly copiedPackets: number;
  /** Initial sequence number on the wire; null when the SYN was not captured. */
  readonly initialSeq: number | null;
}

/** What one host sent at the data level. */
export interface DataDirectionReport {
  /** Bytes mapped, each time they were sent on any subflow. */
  readonly bytes: number;
  readonly uniqueBytes: number;
  readonly reinjectedBytes: number;
  /** Payload of the SYN that the peer took (Fast Open): it comes before the data sequence, and is in none of the above. */
  readonly synBytes: number;
  /** Highest DATA_ACK seen, in bytes from the initial data sequence number (or the first number seen). */
  readonly ackedBytes: number;
  readonly goodputBps: number | null;
  /** From mapping to DATA_ACK, of bytes that were sent once. */
  readonly dataRtt: Distribution | null;
  /** Bytes between the highest DATA_ACK and the end of the highest mapping. */
  readonly flightBytes: Distribution | null;
  /** Bytes in mappings above the first hole, when a mapping arrives. */
  readonly outOfOrderBytes: Distribution | null;
  /** How long bytes waited for a hole to fill. */
  readonly outOfOrderNs: Distribution | null;
  /** Time in which the peer's data-level receive window had no room for another full segment. */
  readonly windowBlockedNs: number;
  /** Of that, by the subflow whose bytes were the first without a DATA_ACK when the window filled. */
  readonly windowBlockedBy: readonly { readonly subflow: number; readonly ns: number }[];
  /** Frames that filled the window, the first 20. */
  readonly windowBlockedFrames: readonly number[];
  /** Frame behind which most bytes waited for a hole to fill; null when none did. */
  readonly deepestPacket: number | null;
  /** Most bytes that waited for a hole which another subflow than theirs filled; the frame that did, null without. */
  readonly crossedBytes: number;
  readonly crossedPacket: number | null;
  /** First and last segment with data. */
  readonly firstDataNs: number | null;
  readonly lastDataNs: number | null;
  readonly dataFin: boolean;
  /** First frame with the DATA_FIN; null without. */
  readonly dataFinPacket: number | null;
  /** Mappings seen, and those with a checksum that is wrong. */
  readonly mappings: number;
  readonly badChecksums: number;
  /** Frames that completed these, the first 20. */
  readonly badChecksumPackets: readonly number[];
  /** Mappings whose checksum is right. Those not captured whole and in order are not judged. */
  readonly goodChecksums: number;
  /** New data over time; null unless it was asked for. Intervals without any are left out. */
  readonly intervals: readonly IntervalReport[] | null;
}

/** Data that was new in one interval. */
export interface IntervalReport {
  /** Nanoseconds since the first frame of the capture: a multiple of the interval's length. */
  readonly startNs: number;
  readonly bytes: number;
  readonly goodputBps: number;
  /** Of these bytes, by the subflow that carried them. */
  readonly subflows: readonly { readonly subflow: number; readonly bytes: number }[];
}

/** Of samples: their number, extremes, mean and percentiles (from a histogram, within 3 %). */
export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export interface AddressReport {
  readonly owner: 'client' | 'server';
  readonly addressId: number;
  readonly address: string;
  readonly port: number | null;
  readonly announcedPacket: number;
  readonly echoedPacket: number | null;
  readonly removedPacket: number | null;
  /** How often it was announced. */
  readonly announcements: number;
  readonly hmacVerified: boolean | null;
}

export interface SignalReport {
  readonly packet: number;
  readonly atNs: number;
  readonly by: 'client' | 'server';
  readonly subflow: number;
  readonly option: MptcpOptionName;
  /** What it says, in words: "backup", "reason 3 (too much outstanding data), transient". */
  readonly meaning: string;
}

/** The moment at which the data of one direction moved from one subflow to another. */
export interface HandoverReport {
  readonly by: 'client' | 'server';
  readonly from: number;
  readonly to: number;
  readonly atNs: number;
  /** Time without new data arriving before it, in nanoseconds and in round-trip times of the new subflow. */
  readonly gapNs: number;
  readonly gapRtt: number | null;
  /**
   * Of the gap, the time in which nothing that was seen lacked its DATA_ACK: the sender had nothing to send, or what it sent
   * was lost before the place of capture.
   */
  readonly idleNs: number;
  readonly packet: number;
}

/**
 * What packets that two places saw tell of the way between them. Places are numbered as `vantage`; times are those of place
 * 0's clock.
 */
export interface DelaysReport {
  readonly clock: ClockReport;
  /** Subflows of which both places saw packets. */
  readonly subflows: readonly SubflowDelaysReport[];
}

/** How the clock of place 1 stands to that of place 0. */
export interface ClockReport {
  /**
   * `no-match`: the places have no packet in common. `one-direction`: packets of both directions are needed. `inconsistent`:
   * no clock that runs evenly fits, so one was set while the captures ran.
   */
  readonly status: 'estimated' | 'no-match' | 'one-direction' | 'inconsistent';
  /** Place 1's clock less place 0's, at `atNs`. It may be wrong by `uncertaintyNs`, half the least round trip. */
  readonly offsetNs: number | null;
  readonly uncertaintyNs: number | null;
  readonly atNs: number | null;
  /** How much faster place 1's clock runs, in millionths; null when the capture is too short to tell (10 s). */
  readonly driftPpm: number | null;
  readonly driftUncertaintyPpm: number | null;
}

export interface SubflowDelaysReport {
  /** The connection and the subflow as each place numbers them, place 0 first. */
  readonly views: readonly { readonly connection: number; readonly subflow: number }[];
  /** The place that is nearer to the client; null when that cannot be told. */
  readonly clientPlace: 0 | 1 | null;
  readonly clientToServer: DirectionDelaysReport;
  readonly serverToClient: DirectionDelaysReport;
}

export interface DirectionDelaysReport {
  /** Packets seen at both places. */
  readonly matched: number;
  /** From one place to the other, in nanoseconds; each may be wrong by the clock's uncertainty, all in the same sense. */
  readonly delayNs: Distribution | null;
  /**
   * Packets that the place at the sender's end saw and the other did not, though it was capturing; null when that cannot be
   * told: the clocks are not known, or super-segments were captured, of which each stands for several packets.
   */
  readonly lost: number | null;
  /** Packets that only the place at the receiver's end saw: missed at the other, or made on the way; null likewise. */
  readonly appeared: number | null;
  /** Packets, of either place, that cannot be told from others, and copies. */
  readonly ambiguous: number;
  /** Packets, of either place, seen while the other did not capture. */
  readonly outside: number | null;
  readonly superSegments: number;
}

/** A sentence that a person can act on. */
export interface Finding {
  /** Stable name, `backup-idle` say: docs/trace.md has the list. */
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'problem';
  readonly text: string;
  /** Frames that show it, 20 at most. */
  readonly packets: readonly number[];
}
