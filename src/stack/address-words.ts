/** Two addresses as words for a keyed hash. */

import type { IpAddress } from '../wire/index.js';

/** The four 32-bit words of `local`, then those of `remote`, then `more`. */
export function addressWords(local: IpAddress, remote: IpAddress, ...more: number[]): number[] {
  return [local.a, local.b, local.c, local.d, remote.a, remote.b, remote.c, remote.d, ...more];
}
