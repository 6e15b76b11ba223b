import { isIPv6 } from 'node:net';
import type { Socket } from '../node/index.js';

/** One subflow in a command's JSON. */
export interface SubflowReport {
  readonly local: string;
  readonly remote: string;
  /** Null with the kernel's transport, which does not tell. */
  readonly backup: boolean | null;
  readonly rttMs: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

function endpoint(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The subflows that a connection had, each as it was when it was last seen: a subflow that is gone, or a connection that
 * is over, has nothing more to tell.
 */
export class SubflowLog {
  private readonly socket: Socket;
  private readonly seen = new Map<number, SubflowReport>();

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Looks at the connection as it is now; gives all subflows seen so far, in the order in which they were opened. */
  update(): SubflowReport[] {
    for (const subflow of this.socket.subflows) {
      this.seen.set(subflow.id, {
        local: endpoint(subflow.localAddress, subflow.localPort),
        remote: endpoint(subflow.remoteAddress, subflow.remotePort),
        backup: subflow.backup ?? null,
        rttMs: subflow.rttMs === undefined ? null : Math.round(subflow.rttMs * 1000) / 1000,
        bytesSent: subflow.bytesSent,
        bytesReceived: subflow.bytesReceived,
      });
    }
    return [...this.seen.values()];
  }
}
