/**
 * Fast Open of the kernel's own sockets, plain and Multipath TCP: three socket options. The kernel keeps the cookies,
 * and does as `net.ipv4.tcp_fastopen` of the namespace lets it: bit 0 for clients, bit 1 for servers, bit 2 for clients
 * without a cookie. Read first: tcp(7), RFC 7413.
 */
import { readFileSync } from 'node:fs';
import { IPPROTO_TCP } from './constants.js';
import { getsockopt, setsockopt, unsupportedReason } from './libc.js';
import { SystemError } from './system-error.js';

const TCP_INFO = 11;
const TCP_FASTOPEN = 23;
const TCP_FASTOPEN_CONNECT = 30;
const TCP_FASTOPEN_NO_COOKIE = 34;
/** The kernel's number of a connection that a SYN made, and whose third packet has not come (tcp_states.h). */
const SYN_RECEIVED = 3;

/**
 * Has a socket that is to listen take data in SYNs, from as many peers at a time as `maxPending` that have yet to prove
 * themselves.
 * @throws SystemError `EOPNOTSUPP` or `ENOPROTOOPT` where the kernel cannot.
 */
export function acceptFastOpen(fd: number, maxPending: number, requireCookie = true): void {
  setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, maxPending);
  if (!requireCookie) setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
}

/**
 * Has a socket that is to connect send its first write with the SYN, where the kernel knows a cookie of the peer or is
 * told that none is needed; `connect` then returns at once, and the SYN leaves with the write. Without a cookie the SYN
 * asks for one.
 * @throws SystemError `EOPNOTSUPP` or `ENOPROTOOPT` where the kernel cannot.
 */
export function connectFastOpen(fd: number, withCookie = true): void {
  setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
  if (!withCookie) setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
}

/** Whether an accepted connection is one that a SYN with data made, and its third packet has yet to come. */
export function awaitsThirdPacket(fd: number): boolean {
  if (unsupportedReason() !== undefined) return false;
  const state = new Uint8Array(1);
  try {
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, state);
  } catch (error) {
    // A connection that has no subflow any more waits for nothing.
    if (error instanceof SystemError) return false;
    throw error;
  }
  return state[0] === SYN_RECEIVED;
}

/** Whether the calling thread's namespace has Fast Open on for servers; where not, the option is taken and does nothing. */
export function mayServeFastOpen(): boolean {
  return (fastOpenBits() & 2) !== 0;
}

/** Whether it has Fast Open on for clients. */
export function mayConnectFastOpen(): boolean {
  return (fastOpenBits() & 1) !== 0;
}

function fastOpenBits(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/tcp_fastopen', 'utf8'));
}
