/**
 * The subflows of all Multipath TCP connections of a namespace with TCP's state of each, from the kernel's socket diagnosis. Reads only.
 *
 * Read first: sock_diag(7).
 */
import {
  decodeSubflow,
  DIAGNOSIS_MESSAGE,
  type DiagnosedSubflow,
  subflowQuery,
} from '../../netlink/index.js';
import { decodeTcpInfo, type KernelTcpInfo } from '../mptcp-info.js';
import { RouteSocket } from './route-socket.js';

const NETLINK_SOCK_DIAG = 4;
/** Most subflows that are given. */
const MAX_SUBFLOWS = 65_536;

/** A subflow, and how TCP does on it. */
export interface ListedSubflow extends DiagnosedSubflow {
  readonly tcp: KernelTcpInfo;
}

/** Asks for them, in the namespace of the thread that makes this. */
export class SubflowList {
  private readonly socket = new RouteSocket(NETLINK_SOCK_DIAG);

  /**
   * All subflows that are being opened, open, or being closed: up to 65,536.
   * @throws NetlinkError where the kernel has no diagnosis of TCP sockets.
   */
  read(): ListedSubflow[] {
    const found: ListedSubflow[] = [];
    for (const family of [4, 6] as const) {
      const request = { type: DIAGNOSIS_MESSAGE, header: subflowQuery(family), attributes: [] };
      this.socket.dump('subflows', request, (message) => {
        const subflow = decodeSubflow(message);
        if (subflow === undefined || found.length >= MAX_SUBFLOWS) return;
        const tcp = decodeTcpInfo(subflow.tcpInfo, 0, subflow.tcpInfo.length);
        if (tcp !== undefined) found.push({ ...subflow, tcp });
      });
    }
    return found;
  }

  close(): void {
    this.socket.close();
  }
}
