/**
 * What the kernel tells about a Multipath TCP socket and its subflows: its structures decoded. Every kernel since 5.6
 * added fields at the end, so each field is read only when the kernel gave that many bytes, and is undefined otherwise.
 * Knows no system calls.
 *
 * Read first: include/uapi/linux/mptcp.h and tcp.h, and Documentation/networking/mptcp-sysctl.rst, of the kernel.
 */
import { decodeSocketAddress, type SocketAddress } from './socket-address.js';

/** Bytes of struct mptcp_info that this module knows: Linux 6.18. */
export const MPTCP_INFO_LENGTH = 96;
/** Bytes of struct tcp_info that this module knows. */
export const TCP_INFO_LENGTH = 232;
/** Bytes of struct mptcp_subflow_addrs: two struct sockaddr_storage. */
export const SUBFLOW_ADDRESSES_LENGTH = 256;
/** Bytes of struct mptcp_subflow_info. */
export const SUBFLOW_INFO_LENGTH = 264;

const FLAG_FALLBACK = 1;
const FLAG_REMOTE_KEY = 2;
/** In tcpi_options: TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE and TCPI_OPT_SYN_DATA. */
const OPTION_TIMESTAMPS = 1;
const OPTION_SACK = 2;
const OPTION_WINDOW_SCALE = 4;
const OPTION_SYN_DATA = 32;

/** A connection as the kernel sees it. Counts of subflows leave the initial one out unless they say otherwise. */
export interface KernelConnectionInfo {
  /** Subflows that joined. */
  readonly joinedSubflows: number;
  /** Addresses announced to the peer. */
  readonly announcedAddresses: number;
  /** Addresses of the peer that were accepted. */
  readonly acceptedAddresses: number;
  /** The connection speaks plain TCP. */
  readonly fallback: boolean;
  /** The peer's key is known. */
  readonly remoteKeyReceived: boolean;
  /** This side's token of this connection: the peer joins with it, the path manager's netlink commands name it. */
  readonly token: number;
  /** Data sequence number of the next byte to be written, modulo 2^64. */
  readonly writeSequence: bigint;
  /** First data sequence number not acknowledged by the peer, modulo 2^64. */
  readonly sndUna: bigint;
  /** Next data sequence number expected from the peer, modulo 2^64. */
  readonly rcvNxt: bigint;
  /** DSS checksums are in use (Linux 5.19). */
  readonly checksum: boolean | undefined;
  /** Times that data was sent again at the data level (Linux 6.5), as the following counts of bytes. */
  readonly retransmits: number | undefined;
  readonly bytesRetransmitted: bigint | undefined;
  readonly bytesSent: bigint | undefined;
  readonly bytesReceived: bigint | undefined;
  readonly bytesAcked: bigint | undefined;
  /** Subflows with the initial one (Linux 6.8). */
  readonly totalSubflows: number | undefined;
  /** Limits of the path manager: subflows, addresses announced, addresses accepted, own addresses. */
  readonly maxSubflows: number;
  readonly maxAnnouncedAddresses: number;
  readonly maxAcceptedAddresses: number;
  readonly maxLocalAddresses: number | undefined;
  /** Own addresses in use beside the first. */
  readonly localAddresses: number | undefined;
  /** Time since data was sent, since it came, and since an acknowledgment came (Linux 6.10); the kernel counts milliseconds. */
  readonly lastDataSentNs: number | undefined;
  readonly lastDataReceivedNs: number | undefined;
  readonly lastAckReceivedNs: number | undefined;
}

/** TCP's own state of one subflow; times in ns. */
export interface KernelTcpInfo {
  /** Number of the state, 1 is established (tcp_states.h). */
  readonly state: number;
  /** Retransmission timeouts since something was acknowledged last. */
  readonly timeoutsInARow: number;
  /** Back-off included. */
  readonly rtoNs: number;
  readonly sendMss: number;
  readonly srttNs: number;
  readonly rttVarianceNs: number;
  readonly minRttNs: number | undefined;
  /** Congestion window in segments. */
  readonly cwndSegments: number;
  readonly ssthreshSegments: number;
  readonly unackedSegments: number;
  /** Time since data left last, and since data and any acknowledgment came last; the kernel counts milliseconds. */
  readonly lastDataSentNs: number;
  readonly lastDataReceivedNs: number;
  readonly lastAckReceivedNs: number;
  readonly retransmittedSegments: number;
  readonly bytesAcked: bigint | undefined;
  readonly bytesReceived: bigint | undefined;
  readonly bytesSent: bigint | undefined;
  readonly bytesRetransmitted: bigint | undefined;
  /** In bytes per second. */
  readonly deliveryRate: bigint | undefined;
  /** At most so much is sent, in bytes per second; all bits set where nothing limits it. */
  readonly pacingRate: bigint | undefined;
  /** What the peer sends in a segment. */
  readonly receiveMss: number;
  /** Segments taken for lost that were not sent again yet. */
  readonly lostSegments: number;
  /** The largest packet that the path takes, in bytes. */
  readonly pathMtu: number;
  /** Bytes written that were not sent yet. */
  readonly notSentBytes: number | undefined;
  /** Data went with the SYN of this connection and was taken from it (Fast Open, RFC 7413), in whichever direction. */
  readonly synDataAccepted: boolean;
  /** Both sides have timestamps (RFC 7323). */
  readonly hasTimestamps: boolean;
  /** Both sides may send selective acknowledgments (RFC 2018). */
  readonly hasSack: boolean;
  /** By how many bits the peer's window is shifted; undefined where windows are not scaled (RFC 7323). */
  readonly peerWindowShift: number | undefined;
}

/** One subflow's ends. */
export interface KernelSubflowAddresses {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** One subflow, whole. */
export interface KernelSubflow extends KernelSubflowAddresses {
  /** Number of the subflow within the connection, in the order they came. */
  readonly id: number;
  readonly tcp: KernelTcpInfo;
}

/** Reads fields of a structure that may be shorter than this program knows it. */
class Fields {
  private readonly view: DataView;
  private readonly length: number;

  constructor(bytes: Uint8Array, offset: number, length: number) {
    this.length = Math.max(0, Math.min(length, bytes.length - offset));
    this.view = new DataView(bytes.buffer, bytes.byteOffset + offset, this.length);
  }

  u8(at: number): number | undefined {
    return at + 1 <= this.length ? this.view.getUint8(at) : undefined;
  }

  u32(at: number): number | undefined {
    return at + 4 <= this.length ? this.view.getUint32(at, true) : undefined;
  }

  u64(at: number): bigint | undefined {
    return at + 8 <= this.length ? this.view.getBigUint64(at, true) : undefined;
  }
}

function fromMilliseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms * 1_000_000;
}

/** Decodes the first `length` bytes of a struct mptcp_info; undefined when not even its oldest form is there. */
export function decodeConnectionInfo(
  bytes: Uint8Array,
  offset: number,
  length: number,
): KernelConnectionInfo | undefined {
  const fields = new Fields(bytes, offset, length);
  const flags = fields.u32(8);
  const rcvNxt = fields.u64(32);
  if (flags === undefined || rcvNxt === undefined) return undefined;
  const checksum = fields.u8(42);
  return {
    joinedSubflows: fields.u8(0)!,
    announcedAddresses: fields.u8(1)!,
    acceptedAddresses: fields.u8(2)!,
    fallback: (flags & FLAG_FALLBACK) !== 0,
    remoteKeyReceived: (flags & FLAG_REMOTE_KEY) !== 0,
    token: fields.u32(12)!,
    writeSequence: fields.u64(16)!,
    sndUna: fields.u64(24)!,
    rcvNxt,
    checksum: checksum === undefined ? undefined : checksum !== 0,
    retransmits: fields.u32(44),
    bytesRetransmitted: fields.u64(48),
    bytesSent: fields.u64(56),
    bytesReceived: fields.u64(64),
    bytesAcked: fields.u64(72),
    totalSubflows: fields.u8(80),
    maxSubflows: fields.u8(3)!,
    maxAnnouncedAddresses: fields.u8(4)!,
    maxAcceptedAddresses: fields.u8(5)!,
    maxLocalAddresses: fields.u8(41),
    localAddresses: fields.u8(40),
    lastDataSentNs: fromMilliseconds(fields.u32(84)),
    lastDataReceivedNs: fromMilliseconds(fields.u32(88)),
    lastAckReceivedNs: fromMilliseconds(fields.u32(92)),
  };
}

/** Decodes the first `length` bytes of a struct tcp_info; undefined when not even its oldest form is there. */
export function decodeTcpInfo(bytes: Uint8Array, offset: number, length: number): KernelTcpInfo | undefined {
  const fields = new Fields(bytes, offset, length);
  const retransmitted = fields.u32(100);
  if (retransmitted === undefined) return undefined;
  const minRtt = fields.u32(148);
  const options = fields.u8(5)!;
  return {
    state: fields.u8(0)!,
    timeoutsInARow: fields.u8(2)!,
    rtoNs: fields.u32(8)! * 1000,
    sendMss: fields.u32(16)!,
    srttNs: fields.u32(68)! * 1000,
    rttVarianceNs: fields.u32(72)! * 1000,
    minRttNs: minRtt === undefined ? undefined : minRtt * 1000,
    cwndSegments: fields.u32(80)!,
    ssthreshSegments: fields.u32(76)!,
    unackedSegments: fields.u32(24)!,
    lastDataSentNs: fields.u32(44)! * 1_000_000,
    lastDataReceivedNs: fields.u32(52)! * 1_000_000,
    lastAckReceivedNs: fields.u32(56)! * 1_000_000,
    retransmittedSegments: retransmitted,
    bytesAcked: fields.u64(120),
    bytesReceived: fields.u64(128),
    bytesSent: fields.u64(200),
    bytesRetransmitted: fields.u64(208),
    deliveryRate: fields.u64(160),
    pacingRate: fields.u64(104),
    receiveMss: fields.u32(20)!,
    lostSegments: fields.u32(32)!,
    pathMtu: fields.u32(60)!,
    notSentBytes: fields.u32(144),
    synDataAccepted: (options & OPTION_SYN_DATA) !== 0,
    hasTimestamps: (options & OPTION_TIMESTAMPS) !== 0,
    hasSack: (options & OPTION_SACK) !== 0,
    peerWindowShift: (options & OPTION_WINDOW_SCALE) === 0 ? undefined : fields.u8(6)! & 0xf,
  };
}

/** Decodes a struct mptcp_subflow_addrs; undefined when the ends are not both IP. */
export function decodeSubflowAddresses(
  bytes: Uint8Array,
  offset: number,
): KernelSubflowAddresses | undefined {
  const local = decodeSocketAddress(bytes, offset);
  const remote = decodeSocketAddress(bytes, offset + SUBFLOW_ADDRESSES_LENGTH / 2);
  return local === undefined || remote === undefined ? undefined : { local, remote };
}
