/**
 * The socket by which the kernel tells of the connections, subflows and addresses of a namespace.
 *
 * Read first: Documentation/netlink/specs/mptcp_pm.yaml of the kernel.
 */
import {
  decodePathEvent,
  type KernelPathEvent,
  PATH_MANAGER_EVENTS,
  PATH_MANAGER_FAMILY,
} from '../../netlink/index.js';
import type { ReadableWatch } from '../libc.js';
import { NetlinkSocket } from './netlink-socket.js';

/** Listens to the events of the namespace that it was opened in; holds no process alive. */
export class KernelPathEvents {
  private readonly socket = new NetlinkSocket();
  private readonly watch: ReadableWatch;
  private closed = false;

  /**
   * Calls `onEvent` from the event loop for each event, and `onLost` where there were more than the kernel could hold.
   * @throws SystemError `EPERM` without CAP_NET_ADMIN.
   * @throws NetlinkError `ENOENT` where the kernel has no such events (before Linux 5.12).
   */
  constructor(onEvent: (event: KernelPathEvent) => void, onLost: () => void) {
    try {
      this.socket.subscribe(PATH_MANAGER_FAMILY, PATH_MANAGER_EVENTS);
    } catch (error) {
      this.socket.close();
      throw error;
    }
    this.watch = this.socket.watch(() => {
      const { replies, isWhole } = this.socket.drain();
      for (const reply of replies) {
        const event = decodePathEvent(reply);
        if (event !== undefined && !this.closed) onEvent(event);
      }
      if (!isWhole && !this.closed) onLost();
    });
  }

  /** Stops listening. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch.close();
    this.socket.close();
  }
}
