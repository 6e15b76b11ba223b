/** Plain TCP connections of health checks, in the namespace where the servers can be reached. */
import net from 'node:net';
import { closeSync } from 'node:fs';
import type { Server } from '../../../balancer/index.js';
import { openKernelSocket, type NetworkNamespace } from '../../../linux/index.js';

/** The part of `net`'s handle that is used here. */
interface TcpHandle {
  open(fd: number): number;
}

/** Begins a connection to `port` at the server's own address. Errors are events. */
export function connectTo(server: Server, port: number, namespace: NetworkNamespace | undefined): net.Socket {
  const { address } = server;
  const socket = new net.Socket();
  if (namespace !== undefined) {
    // The last word before net connects: the handle has no descriptor yet, and takes one of another namespace.
    socket.once('connectionAttempt', () => {
      const fd = openKernelSocket({ family: address.family, protocol: 'tcp', namespace });
      const handle = (socket as unknown as { _handle: TcpHandle })._handle;
      if (handle.open(fd) !== 0) closeSync(fd);
    });
  }
  return socket.connect({ host: address.toString(), port, autoSelectFamily: false });
}
