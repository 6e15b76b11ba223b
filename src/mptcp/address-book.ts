/** What the two hosts of one connection announced to each other. Holds it only. */
import type { IpAddress } from '../wire/index.js';
import type { RemoteAddress } from './path-manager/path-manager.js';

/** An address of this host that was announced. */
export interface Announcement {
  readonly id: number;
  readonly address: IpAddress;
  /** 0 when none was announced. */
  port: number;
  /** How often it was sent. */
  sent: number;
  /** When it is sent again, in ns; Infinity once it was echoed or given up. */
  nextAt: number;
}

/** What both sides announced, for one connection. */
export class AddressBook {
  /** Own addresses, announced and not withdrawn. */
  readonly local: Announcement[] = [];
  /** Addresses of the peer, announced and not withdrawn. */
  readonly remote: RemoteAddress[] = [];
  /** Own address IDs to withdraw as soon as a subflow can carry it. */
  readonly removals: number[] = [];
  /** Whether the peer withdrew the address that the connection began with, ID 0. */
  isInitialRemoved = false;

  /** When the next announcement is due to be repeated, in ns. */
  get nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const announcement of this.local) at = Math.min(at, announcement.nextAt);
    return at;
  }
}

/** Whether `id` fits an address ID, 0 to 255. */
export function isAddressId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= 255;
}
