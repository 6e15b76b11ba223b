/**
 * Whether the kernel would send from an address of ours to a host over one of our links: what a subflow there needs. That takes a route
 * over the link, be it in the main table, beside others of other metrics, or in a table of the link's own behind a rule for the address.
 *
 * Read first: rtnetlink(7), ip-rule(8).
 */
import { SubflowError } from '../../base/index.js';
import type { IpAddress } from '../../wire/index.js';
import { AF_INET, AF_INET6 } from '../constants.js';
import type { NetworkNamespace } from '../namespace.js';
import { readAttributes, RouteSocket } from '../netlink/index.js';
import { linksOf } from './link-news.js';

const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTN_UNICAST = 1;
/**
 * Asks for the route that matches. Without it the kernel, asked about one link, takes every host for one on that link.
 */
const RTM_F_FIB_MATCH = 0x2000;
const HEADER_BYTES = 12;

/** A way to be asked about. */
export interface Way {
  /** Number of the link. */
  readonly link: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

export class Reach {
  private readonly socket: RouteSocket;

  /** Asks in `namespace`; in the calling thread's by default. */
  constructor(namespace?: NetworkNamespace) {
    const open = (): RouteSocket => new RouteSocket();
    this.socket = namespace === undefined ? open() : namespace.run(open);
  }

  /** Whether there is this way, as far as the kernel says. */
  has({ link, source, destination }: Way): boolean {
    const header = new Uint8Array(HEADER_BYTES);
    header[0] = destination.family === 4 ? AF_INET : AF_INET6;
    header[1] = header[2] = 8 * destination.byteLength;
    new DataView(header.buffer).setUint32(8, RTM_F_FIB_MATCH, true);
    const attributes = [
      { type: RTA_DST, bytes: destination.toBytes() },
      { type: RTA_SRC, bytes: source.toBytes() },
      { type: RTA_OIF, u32: link },
    ];
    try {
      const answer = this.socket.request('the way to a peer', { type: RTM_GETROUTE, header, attributes });
      if (answer === undefined || answer[7] !== RTN_UNICAST) return false;
      return linksOf(readAttributes(answer.subarray(HEADER_BYTES))).includes(link);
    } catch (error) {
      // ENETUNREACH, EHOSTUNREACH, ENODEV and the like, or no answer at all.
      if (error instanceof SubflowError) return false;
      throw error;
    }
  }

  close(): void {
    this.socket.close();
  }
}
