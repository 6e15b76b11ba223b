/**
 * One TCP segment as a frame shows it: a struct that is filled anew for each frame. Numbers of 32 bits from the wire are
 * signed here (what `| 0` gives), since only differences and equality are asked of them, and small integers cost least.
 */
import { maxMptcpOptions } from '../wire/index.js';

const noBytes = new Uint8Array(0);

/** The flags of a DSS in one number, which costs less than a field each: as on the wire (RFC 8684 §3.3), and two more. */
export const DssBit = {
  ACK: 1,
  ACK_64: 2,
  MAPPING: 4,
  SEQ_64: 8,
  FIN: 16,
  /** The mapping has a checksum. */
  CHECKSUM: 32,
  /** There is a DSS. */
  THERE: 64,
} as const;

// What a module exports is read through a cell each time; these let the compiler see constants.
const dssAck = DssBit.ACK;
const dssAck64 = DssBit.ACK_64;
const dssMapping = DssBit.MAPPING;
const dssSeq64 = DssBit.SEQ_64;
const dssFin = DssBit.FIN;
const dssChecksum = DssBit.CHECKSUM;

export class Segment {
  /** Number of the frame, and when it was seen: nanoseconds since the first one. Set by the analyser. */
  packet = 0;
  atNs = 0.5;
  /** The buffer that holds the frame; offsets below count from its start. */
  bytes: Uint8Array = noBytes;
  /** Version of the innermost IP header. */
  family: 4 | 6 = 4;
  /** Identification of the IPv4 header; 0 in IPv6. */
  ipId = 0;
  /** Source and destination address, four words each; an IPv4 address is the last, the others 0. */
  sourceA = 0;
  sourceB = 0;
  sourceC = 0;
  sourceD = 0;
  destinationA = 0;
  destinationB = 0;
  destinationC = 0;
  destinationD = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Where the TCP header starts. */
  offset = 0;
  headerLength = 0;
  /** Sequence and acknowledgement number on the wire, signed. */
  seq = 0;
  ack = 0;
  flags = 0;
  /** Window as it stands there, unscaled. */
  window = 0;
  /** The checksum in the TCP header. */
  tcpChecksum = 0;
  payloadOffset = 0;
  /** Bytes of payload as the IP header states them. */
  payloadLength = 0;
  /** Bytes of payload that were captured. */
  payloadAvailable = 0;
  /** Window scale and maximum segment size options; -1 and 0 without. */
  windowScale = -1;
  mss = 0;
  hasTimestamps = false;
  /** Signed. */
  tsVal = 0;
  tsEcr = 0;
  /** A bit for each subtype of MPTCP option that is there. */
  optionBits = 0;
  /** MPTCP options other than the first well-formed DSS: where their kind byte stands, and their lengths. */
  readonly mptcpOffsets = new Int32Array(maxMptcpOptions);
  readonly mptcpLengths = new Int32Array(maxMptcpOptions);
  mptcpCount = 0;
  /** MPTCP options whose length makes no sense, counted in none of the above. */
  malformedCount = 0;
  /** Options of each kind in all headers read so far, padding among them, less those of headers that began as usual. */
  readonly kindCounts = new Float64Array(256);
  /** Headers that began with two NOP and timestamps, as nearly all do. */
  usualHeaders = 0;
  /** The first DSS: its flags as {@link DssBit} has them, 0 without one. Its numbers are signed halves. */
  dss = 0;
  dataAckHi = 0;
  dataAckLo = 0;
  dataSeqHi = 0;
  dataSeqLo = 0;
  subflowSeq = 0;
  dataLength = 0;
  checksum = 0;

  get hasDss(): boolean {
    return this.dss !== 0;
  }

  get hasDataAck(): boolean {
    return (this.dss & dssAck) !== 0;
  }

  /** Whether the DATA_ACK has 64 bits. */
  get dataAck64(): boolean {
    return (this.dss & dssAck64) !== 0;
  }

  get hasMapping(): boolean {
    return (this.dss & dssMapping) !== 0;
  }

  /** Whether the data sequence number has 64 bits. */
  get dataSeq64(): boolean {
    return (this.dss & dssSeq64) !== 0;
  }

  get dataFin(): boolean {
    return (this.dss & dssFin) !== 0;
  }

  get hasChecksum(): boolean {
    return (this.dss & dssChecksum) !== 0;
  }
}
