/** Messages to UNIX sockets that take datagrams, which Node has none for. */
import { closeSync } from 'node:fs';
import { SOCK_CLOEXEC, SOCK_DGRAM } from './constants.js';
import { sendMessageNow, socket } from './libc.js';

const AF_UNIX = 1;
/** Room for a path (struct sockaddr_un of unix(7)), which needs no zero at its end. */
const MAX_PATH_BYTES = 108;
const EINVAL = 22;

/**
 * Sends `message` to the socket at `path`; one that begins with `@` is in the abstract namespace. Waits for nothing. Gives 0, or the
 * negative errno.
 */
export function sendUnixDatagram(path: string, message: Uint8Array): number {
  const name = new TextEncoder().encode(path);
  if (name.length < 2 || name.length > MAX_PATH_BYTES || name.includes(0)) return -EINVAL;
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  if (path.startsWith('@')) address[2] = 0;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    return sendMessageNow(fd, message, address);
  } finally {
    closeSync(fd);
  }
}
