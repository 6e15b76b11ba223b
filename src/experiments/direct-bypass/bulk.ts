/** Both ends of transfers in one direction: who has the data writes it all and shuts down, the other end counts. */

import { NEVER } from '../../base/index.js';
import type { Application } from '../../network/index.js';
import type { Socket, StackEvent } from '../../stack/index.js';

/** Bytes of one write. */
const chunkBytes = 64 * 1024;

/** One end of a connection. */
export interface BulkConnection {
  readonly socket: Socket;
  /** Bytes that are still to be written. */
  left: number;
  received: number;
  /** When the last byte arrived, in ns; NEVER before it has. */
  completedAtNs: number;
}

/** An application that sends so many bytes on each of its connections, and receives so many. */
export class BulkEnd implements Application {
  readonly connections: BulkConnection[] = [];
  private readonly sendBytes: number;
  private readonly receiveBytes: number;

  constructor(sendBytes: number, receiveBytes: number) {
    this.sendBytes = sendBytes;
    this.receiveBytes = receiveBytes;
  }

  /** Takes a socket over. */
  add(socket: Socket): BulkConnection {
    const connection = { socket, left: this.sendBytes, received: 0, completedAtNs: NEVER };
    this.connections.push(connection);
    return connection;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let next = event.listener.accept(); next !== undefined; next = event.listener.accept())
        this.write(now, this.add(next));
      return;
    }
    const connection = this.connections.find(({ socket }) => socket === event.socket);
    if (connection === undefined) return;
    if (event.type === 'established' || event.type === 'writable') this.write(now, connection);
    else if (event.type === 'readable') this.read(now, connection);
    else if (event.type === 'peer-closed') {
      this.read(now, connection);
      connection.socket.close(now);
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Waits for nothing but its peers.
  }

  private write(now: number, connection: BulkConnection): void {
    const { socket } = connection;
    if (connection.left === 0 || socket.state === 'closed') return;
    let hasRoom = true;
    while (hasRoom && connection.left > 0) {
      const length = Math.min(chunkBytes, connection.left);
      connection.left -= length;
      hasRoom = socket.write(now, new Uint8Array(length));
    }
    if (connection.left === 0) socket.shutdown(now);
  }

  private read(now: number, connection: BulkConnection): void {
    const { socket } = connection;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
      connection.received += bytes.length;
    if (connection.received === this.receiveBytes && connection.completedAtNs === NEVER)
      connection.completedAtNs = now;
  }
}
