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

/** The subflows that `socket` has now. */
export function describeSubflows(socket: Socket): SubflowReport[] {
  return socket.subflows.map((subflow) => ({
    local: endpoint(subflow.localAddress, subflow.localPort),
    remote: endpoint(subflow.remoteAddress, subflow.remotePort),
    backup: subflow.backup ?? null,
    rttMs: subflow.rttMs ?? null,
    bytesSent: subflow.bytesSent,
    bytesReceived: subflow.bytesReceived,
  }));
}
