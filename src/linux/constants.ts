/**
 * Numbers of the Linux interfaces this layer speaks to, as x86-64 and arm64 have them (they agree on all of these).
 * Names are the kernel's own, so that a reader finds them in its headers.
 */

// Address families, socket types and flags (sys/socket.h).
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_PACKET = 17;
export const AF_XDP = 44;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_PEEK = 2;
export const MSG_DONTWAIT = 0x40;
export const SHUT_WR = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_MPTCP = 262;

// Option levels and options.
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_SNDBUFFORCE = 32;
export const SO_PROTOCOL = 38;
export const SO_RCVBUFFORCE = 33;
export const IPV6_V6ONLY = 26;
export const SOL_MPTCP = 284;
export const SOL_PACKET = 263;
export const SOL_XDP = 283;

// Memory (sys/mman.h) and waiting (poll.h).
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_ANONYMOUS = 0x20;
export const MAP_POPULATE = 0x8000;
export const POLLIN = 1;

// Locks of whole files (sys/file.h).
export const LOCK_EX = 2;
export const LOCK_NB = 4;

// Errors that the layer itself reacts to (asm-generic/errno.h); all others are looked up by number.
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EBUSY = 16;
export const ECONNREFUSED = 111;
export const EEXIST = 17;
export const ENOSPC = 28;
export const ENOSYS = 38;
export const ENETDOWN = 100;
export const ENOBUFS = 105;
export const EINPROGRESS = 115;

// TUN/TAP (linux/if_tun.h) and the virtio network header in front of every packet (linux/virtio_net.h).
export const TUNSETIFF = 0x400454ca;
export const TUNSETOFFLOAD = 0x400454d0;
export const IFF_TUN = 0x0001;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;
export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const VIRTIO_NET_HDR_LENGTH = 10;
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;

// Namespaces (linux/sched.h).
export const CLONE_NEWNET = 0x4000_0000;
