/** The number that the kernel knows an interface by. */
import { closeSync } from 'node:fs';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../constants.js';
import { ioctl, socket } from '../libc.js';

const SIOCGIFINDEX = 0x8933;
/** Bytes of `struct ifreq`, of its name, and of the longest name. */
const REQUEST_BYTES = 40;
const NAME_BYTES = 16;

/** The index of the interface called `name` in the calling thread's namespace. Throws SystemError `ENODEV`. */
export function interfaceIndex(name: string): number {
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1));
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    ioctl(fd, SIOCGIFINDEX, request, name);
  } finally {
    closeSync(fd);
  }
  return new DataView(request.buffer).getInt32(NAME_BYTES, true);
}
