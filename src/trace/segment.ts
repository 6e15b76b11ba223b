/**
 * One TCP segment as a frame shows it: a struct that is filled anew for each frame. Numbers of 32 bits from the wire are
 * signed here (what `| 0` gives), since only differences and equality are asked of them, and small integers cost least.
 */
import { maxMptcpOptions } from '../wire/index.js';

const noBytes = new Uint8Array(0);

export class Segment {
  /** Number of the frame, and when it was seen: nanoseconds since the first one. Set by the analyser. */
  packet = 0;
  atNs = 0.5;
  /** The buffer that holds the frame; offsets below count from its start. */
  bytes: Uint8Array = noBytes;
  /** Version of the innermost IP header. */
  family: 4 | 6 = 4;
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
  /** Options of each kind in all headers read so far, padding among them. */
  readonly kindCounts = new Float64Array(256);
  /** The first DSS; its numbers are signed halves, valid where the flag says so. */
  hasDss = false;
  dataFin = false;
  hasDataAck = false;
  dataAck64 = false;
  dataAckHi = 0;
  dataAckLo = 0;
  hasMapping = false;
  dataSeq64 = false;
  dataSeqHi = 0;
  dataSeqLo = 0;
  subflowSeq = 0;
  dataLength = 0;
  hasChecksum = false;
  checksum = 0;
}
