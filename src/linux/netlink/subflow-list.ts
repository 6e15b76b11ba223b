/**
 * The subflows of all Multipath TCP connections of a namespace with TCP's state of each, from the kernel's socket diagnosis. Reads only.
 *
 * Read first: sock_diag(7).
 */
import {
  decodeSubflow,
  DIAGNOSIS_MESSAGE,
  type DiagnosedSubflow,
  type RouteMessage,
  subflowQuery,
} from '../../netlink/index.js';
import { decodeTcpInfo, type KernelTcpInfo } from '../mptcp-info.js';
import { NETLINK_SOCK_DIAG, RouteSocket } from './route-socket.js';

/** Most subflows that are given. */
const MAX_SUBFLOWS = 65_536;

/** A subflow, and how TCP does on it. */
export interface ListedSubflow extends Omit<DiagnosedSubflow, 'tcpInfo'> {
  readonly tcp: KernelTcpInfo;
}

/** Asks for them, in the namespace of the thread that makes this. */
export class SubflowList {
  private readonly socket = new RouteSocket(NETLINK_SOCK_DIAG);

  /**
   * All subflows that are being opened, open, or being closed: up to 65,536 of each family.
   * @throws NetlinkError where the kernel has no diagnosis of TCP sockets.
   */
  read(): ListedSubflow[] {
    return ([4, 6] as const).flatMap((family) => {
      const request = { type: DIAGNOSIS_MESSAGE, header: subflowQuery(family), attributes: [] };
      return this.socket.dump('subflows', request, listedSubflow, MAX_SUBFLOWS);
    });
  }

  close(): void {
    this.socket.close();
  }
}

/** Reads a subflow with TCP's state; undefined for what is none. */
export function listedSubflow(message: RouteMessage): ListedSubflow | undefined {
  const subflow = decodeSubflow(message);
  const tcp = subflow && decodeTcpInfo(subflow.tcpInfo, 0, subflow.tcpInfo.length);
  if (tcp === undefined) return undefined;
  // There are tens of thousands: in one piece they are made ten times as fast as by spreading.
  const { token, family, state, cookie, local, remote, localId, remoteId } = subflow!;
  const { isJoin, isJoinOfOurs, isBackup, isBackupForPeer, interfaceIndex } = subflow!;
  return {
    token,
    family,
    state,
    cookie,
    local,
    remote,
    localId,
    remoteId,
    isJoin,
    isJoinOfOurs,
    isBackup,
    isBackupForPeer,
    interfaceIndex,
    tcp,
  };
}
