/**
 * What a connection of ours is told and asked again and again, without an object for each call: memory that the calls need
 * is there once for the thread.
 *
 * Read first: socket(7), tcp(7).
 */
import { getSystemErrorName } from 'node:util';
import { IPPROTO_TCP, SO_ERROR, SO_LINGER, SOL_SOCKET } from './constants.js';
import { foreignFunction, lastErrno, NativeBuffer } from './libc.js';

interface Calls {
  readonly get: (fd: number, level: number, name: number, value: number, length: number) => number;
  readonly set: (fd: number, level: number, name: number, value: number, length: number) => number;
  /** An int, and its length; and `struct linger`: on, 0 s. */
  readonly cells: NativeBuffer;
  readonly view: DataView;
}

const TCP_NODELAY = 1;
const VALUE = 0;
const LENGTH = 4;
const LINGER = 8;
const CELLS_BYTES = 16;

let calls: Calls | undefined;

function bound(): Calls {
  return (calls ??= bind());
}

function bind(): Calls {
  const cells = new NativeBuffer(CELLS_BYTES);
  const view = new DataView(cells.bytes.buffer, cells.bytes.byteOffset, CELLS_BYTES);
  view.setInt32(LINGER, 1, true);
  view.setInt32(LINGER + 4, 0, true);
  return {
    get: foreignFunction('int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t length)'),
    set: foreignFunction('int setsockopt(int fd, int level, int name, uintptr_t value, uint32_t length)'),
    cells,
    view,
  };
}

/** Has what is written leave at once, with whatever is held back already (Nagle's algorithm off). */
export function setNoDelay(fd: number): void {
  const { set, cells, view } = bound();
  view.setInt32(VALUE, 1, true);
  // On a connection that has failed since there is nothing to be sent.
  set(fd, IPPROTO_TCP, TCP_NODELAY, cells.address + VALUE, 4);
}

/** Why the connection is broken, or was not made, by the system's name: `ECONNREFUSED`; undefined where it is not. Told once. */
export function takeSocketError(fd: number): string | undefined {
  const { get, cells, view } = bound();
  view.setInt32(LENGTH, 4, true);
  if (get(fd, SOL_SOCKET, SO_ERROR, cells.address + VALUE, cells.address + LENGTH) < 0)
    return getSystemErrorName(-lastErrno());
  const errno = view.getInt32(VALUE, true);
  return errno === 0 ? undefined : getSystemErrorName(-errno);
}

/** Has the descriptor's closing reset the connection, and drop what has not left. */
export function resetOnClose(fd: number): void {
  const { set, cells } = bound();
  set(fd, SOL_SOCKET, SO_LINGER, cells.address + LINGER, 8);
}
