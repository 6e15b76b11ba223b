/**
 * The Multipath TCP connections of a namespace with their subflows, from the kernel's socket diagnosis; and the connections of TCP that
 * came to a listener of Multipath TCP and are none. Reads only.
 *
 * Read first: sock_diag(7); net/mptcp/mptcp_diag.c of the kernel.
 */
import {
  decodeDiagnosedSocket,
  decodeSubflow,
  DIAGNOSIS_MESSAGE,
  type DiagnosedSocket,
  type RouteMessage,
  socketQuery,
  type SocketState,
} from '../../netlink/index.js';
import { IPPROTO_MPTCP, IPPROTO_TCP } from '../constants.js';
import { decodeConnectionInfo, decodeTcpInfo, type KernelConnectionInfo } from '../mptcp-info.js';
import { RouteSocket } from './route-socket.js';
import type { ListedSubflow } from './subflow-list.js';

const NETLINK_SOCK_DIAG = 4;

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

  /** `limit`: most connections, subflows, listeners and plain connections each. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** @throws NetlinkError `ENOENT` where the kernel has no diagnosis of Multipath TCP (before Linux 5.9, or without the module). */
  read(): ConnectionListing {
    const connections: ListedConnection[] = [];
    const listeners: ListedPlain[] = [];
    let isWhole = true;
    const keep = <T>(list: T[], item: T): void => {
      if (list.length < this.limit) list.push(item);
      else isWhole = false;
    };
    this.each(IPPROTO_MPTCP, [...livingStates, 'listen', 'closed'], (message) => {
      const socket = decodeDiagnosedSocket(message);
      if (socket === undefined) return;
      const { info, ...rest } = socket;
      const mptcp = decodeConnectionInfo(info, 0, info.length);
      if (rest.state === 'listen') keep(listeners, rest);
      else if (mptcp !== undefined) keep(connections, { ...rest, mptcp });
    });
    return { connections, listeners, ...this.readTcp(listeners, keep), isWhole };
  }

  /** Subflows, and what is none though a listener of Multipath TCP has its end. */
  private readTcp(
    listeners: readonly ListedPlain[],
    keep: <T>(list: T[], item: T) => void,
  ): Pick<ConnectionListing, 'subflows' | 'plain'> {
    const subflows: ListedSubflow[] = [];
    const plain: ListedPlain[] = [];
    const ports = new Map<number, ReadonlySet<string>>();
    for (const { local } of listeners)
      ports.set(local.port, new Set([...(ports.get(local.port) ?? []), local.address]));
    this.each(IPPROTO_TCP, livingStates, (message) => {
      const subflow = decodeSubflow(message);
      if (subflow !== undefined) {
        const tcp = decodeTcpInfo(subflow.tcpInfo, 0, subflow.tcpInfo.length);
        if (tcp !== undefined) keep(subflows, { ...subflow, tcp });
        return;
      }
      const socket = decodeDiagnosedSocket(message);
      if (socket === undefined || !isListenedAt(ports, socket)) return;
      keep(plain, socket);
    });
    return { subflows, plain };
  }

  private each(
    protocol: number,
    states: readonly SocketState[],
    take: (message: RouteMessage) => void,
  ): void {
    for (const family of [4, 6] as const)
      this.socket.dump(
        'socket diagnosis',
        { type: DIAGNOSIS_MESSAGE, ...socketQuery(family, protocol, states) },
        take,
      );
  }

  close(): void {
    this.socket.close();
  }
}

function isListenedAt(ports: ReadonlyMap<number, ReadonlySet<string>>, { local }: DiagnosedSocket): boolean {
  const addresses = ports.get(local.port);
  return addresses !== undefined && [local.address, '0.0.0.0', '::'].some((each) => addresses.has(each));
}
