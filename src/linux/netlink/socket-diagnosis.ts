/**
 * The Multipath TCP sockets of the calling thread's namespace, from the kernel's socket diagnosis, and the processes that have
 * them open. Reads only.
 *
 * Read first: sock_diag(7); proc_pid_fd(5).
 */
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { formatEndpoint, IpAddress } from '../../wire/index.js';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  IPPROTO_MPTCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from '../constants.js';
import { NativeBuffer, receiveInto, sendFrom, socket, SocketAddressBuffer } from '../libc.js';
import { NetlinkError } from './netlink-socket.js';

const AF_NETLINK = 16;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const INET_DIAG_REQ_PROTOCOL = 3;
const HEADER_BYTES = 16;
/** struct inet_diag_req_v2, struct inet_diag_msg. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const BUFFER_BYTES = 64 << 10;
/** Bounds of what is read: messages, sockets, processes. */
const MAX_READS = 256;
const MAX_SOCKETS = 10_000;
const MAX_PROCESSES = 10_000;
const TCP_LISTEN = 10;

/** A process. */
export interface SocketOwner {
  readonly pid: number;
  readonly name: string;
}

/** A Multipath TCP socket of the kernel's. */
export interface KernelMptcpSocket {
  readonly isListener: boolean;
  readonly local: string;
  readonly remote: string;
  readonly inode: number;
  /** Who has it open, as far as /proc lets this program see. */
  readonly owners: readonly SocketOwner[];
}

/** All Multipath TCP sockets. @throws NetlinkError where the kernel has no diagnosis for them. */
export function kernelMptcpSockets(): KernelMptcpSocket[] {
  const sockets = [AF_INET, AF_INET6].flatMap(socketsOf);
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map((one) => ({ ...one, owners: owners.get(one.inode) ?? [] }));
}

type BareSocket = Omit<KernelMptcpSocket, 'owners'>;

function socketsOf(family: number): BareSocket[] {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  try {
    const request = new NativeBuffer(HEADER_BYTES + REQUEST_BYTES + 8);
    writeRequest(request.bytes, family);
    const kernel = new Uint8Array(12);
    new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
    const sent = sendFrom(fd, request.address, request.bytes.length, kernel);
    if (sent < 0) throw new NetlinkError('socket diagnosis', -sent, '');
    return readSockets(fd);
  } finally {
    closeSync(fd);
  }
}

function writeRequest(bytes: Uint8Array, family: number): void {
  bytes.fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST_DUMP, true);
  view.setUint8(HEADER_BYTES, family);
  // The field has one byte; the protocol's number has more, and stands in the attribute.
  view.setUint8(HEADER_BYTES + 1, IPPROTO_MPTCP & 0xff);
  view.setUint32(HEADER_BYTES + 4, 0xffff_ffff, true);
  const attribute = HEADER_BYTES + REQUEST_BYTES;
  view.setUint16(attribute, 8, true);
  view.setUint16(attribute + 2, INET_DIAG_REQ_PROTOCOL, true);
  view.setUint32(attribute + 4, IPPROTO_MPTCP, true);
}

function readSockets(fd: number): BareSocket[] {
  const buffer = new NativeBuffer(BUFFER_BYTES);
  const from = new SocketAddressBuffer();
  const sockets: BareSocket[] = [];
  for (let i = 0; i < MAX_READS && sockets.length < MAX_SOCKETS; i++) {
    const length = receiveInto(fd, buffer.address, BUFFER_BYTES, from);
    if (length === -EAGAIN) break;
    if (length < 0) throw new NetlinkError('socket diagnosis', -length, '');
    if (takeMessages(buffer.bytes.slice(0, length), sockets)) break;
  }
  return sockets;
}

/** Adds the sockets of one reply to `sockets`; returns whether it was the last. */
function takeMessages(bytes: Uint8Array, sockets: BareSocket[]): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) return true;
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR && length >= HEADER_BYTES + 4)
      throw new NetlinkError('socket diagnosis', -view.getInt32(at + HEADER_BYTES, true), '');
    if (length >= HEADER_BYTES + MESSAGE_BYTES) sockets.push(socketOf(bytes, at + HEADER_BYTES));
    at += (length + 3) & ~3;
  }
  return false;
}

function socketOf(bytes: Uint8Array, at: number): BareSocket {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, MESSAGE_BYTES);
  const family = view.getUint8(0) === AF_INET ? 4 : 6;
  const end = (port: number, address: number): string =>
    formatEndpoint({ address: IpAddress.read(family, bytes, at + address), port: view.getUint16(port) });
  return {
    isListener: view.getUint8(1) === TCP_LISTEN,
    local: end(4, 8),
    remote: end(6, 24),
    inode: view.getUint32(68, true),
  };
}

/** Who has which of the sockets open. */
function ownersOf(inodes: ReadonlySet<number>): Map<number, SocketOwner[]> {
  const owners = new Map<number, SocketOwner[]>();
  if (inodes.size === 0) return owners;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, MAX_PROCESSES)) {
    for (const inode of new Set(socketsOpenIn(pid))) {
      if (!inodes.has(inode)) continue;
      owners.set(inode, [...(owners.get(inode) ?? []), { pid: Number(pid), name: nameOf(pid) }]);
    }
  }
  return owners;
}

/** Inodes of the sockets that a process has open; none where /proc keeps them to itself. */
function socketsOpenIn(pid: string): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const match = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`));
      return match === null ? [] : [Number(match[1])];
    });
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '?';
  }
}
