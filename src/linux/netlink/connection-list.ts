/**
 * The Multipath TCP connections of a namespace with their subflows, from the kernel's socket diagnosis; and the connections of TCP that
 * came to a listener of Multipath TCP and are none. Reads only.
 *
 * Read first: sock_diag(7); net/mptcp/mptcp_diag.c of the kernel.
 */
import {
  decodeDiagnosedSocket,
  DIAGNOSIS_MESSAGE,
  type DiagnosedSocket,
  type RouteMessage,
  socketQuery,
  type SocketState,
} from '../../netlink/index.js';
import { IPPROTO_MPTCP, IPPROTO_TCP } from '../constants.js';
import { decodeConnectionInfo, type KernelConnectionInfo } from '../mptcp-info.js';
import { NETLINK_SOCK_DIAG, RouteSocket } from './route-socket.js';
import { type ListedSubflow, listedSubflow } from './subflow-list.js';

/** States in which a socket has a peer, or is about to. */
const livingStates: readonly SocketState[] = [
  ...(['established', 'syn-sent', 'syn-received', 'fin-wait-1', 'fin-wait-2'] as const),
  ...(['close-wait', 'last-ack', 'closing'] as const),
];

/** A connection. */
export interface ListedConnection extends Omit<DiagnosedSocket, 'info'> {
  readonly mptcp: KernelConnectionInfo;
}

/** A connection of TCP, or a listener. */
export type ListedPlain = Omit<DiagnosedSocket, 'info'>;

/** What there is at one time. */
export interface ConnectionListing {
  readonly connections: readonly ListedConnection[];
  /** Of all connections; none without CAP_NET_ADMIN where the kernel tells nobody else what a subflow belongs to (before Linux 6.15). */
  readonly subflows: readonly ListedSubflow[];
  /** At a listener of Multipath TCP, and without it; all TCP of such a port where subflows cannot be told from others. */
  readonly plain: readonly ListedPlain[];
  /** Listeners of Multipath TCP. */
  readonly listeners: readonly ListedPlain[];
  /** Whether that is all, and not as many as were asked for. */
  readonly isWhole: boolean;
}

/** Asks for them, in the namespace of the thread that makes this. */
export class ConnectionList {
  private readonly socket = new RouteSocket(NETLINK_SOCK_DIAG);
  private readonly limit: number;

  /** `limit`: most connections, most listeners, and most subflows and plain connections together. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** @throws NetlinkError `ENOENT` where the kernel has no diagnosis of Multipath TCP (before Linux 5.9, or without the module). */
  read(): ConnectionListing {
    const listeners = this.dump(IPPROTO_MPTCP, ['listen'], plainSocket);
    const connections = this.dump(IPPROTO_MPTCP, [...livingStates, 'closed'], connection);
    const tcp = this.dump(IPPROTO_TCP, livingStates, tcpSocketAt(listeners.items));
    return {
      ...{ listeners: listeners.items, connections: connections.items },
      subflows: tcp.items.filter((socket) => 'tcp' in socket),
      plain: tcp.items.filter((socket): socket is ListedPlain => !('tcp' in socket)),
      isWhole: listeners.isWhole && connections.isWhole && tcp.isWhole,
    };
  }

  /** What `read` makes of the sockets of both families, up to the limit. */
  private dump<T>(
    protocol: number,
    states: readonly SocketState[],
    read: (message: RouteMessage) => T | undefined,
  ): { readonly items: readonly T[]; readonly isWhole: boolean } {
    const items: T[] = [];
    for (const family of [4, 6] as const) {
      const request = { type: DIAGNOSIS_MESSAGE, ...socketQuery(family, protocol, states) };
      // One more than there is room for shows that there are more.
      const most = this.limit - items.length + 1;
      for (const item of this.socket.dump('socket diagnosis', request, read, most)) items.push(item);
    }
    return { items: items.slice(0, this.limit), isWhole: items.length <= this.limit };
  }

  close(): void {
    this.socket.close();
  }
}

/** Reads a socket without the structure of its protocol, whose bytes are of the message. */
export function plainSocket(message: RouteMessage): ListedPlain | undefined {
  const socket = decodeDiagnosedSocket(message);
  if (socket === undefined) return undefined;
  const { state, local, remote, cookie, uid, inode, receiveQueue, sendQueue } = socket;
  return { state, local, remote, cookie, uid, inode, receiveQueue, sendQueue };
}

/** Reads a connection. */
function connection(message: RouteMessage): ListedConnection | undefined {
  const socket = decodeDiagnosedSocket(message);
  const mptcp = socket && decodeConnectionInfo(socket.info, 0, socket.info.length);
  if (mptcp === undefined) return undefined;
  const { state, local, remote, cookie, uid, inode, receiveQueue, sendQueue } = socket!;
  return { state, local, remote, cookie, uid, inode, receiveQueue, sendQueue, mptcp };
}

/** Reads subflows, and what is none though one of the listeners has its end. */
function tcpSocketAt(
  listeners: readonly ListedPlain[],
): (message: RouteMessage) => ListedSubflow | ListedPlain | undefined {
  const addresses = new Map<number, Set<string>>();
  for (const { local } of listeners) {
    const known = addresses.get(local.port);
    if (known === undefined) addresses.set(local.port, new Set([local.address]));
    else known.add(local.address);
  }
  const isListenedAt = ({ local }: ListedPlain): boolean => {
    const there = addresses.get(local.port);
    return there !== undefined && [local.address, '0.0.0.0', '::'].some((each) => there.has(each));
  };
  return (message) => {
    const subflow = listedSubflow(message);
    if (subflow !== undefined) return subflow;
    const socket = plainSocket(message);
    return socket !== undefined && isListenedAt(socket) ? socket : undefined;
  };
}
