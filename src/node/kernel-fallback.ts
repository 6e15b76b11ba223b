/** Why a kernel socket speaks plain TCP: certain where this program decided it, likely where only signs are left. */
import type { Socket as NetSocket } from 'node:net';
import { isMultipathDescriptor, mptcpSysctl, plainTcpInfo } from '../linux/index.js';
import {
  likelyFallback,
  plainWanted,
  unavailable,
  type FallbackEvidence,
  type FallbackInfo,
} from './fallback-info.js';
import { countersSinceStart, originOf, type KernelOrigin } from './kernel-origin.js';

/** Counters that move when connections fall back (net/mptcp/mib.h of the kernel). */
const telling = [
  'MPCapableFallbackACK',
  'MPCapableFallbackSYNACK',
  'MPCapableSYNTXDrop',
  'MPCapableSYNTXDisabled',
  'MPFallbackTokenInit',
  'DSSCorruptionFallback',
  'InfiniteMapTx',
  'InfiniteMapRx',
  'DataCsumErr',
  'MPFailTx',
  'MPFailRx',
  'Blackhole',
  'MPCapableDataFallback',
  'MD5SigFallback',
  'DssFallback',
  'SimultConnectFallback',
] as const;

/** What the kernel does where it has no parameter of that name (Linux before 6.12). */
const DEFAULT_SYN_RETRANSMISSIONS = 2;

/** Why a socket that is plain TCP is so, as far as that is settled without asking the kernel. */
export function settledFallback(origin: KernelOrigin | undefined): FallbackInfo | undefined {
  if (origin?.lack !== undefined) return unavailable(origin.lack);
  return origin?.isPlainWanted === true ? plainWanted : undefined;
}

/** Why a connected socket that is plain TCP is so. */
export function kernelFallback(socket: NetSocket, fd: number): FallbackInfo {
  const origin = originOf(socket);
  const settled = settledFallback(origin);
  if (settled !== undefined) return settled;
  const role = origin?.role ?? 'server';
  return likelyFallback({
    role,
    // A listener gives a descriptor of plain TCP for a connection that never was anything else.
    wasMultipath: role === 'server' ? isMultipathDescriptor(fd) : origin?.wasMultipath,
    synRetransmissions: Number(mptcpSysctl('syn_retrans_before_tcp_fallback') ?? DEFAULT_SYN_RETRANSMISSIONS),
    evidence: evidenceOf(fd),
  });
}

function evidenceOf(fd: number): FallbackEvidence {
  const tcp = plainTcpInfo(fd);
  const moved = countersSinceStart();
  const counters: Record<string, number> = {};
  for (const name of telling) {
    const times = moved?.get(`MPTcpExt${name}`) ?? 0;
    if (times > 0) counters[name] = times;
  }
  return {
    hasTimestamps: tcp?.hasTimestamps ?? false,
    hasSack: tcp?.hasSack ?? false,
    hasWindowScale: tcp?.peerWindowShift !== undefined,
    retransmissions: tcp?.retransmittedSegments ?? 0,
    counters,
  };
}
