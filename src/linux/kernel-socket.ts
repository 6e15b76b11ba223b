/**
 * The kernel's own Multipath TCP sockets, as descriptors that Node's net takes over: `new net.Socket({ fd })` and
 * `server.listen({ fd })`. Owns no state; asks the kernel about live ones.
 *
 * Read first: socket(2), mptcp(7) where it exists, include/uapi/linux/mptcp.h of the kernel.
 */
import { closeSync, readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { SubflowError, assert } from '../base/index.js';
import {
  AF_INET,
  AF_INET6,
  EINPROGRESS,
  IPPROTO_IPV6,
  IPPROTO_MPTCP,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_MPTCP,
  SOL_SOCKET,
  SO_PROTOCOL,
  SO_REUSEADDR,
} from './constants.js';
import { NativeBuffer, bind, connect, getsockname, getsockopt, listen, setsockopt, socket } from './libc.js';
import {
  MPTCP_INFO_LENGTH,
  SUBFLOW_ADDRESSES_LENGTH,
  SUBFLOW_INFO_LENGTH,
  TCP_INFO_LENGTH,
  decodeConnectionInfo,
  decodeSubflowAddresses,
  decodeTcpInfo,
  type KernelConnectionInfo,
  type KernelSubflow,
  type KernelSubflowAddresses,
  type KernelTcpInfo,
} from './mptcp-info.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from './socket-address.js';
import { SystemError } from './system-error.js';

const MPTCP_INFO = 1;
const MPTCP_TCPINFO = 2;
const MPTCP_SUBFLOW_ADDRS = 3;
const MPTCP_FULL_INFO = 4;
const TCP_INFO = 11;
const TCP_CONGESTION = 13;
const TCP_IS_MPTCP = 43;
/** Room for a name, its end included (TCP_CA_NAME_MAX). */
const CONGESTION_NAME_BYTES = 16;

/** Subflows asked about: the kernel allows 8 beside the initial one, its user-space path manager up to 255. */
const MAX_SUBFLOWS = 32;
const SUBFLOW_DATA_HEADER_LENGTH = 16;
const FULL_INFO_HEADER_LENGTH = 40;

/** Which protocol the socket asks for: `tcp` gives a plain one, for comparison. */
export type KernelProtocol = 'mptcp' | 'tcp';

export interface KernelSocketOptions {
  readonly family: 4 | 6;
  /** `mptcp` when absent. */
  readonly protocol?: KernelProtocol;
  /** Where the socket lives; the caller's namespace when absent. */
  readonly namespace?: NetworkNamespace;
}

/**
 * Opens a stream socket, non-blocking. The caller closes it, or hands it to net, which then does.
 * @throws SystemError `EPROTONOSUPPORT` or `ENOPROTOOPT` where the kernel has no Multipath TCP or has it off.
 */
export function openKernelSocket(options: KernelSocketOptions): number {
  const domain = options.family === 4 ? AF_INET : AF_INET6;
  const protocol = options.protocol === 'tcp' ? IPPROTO_TCP : IPPROTO_MPTCP;
  const open = (): number => {
    try {
      return socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    } catch (error) {
      throw protocol === IPPROTO_MPTCP ? withMptcpHint(error) : error;
    }
  };
  return inside(options.namespace, open);
}

function withMptcpHint(error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  if (error.code !== 'EPROTONOSUPPORT' && error.code !== 'ENOPROTOOPT') return error;
  return new SystemError('socket', -error.errno, {
    detail: 'Multipath TCP',
    hint: 'Switch it on: sysctl -w net.mptcp.enabled=1. It needs Linux 5.6 or newer.',
  });
}

export interface KernelListenOptions {
  /** IP address to listen on, `0.0.0.0` and `::` for all. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly backlog?: number;
  readonly protocol?: KernelProtocol;
  readonly namespace?: NetworkNamespace;
  /** Refuse IPv4 on a `::` listener; false when absent. */
  readonly ipv6Only?: boolean;
  /** Called with the descriptor before it is bound, to set options. */
  readonly prepare?: (fd: number) => void;
}

/** Opens a socket that listens, for `server.listen({ fd })`. */
export function listenKernel(options: KernelListenOptions): number {
  const address = encodeSocketAddress(options.address, options.port);
  const family = options.address.includes(':') ? 6 : 4;
  return opened({ ...options, family }, (fd) => {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === 6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only === true ? 1 : 0);
    options.prepare?.(fd);
    bind(fd, address, `${options.address} port ${options.port}`);
    listen(fd, options.backlog ?? 511);
  });
}

export interface KernelConnectOptions {
  /** IP address of the peer. */
  readonly address: string;
  readonly port: number;
  /** Own address; the kernel chooses when absent. */
  readonly localAddress?: string;
  /** Own port; 0 lets the kernel choose. */
  readonly localPort?: number;
  readonly protocol?: KernelProtocol;
  readonly namespace?: NetworkNamespace;
  /** Called with the descriptor before it connects, to set options. */
  readonly prepare?: (fd: number) => void;
}

/** Opens a socket that is connecting, for `new net.Socket({ fd })`: it is writable, or failed, once that is decided. */
export function connectKernel(options: KernelConnectOptions): number {
  const remote = encodeSocketAddress(options.address, options.port);
  const family = options.address.includes(':') ? 6 : 4;
  return opened({ ...options, family }, (fd) => {
    options.prepare?.(fd);
    if (options.localAddress !== undefined) {
      bind(fd, encodeSocketAddress(options.localAddress, options.localPort ?? 0), options.localAddress);
    }
    const result = connect(fd, remote);
    if (result !== 0 && result !== -EINPROGRESS) {
      throw new SystemError('connect', -result, { detail: `${options.address} port ${options.port}` });
    }
  });
}

/** Opens a socket and readies it, and leaves no descriptor behind when that fails. */
function opened(options: KernelSocketOptions, ready: (fd: number) => void): number {
  const fd = openKernelSocket(options);
  try {
    ready(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The descriptor under a socket or server of Node's net.
 * @throws SubflowError `ERR_SUBFLOW_NO_DESCRIPTOR` when it is closed or not connected to anything of the kernel's.
 */
export function descriptorOf(owner: Socket | Server): number {
  const fd = (owner as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) {
    throw new SubflowError('ERR_SUBFLOW_NO_DESCRIPTOR', 'the socket has no descriptor (closed?)');
  }
  return fd;
}

/** The address the socket is bound to. */
export function localAddressOf(fd: number): SocketAddress {
  const address = decodeSocketAddress(getsockname(fd));
  assert(address !== undefined, 'a stream socket of ours has an IP address');
  return address;
}

/** The congestion control of the socket's subflows, by the kernel's name. */
export function congestionControlOf(fd: number): string {
  const value = new Uint8Array(CONGESTION_NAME_BYTES);
  const length = getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, value);
  return new TextDecoder().decode(value.subarray(0, length)).replace(/\0.*$/s, '');
}

/**
 * Sets the congestion control of the socket and of what it accepts.
 * @throws SubflowError `ERR_SUBFLOW_UNKNOWN_NAME` for one that the kernel does not have.
 * @throws SystemError `EPERM` for one that is not for everybody.
 */
export function setCongestionControl(fd: number, name: string): void {
  try {
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, new TextEncoder().encode(name));
  } catch (error) {
    if (!(error instanceof SystemError && (error.code === 'ENOENT' || error.code === 'EINVAL'))) throw error;
    const known = readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8').trim();
    throw new SubflowError(
      'ERR_SUBFLOW_UNKNOWN_NAME',
      `the kernel has no congestion control called '${name}'`,
      {
        cause: error,
        hint: `It has: ${known.split(' ').join(', ')}. Others may be modules: modprobe tcp_${name}.`,
      },
    );
  }
}

/**
 * Throws as {@link setCongestionControl} would, and changes nothing. A Multipath TCP socket without a subflow takes any
 * name, so that this is asked of a plain one.
 */
export function checkCongestionControl(name: string): void {
  closeSync(opened({ family: 4, protocol: 'tcp' }, (fd) => setCongestionControl(fd, name)));
}

/** Whether the socket speaks Multipath TCP now: false for a plain TCP socket and after a fallback. */
export function isMultipath(fd: number): boolean {
  const value = new Uint8Array(4);
  try {
    getsockopt(fd, IPPROTO_TCP, TCP_IS_MPTCP, value);
  } catch (error) {
    if (error instanceof SystemError && (error.code === 'ENOPROTOOPT' || error.code === 'ENOTSUP')) {
      return false;
    }
    throw error;
  }
  return value[0] === 1 && connectionInfo(fd)?.fallback === false;
}

/** Whether the descriptor is one of Multipath TCP, whatever it speaks by now; what a listener accepted without the option is not. */
export function isMultipathDescriptor(fd: number): boolean {
  const value = new Uint8Array(4);
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, value);
  return new DataView(value.buffer).getUint32(0, true) === IPPROTO_MPTCP;
}

/** What the kernel knows of the connection; undefined for a socket that is not, or no longer, a Multipath TCP one. */
export function connectionInfo(fd: number): KernelConnectionInfo | undefined {
  const bytes = new Uint8Array(MPTCP_INFO_LENGTH);
  const length = multipathOption(fd, MPTCP_INFO, bytes);
  return length === undefined ? undefined : decodeConnectionInfo(bytes, 0, length);
}

/** The ends of each subflow, those of the initial one first while it lives; empty for a plain TCP socket. */
export function subflowAddresses(fd: number): KernelSubflowAddresses[] {
  return subflowData(fd, MPTCP_SUBFLOW_ADDRS, SUBFLOW_ADDRESSES_LENGTH, decodeSubflowAddresses);
}

/** TCP's state of each subflow, in the order of {@link subflowAddresses}. */
export function subflowTcpInfo(fd: number): KernelTcpInfo[] {
  return subflowData(fd, MPTCP_TCPINFO, TCP_INFO_LENGTH, decodeTcpInfo);
}

/**
 * TCP's state of a connection that is plain TCP, by itself or after a fallback; undefined for one that is Multipath TCP,
 * which has {@link subflowTcpInfo}.
 */
export function plainTcpInfo(fd: number): KernelTcpInfo | undefined {
  const bytes = new Uint8Array(TCP_INFO_LENGTH);
  try {
    return decodeTcpInfo(bytes, 0, getsockopt(fd, IPPROTO_TCP, TCP_INFO, bytes));
  } catch (error) {
    if (error instanceof SystemError && (error.code === 'ENOPROTOOPT' || error.code === 'ENOTSUP')) {
      return undefined;
    }
    throw error;
  }
}

/** Each subflow with its number, ends and TCP state, all of the same moment (Linux 6.5); undefined for plain TCP. */
export function subflowsOf(fd: number): KernelSubflow[] | undefined {
  const tcpInfo = new NativeBuffer(MAX_SUBFLOWS * TCP_INFO_LENGTH);
  const subflowInfo = new NativeBuffer(MAX_SUBFLOWS * SUBFLOW_INFO_LENGTH);
  const bytes = new Uint8Array(FULL_INFO_HEADER_LENGTH + MPTCP_INFO_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, TCP_INFO_LENGTH, true);
  view.setUint32(12, SUBFLOW_INFO_LENGTH, true);
  view.setUint32(20, MAX_SUBFLOWS, true);
  view.setBigUint64(24, BigInt(subflowInfo.address), true);
  view.setBigUint64(32, BigInt(tcpInfo.address), true);
  if (multipathOption(fd, MPTCP_FULL_INFO, bytes) === undefined) return undefined;
  const count = Math.min(view.getUint32(16, true), MAX_SUBFLOWS);
  const tcpLength = Math.min(view.getUint32(0, true), TCP_INFO_LENGTH);
  const subflows: KernelSubflow[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * SUBFLOW_INFO_LENGTH;
    const ends = decodeSubflowAddresses(subflowInfo.bytes, at + 8);
    const tcp = decodeTcpInfo(tcpInfo.bytes, i * TCP_INFO_LENGTH, tcpLength);
    if (ends === undefined || tcp === undefined) continue;
    const id = new DataView(subflowInfo.bytes.buffer, subflowInfo.bytes.byteOffset + at, 4).getUint32(
      0,
      true,
    );
    subflows.push({ id, ...ends, tcp });
  }
  return subflows;
}

/** Reads an option of SOL_MPTCP; undefined for a socket that has none, since it speaks plain TCP. */
function multipathOption(fd: number, name: number, value: Uint8Array): number | undefined {
  try {
    return getsockopt(fd, SOL_MPTCP, name, value);
  } catch (error) {
    if (error instanceof SystemError && (error.code === 'ENOTSUP' || error.code === 'ENOPROTOOPT')) {
      return undefined;
    }
    throw error;
  }
}

/** Reads an option that gives an array with one element a subflow behind a struct mptcp_subflow_data. */
function subflowData<T>(
  fd: number,
  name: number,
  elementLength: number,
  decode: (bytes: Uint8Array, offset: number, length: number) => T | undefined,
): T[] {
  const bytes = new Uint8Array(SUBFLOW_DATA_HEADER_LENGTH + MAX_SUBFLOWS * elementLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SUBFLOW_DATA_HEADER_LENGTH, true);
  view.setUint32(12, elementLength, true);
  if (multipathOption(fd, name, bytes) === undefined) return [];
  const count = Math.min(view.getUint32(4, true), MAX_SUBFLOWS);
  const length = Math.min(view.getUint32(8, true), elementLength);
  const elements: T[] = [];
  for (let i = 0; i < count; i++) {
    const element = decode(bytes, SUBFLOW_DATA_HEADER_LENGTH + i * elementLength, length);
    if (element !== undefined) elements.push(element);
  }
  return elements;
}
