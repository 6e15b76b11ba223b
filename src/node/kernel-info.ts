/** What the kernel tells of a connected socket, in the words of the public API. Owns no state. */
import type { Socket as NetSocket } from 'node:net';
import {
  congestionControlOf,
  connectionInfo,
  kernelPathManager,
  mptcpSysctl,
  plainTcpInfo,
  subflowsOf,
  subflowTcpInfo,
  unsupportedReason,
  type KernelConnectionInfo,
  type KernelSubflow,
  type KernelTcpInfo,
} from '../linux/index.js';
import { kernelFallback, settledFallback } from './kernel-fallback.js';
import { originOf } from './kernel-origin.js';
import type { FastOpenInfo, KernelInfo, MultipathInfo, SubflowInfo, SubflowState } from './socket.js';
import { nothingKnown } from './userspace-subflow-control.js';

/** TCP's states as the kernel numbers them (tcp_states.h); those left out are on the way to the end. */
const subflowStates: Readonly<Record<number, SubflowState>> = {
  1: 'active',
  2: 'opening',
  3: 'opening',
  7: 'closed',
  12: 'opening',
};

/** More than any link: what the kernel gives for a rate that nothing limits. */
const NO_LIMIT = 1n << 60n;

/** The subflows of a connected socket; of one that is plain TCP, itself. */
export function describeSubflows(socket: NetSocket, fd: number): SubflowInfo[] {
  const isKernelAsked = unsupportedReason() === undefined;
  const subflows = isKernelAsked ? subflowsOf(fd) : undefined;
  return subflows?.map(describeSubflow) ?? plainSubflow(socket, isKernelAsked ? plainTcpInfo(fd) : undefined);
}

export function describeSubflow({ id, local, remote, tcp }: KernelSubflow): SubflowInfo {
  return {
    id,
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: remote.address,
    remotePort: remote.port,
    backup: undefined,
    ...describeTcp(tcp),
  };
}

/** What TCP_INFO says of a subflow. */
function describeTcp(tcp: KernelTcpInfo): Omit<SubflowInfo, keyof SubflowEnds> {
  const { srttNs, rttVarianceNs, minRttNs, deliveryRate, pacingRate, sendMss } = tcp;
  const hasRtt = srttNs !== 0;
  return {
    state: subflowStates[tcp.state] ?? 'closing',
    rttMs: hasRtt ? srttNs / 1e6 : undefined,
    rttVarianceMs: hasRtt ? rttVarianceNs / 1e6 : undefined,
    // All bits set before the first measurement.
    minRttMs: hasRtt && minRttNs !== undefined && minRttNs < 0xffff_ffff * 1000 ? minRttNs / 1e6 : undefined,
    bytesSent: Number(tcp.bytesSent ?? 0n),
    bytesReceived: Number(tcp.bytesReceived ?? 0n),
    bytesAcked: countOf(tcp.bytesAcked),
    bytesRetransmitted: countOf(tcp.bytesRetransmitted),
    retransmissions: tcp.retransmittedSegments,
    lostSegments: tcp.lostSegments,
    bytesInFlight: tcp.unackedSegments * sendMss,
    bytesQueued: tcp.notSentBytes,
    mssBytes: sendMss,
    pathMtuBytes: tcp.pathMtu,
    cwndBytes: tcp.cwndSegments * sendMss,
    deliveryRateBps: deliveryRate === undefined ? undefined : Number(deliveryRate) * 8,
    pacingRateBps: pacingRate === undefined || pacingRate > NO_LIMIT ? undefined : Number(pacingRate) * 8,
  };
}

/** What TCP_INFO does not say. */
type SubflowEnds = Pick<
  SubflowInfo,
  'id' | 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort' | 'backup'
>;

function countOf(bytes: bigint | undefined): number | undefined {
  return bytes === undefined ? undefined : Number(bytes);
}

/** What a connection that is plain TCP shows. */
function plainSubflow(socket: NetSocket, tcp: KernelTcpInfo | undefined): SubflowInfo[] {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return [];
  if (remoteAddress === undefined || remotePort === undefined) return [];
  const ends = { id: 0, localAddress, localPort, remoteAddress, remotePort, backup: false };
  const { bytesWritten: bytesSent, bytesRead: bytesReceived } = socket;
  if (tcp !== undefined) return [{ ...ends, ...describeTcp(tcp), bytesSent, bytesReceived }];
  return [{ ...ends, ...untold, bytesSent, bytesReceived }];
}

/** A subflow that nobody tells anything of. */
const untold = {
  state: 'active',
  rttMs: undefined,
  rttVarianceMs: undefined,
  minRttMs: undefined,
  bytesAcked: undefined,
  bytesRetransmitted: undefined,
  retransmissions: 0,
  lostSegments: undefined,
  bytesInFlight: undefined,
  bytesQueued: undefined,
  mssBytes: undefined,
  pathMtuBytes: undefined,
  cwndBytes: 0,
  deliveryRateBps: undefined,
  pacingRateBps: undefined,
} as const;

/** How the connection stands; what is the namespace's is what holds for new connections there. */
export function describeConnection(socket: NetSocket, fd: number): MultipathInfo {
  if (unsupportedReason() !== undefined) return settled(socket);
  const info = connectionInfo(fd);
  const congestion = congestionControlOf(fd);
  if (info === undefined || info.fallback) {
    const fallback = kernelFallback(socket, fd);
    return { ...nothingKnown, fallback, fallbackCause: fallback.cause, congestion };
  }
  return {
    ...nothingKnown,
    version: 1,
    token: info.token,
    scheduler: mptcpSysctl('scheduler'),
    pathManager: kernelPathManager(),
    congestion,
    maxSubflows: info.maxSubflows + 1,
    kernel: describeInfo(info),
  };
}

/** How a socket stands of which the kernel cannot be asked. */
function settled(socket: NetSocket): MultipathInfo {
  const fallback = settledFallback(originOf(socket));
  return { ...nothingKnown, fallback, fallbackCause: fallback?.cause };
}

/** MPTCP_INFO in numbers, which print and compare as such. */
function describeInfo(info: KernelConnectionInfo): KernelInfo {
  const ms = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e6);
  return {
    totalSubflows: info.totalSubflows,
    joinedSubflows: info.joinedSubflows,
    announcedAddresses: info.announcedAddresses,
    acceptedAddresses: info.acceptedAddresses,
    localAddresses: info.localAddresses,
    maxJoinedSubflows: info.maxSubflows,
    maxAnnouncedAddresses: info.maxAnnouncedAddresses,
    maxAcceptedAddresses: info.maxAcceptedAddresses,
    maxLocalAddresses: info.maxLocalAddresses,
    hasChecksum: info.checksum,
    isRemoteKeyKnown: info.remoteKeyReceived,
    unacknowledgedBytes: Number(BigInt.asUintN(64, info.writeSequence - info.sndUna)),
    bytesSent: countOf(info.bytesSent),
    bytesReceived: countOf(info.bytesReceived),
    bytesAcked: countOf(info.bytesAcked),
    bytesRetransmitted: countOf(info.bytesRetransmitted),
    retransmissions: info.retransmits,
    lastDataSentMs: ms(info.lastDataSentNs),
    lastDataReceivedMs: ms(info.lastDataReceivedNs),
    lastAckReceivedMs: ms(info.lastAckReceivedNs),
  };
}

/** TCP's states of the initial subflow and all others, or of the connection that is plain TCP. */
function tcpInfoOf(fd: number): KernelTcpInfo[] {
  if (unsupportedReason() !== undefined) return [];
  const infos = subflowTcpInfo(fd);
  const plain = infos.length > 0 ? undefined : plainTcpInfo(fd);
  return plain === undefined ? infos : [plain];
}

/** Only the initial subflow may have it, and it has it for as long as it lives. */
export function isSynDataAccepted(fd: number): boolean {
  return tcpInfoOf(fd).some(({ synDataAccepted }) => synDataAccepted);
}

/** With Fast Open the kernel takes a socket for connected before the peer answered. */
export function isAnswered(fd: number): boolean {
  return tcpInfoOf(fd).some(({ state }) => subflowStates[state] === 'active');
}

export function describeFastOpen(isAccepted: boolean): FastOpenInfo {
  return { isAccepted, sentBytes: undefined, acceptedBytes: undefined };
}
