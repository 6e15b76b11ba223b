/**
 * Small networks made in one call. Addresses follow from the number of the path, so that a reader of a capture knows
 * where a packet was seen: path 0 is 10.0.0.0/24 and fd00::/64, path 1 is 10.0.1.0/24 and fd00:0:0:1::/64, and so on.
 */

import type { Stack } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import type { Device } from './device.js';
import { Host } from './host.js';
import { Link, type LinkSetup } from './link.js';
import type { Simulator } from './simulator.js';

/** Which versions of IP a path carries. */
export type PathFamilies = 'ipv4' | 'ipv6' | 'both';

/** The two sides of {@link twoHosts}. */
export type Side = 'client' | 'server';

/** One path: a link with a subnet of its own. */
export interface PathSetup extends LinkSetup {
  /** Default: ipv4. */
  readonly families?: PathFamilies;
  /** What the client's end has instead, with a translator between. Default: {@link families}. */
  readonly clientFamilies?: PathFamilies;
  /** Address that the client's interface has instead of the path's own; for a client behind a NAT. */
  readonly clientAddress?: IpAddress;
  /** Prefers this path to those with a higher number, for connections that asked for none. Default: its index. */
  readonly metric?: number;
  /** Whether the client asks for subflows over this path to be backups. Default false. */
  readonly backup?: boolean;
  /** Puts something before the device of a side: a tap, a middlebox. It gets the device and returns the new one. */
  readonly wrap?: (device: Device, side: Side) => Device;
}

/** What {@link twoHosts} needs. */
export interface TwoHostsSetup {
  readonly client: Stack;
  readonly server: Stack;
  readonly paths: readonly PathSetup[];
}

/** Two hosts and the links between them. */
export interface TwoHosts {
  readonly client: Host;
  readonly server: Host;
  /** The client is at the left, the server at the right end of each. */
  readonly links: readonly Link[];
}

/** The last two groups of the address of each side. */
const hostNumber = { server: 1, client: 2 } as const;

/** The address of a side on path `index`: 10.0.INDEX.1 or fd00:0:0:INDEX::1 for the server, .2 for the client. */
export function pathAddress(index: number, side: Side, family: 4 | 6): IpAddress {
  const host = hostNumber[side];
  return family === 4
    ? new IpAddress(4, 0, 0, 0, 0x0a00_0000 + index * 256 + host)
    : new IpAddress(6, 0xfd00_0000, index, 0, host);
}

/** A client and a server with one link, and one interface each, for every path. */
export function twoHosts(simulator: Simulator, setup: TwoHostsSetup): TwoHosts {
  const client = new Host(simulator, 'client', setup.client);
  const server = new Host(simulator, 'server', setup.server);
  const links = setup.paths.map((path, index) => {
    const link = new Link(simulator, path);
    attach(simulator, client, { path, index, side: 'client', device: link.left });
    attach(simulator, server, { path, index, side: 'server', device: link.right });
    return link;
  });
  return { client, server, links };
}

/** One end of a path. */
interface PathEnd {
  readonly path: PathSetup;
  readonly index: number;
  readonly side: Side;
  readonly device: Device;
}

function attach(simulator: Simulator, host: Host, { path, index, side, device }: PathEnd): void {
  const shared = path.families ?? 'ipv4';
  const families = side === 'client' ? (path.clientFamilies ?? shared) : shared;
  const backup = side === 'client' && (path.backup ?? false);
  const own = side === 'client' ? path.clientAddress : undefined;
  const addresses = [];
  if (families !== 'ipv6') {
    const address = own?.family === 4 ? own : pathAddress(index, side, 4);
    addresses.push({ address, prefixLength: 24, backup });
  }
  if (families !== 'ipv4') {
    const address = own?.family === 6 ? own : pathAddress(index, side, 6);
    addresses.push({ address, prefixLength: 64, backup });
  }
  const wrapped = path.wrap?.(device, side) ?? device;
  host.addDevice(simulator.now, wrapped, { name: `path${index}`, addresses, metric: path.metric ?? index });
}
