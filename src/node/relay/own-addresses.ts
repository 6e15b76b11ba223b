/** Which addresses are this machine's own, for all proxies of this thread. */
import { OwnAddresses } from '../../linux/index.js';
import type { IpAddress } from '../../wire/index.js';

let shared: OwnAddresses | undefined;

/** Whether packets to `address` stay on this machine, as the kernel of this thread's namespace says. */
export function isOwnAddress(address: IpAddress): boolean {
  return (shared ??= new OwnAddresses()).has(address);
}
