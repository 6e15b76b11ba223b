/**
 * Sockets that take connections which were meant for others: a listener that may answer for any address (TPROXY), where a
 * connection was meant to go before it was redirected, and the mark that keeps a proxy's own packets out of its own hands.
 * Owns no state, and makes no rules for packets.
 *
 * Read first: Documentation/networking/tproxy.rst of the kernel, ip(7) (IP_TRANSPARENT, SO_ORIGINAL_DST), socket(7) (SO_MARK).
 */
import { IPPROTO_IPV6, SOL_SOCKET } from './constants.js';
import { listenKernel, type KernelListenOptions } from './kernel-socket.js';
import { getsockopt, setsockopt } from './libc.js';
import { decodeSocketAddress, type SocketAddress } from './socket-address.js';
import { SystemError } from './system-error.js';

const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
const SO_MARK = 36;
/** The same number for both families (linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h). */
const SO_ORIGINAL_DST = 80;
const SOCKADDR_IN_LENGTH = 16;
const SOCKADDR_IN6_LENGTH = 28;

/**
 * Opens a socket that listens and may answer for addresses that are not this machine's: what a rule with `tproxy` hands to it. The local
 * address of a connection that it accepts is where the client wanted to go. Multipath TCP, where `protocol` does not say otherwise.
 * @throws SystemError `EPERM` without CAP_NET_ADMIN or CAP_NET_RAW.
 */
export function listenTransparent(options: KernelListenOptions): number {
  const isV6 = options.address.includes(':');
  return listenKernel({
    ...options,
    prepare: (fd) => {
      options.prepare?.(fd);
      // One flag of the socket for both families: a socket of IPv6 that takes IPv4 needs no other.
      if (isV6) setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
      else setsockopt(fd, SOL_IP, IP_TRANSPARENT, 1);
    },
  });
}

/**
 * Where a redirected connection was meant to go, as connection tracking remembers it; undefined for one that was not redirected. Plain
 * TCP only: the kernel has no such option for Multipath TCP sockets.
 */
export function originalDestinationOf(fd: number, family: 4 | 6): SocketAddress | undefined {
  // Exactly the length of the structure: the kernel refuses more for IPv4.
  const address = new Uint8Array(family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH);
  try {
    getsockopt(fd, family === 4 ? SOL_IP : IPPROTO_IPV6, SO_ORIGINAL_DST, address);
  } catch (error) {
    const isUnknown =
      error instanceof SystemError && ['ENOENT', 'ENOPROTOOPT', 'ENOTCONN', 'ENOTSUP'].includes(error.code);
    if (isUnknown) return undefined;
    throw error;
  }
  return decodeSocketAddress(address);
}

/**
 * Marks all that a socket sends, of all its subflows, for rules of routing and of packets.
 * @throws SystemError `EPERM` without CAP_NET_ADMIN or CAP_NET_RAW.
 */
export function markSocket(fd: number, mark: number): void {
  setsockopt(fd, SOL_SOCKET, SO_MARK, mark);
}
