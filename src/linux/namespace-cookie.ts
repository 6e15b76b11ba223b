/** What tells a network namespace from all others that there were since the machine started. */
import { closeSync, readlinkSync } from 'node:fs';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from './constants.js';
import { getsockopt, socket } from './libc.js';
import { SystemError } from './system-error.js';

const SO_NETNS_COOKIE = 71;

/**
 * The name of the calling thread's namespace: letters and digits. Before Linux 5.14 it is that of an inode, which may come again when the
 * namespace is gone.
 */
export function namespaceName(): string {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const value = new Uint8Array(8);
    getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value);
    return new DataView(value.buffer).getBigUint64(0, true).toString();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return `inode${/\d+/.exec(readlinkSync('/proc/thread-self/ns/net'))?.[0] ?? ''}`;
  } finally {
    closeSync(fd);
  }
}
