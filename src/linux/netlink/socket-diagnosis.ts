/**
 * The Multipath TCP sockets of the calling thread's namespace, from the kernel's socket diagnosis, and the processes that have
 * them open. Reads only.
 *
 * Read first: sock_diag(7); proc_pid_fd(5).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { DIAGNOSIS_MESSAGE, pathEndText, socketQuery, socketStates } from '../../netlink/index.js';
import { IPPROTO_MPTCP } from '../constants.js';
import { type ListedPlain, plainSocket } from './connection-list.js';
import { NETLINK_SOCK_DIAG, RouteSocket } from './route-socket.js';

/** Bounds of what is read: sockets of each family, processes. */
const MAX_SOCKETS = 10_000;
const MAX_PROCESSES = 10_000;

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
  const sockets = mptcpSockets();
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ state, local, remote, inode }) => ({
    ...{ isListener: state === 'listen', local: pathEndText(local), remote: pathEndText(remote), inode },
    owners: owners.get(inode) ?? [],
  }));
}

function mptcpSockets(): ListedPlain[] {
  const diagnosis = new RouteSocket(NETLINK_SOCK_DIAG);
  try {
    return ([4, 6] as const).flatMap((family) => {
      const request = { type: DIAGNOSIS_MESSAGE, ...socketQuery(family, IPPROTO_MPTCP, socketStates) };
      return diagnosis.dump('socket diagnosis', request, plainSocket, MAX_SOCKETS);
    });
  } finally {
    diagnosis.close();
  }
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
