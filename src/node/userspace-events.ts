/** Who in this layer hears of what happens in the stack: sockets and servers, each standing in the `data` of its inner one. */
import type { PathNotice, Socket as StackSocket, StackEvent } from '../stack/index.js';

/** Who hears of what happens to a socket of the stack; stands in its `data`. */
export interface SocketEvents {
  handleEstablished(): void;
  handleReadable(): void;
  handleWritable(): void;
  handlePeerClosed(): void;
  handlePath(notice: PathNotice): void;
  handleClosed(error: StackSocket['error']): void;
  /** The host is gone, and the connection with it. */
  handleHostClosed(): void;
}

/** Who hears of what happens to a listener of the stack; stands in its `data`. */
export interface ListenerEvents {
  handleAcceptable(): void;
  /** The host is gone. */
  handleHostClosed(): void;
}

/** Hands an event of the stack to whom it concerns. */
export function deliver(event: StackEvent): void {
  if (event.type === 'acceptable') {
    (event.listener.data as ListenerEvents | undefined)?.handleAcceptable();
    return;
  }
  const events = event.socket.data as SocketEvents | undefined;
  if (events === undefined) return;
  switch (event.type) {
    case 'established':
      events.handleEstablished();
      break;
    case 'readable':
      events.handleReadable();
      break;
    case 'writable':
      events.handleWritable();
      break;
    case 'peer-closed':
      events.handlePeerClosed();
      break;
    case 'path':
      events.handlePath(event.notice);
      break;
    case 'closed':
      events.handleClosed(event.error);
      break;
  }
}
