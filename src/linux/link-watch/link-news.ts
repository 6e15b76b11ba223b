/**
 * What rtnetlink says about interfaces, their addresses and default routes, as values. Knows no system calls and keeps nothing.
 *
 * Read first: rtnetlink(7), netdevice(7); include/uapi/linux/if_link.h, if_addr.h and rtnetlink.h of the kernel.
 */
import { IpAddress } from '../../wire/index.js';
import { AF_INET, AF_INET6 } from '../constants.js';
import { readAttributes, type RouteMessage, textOf } from '../netlink/index.js';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;

const AF_UNSPEC = 0;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x1_0000;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
/** DADFAILED, DEPRECATED, TENTATIVE: not to be used for what begins now (RFC 4862 §5.4, §5.5.4). */
const IFA_UNUSABLE = 0x08 | 0x20 | 0x40;
/** RFC 4429: an address may be used while it is being checked. */
const IFA_F_OPTIMISTIC = 0x04;
const IFA_F_TENTATIVE = 0x40;

const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTN_UNICAST = 1;
const RTNH_F_DEAD = 1;
/** Not a route, but what was made of one for a destination. */
const RTM_F_CLONED = 0x200;
const NEXT_HOP_BYTES = 8;

/** An interface, or its end. */
export interface LinkNews {
  readonly kind: 'link';
  readonly isGone: boolean;
  readonly index: number;
  readonly name: string;
  /** Kind of its hardware (ARPHRD_... of linux/if_arp.h). */
  readonly hardwareType: number;
  /** Link-layer address; undefined where the message does not say. */
  readonly hardwareAddress: Uint8Array | undefined;
  /** What made it, where that was software: `veth`, `wwan`, `bridge`; empty for others. */
  readonly madeBy: string;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  /** It is up, has a carrier below it, and may be used (RFC 2863: operational state up or unknown). */
  readonly hasCarrier: boolean;
}

/** How far an address is good (rtnetlink's scopes). */
export type AddressScope = 'global' | 'site' | 'link' | 'host';

/** An address of an interface. */
export interface LinkAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly scope: AddressScope;
}

/** An address that came, changed or went. */
export interface AddressNews extends LinkAddress {
  readonly kind: 'address';
  readonly index: number;
  /** It is gone, or not to be used: still being checked, found to be a duplicate, or deprecated. */
  readonly isGone: boolean;
}

/** A default route over an interface. */
export interface DefaultRoute {
  readonly family: 4 | 6;
  /** The router; undefined on a link without one. */
  readonly gateway: IpAddress | undefined;
  /** Lower is better. */
  readonly metric: number;
  /** Number of the routing table; 254 is the main one. */
  readonly table: number;
}

/** A default route came or went, over one or more interfaces. */
export interface RouteNews {
  readonly kind: 'route';
  readonly isGone: boolean;
  readonly hops: readonly { readonly index: number; readonly route: DefaultRoute }[];
}

export type News = LinkNews | AddressNews | RouteNews;

/** Reads a message; undefined for one about anything else, and for one that is cut short. */
export function decodeNews({ type, body }: RouteMessage): News | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return linkNews(body, type === RTM_DELLINK);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return addressNews(body, type === RTM_DELADDR);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeNews(body, type === RTM_DELROUTE);
    default:
      return undefined;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A number of 32 bits; `otherwise` where there is none. */
function u32(bytes: Uint8Array | undefined, otherwise: number): number {
  return bytes?.length === 4 ? viewOf(bytes).getUint32(0, true) : otherwise;
}

function linkNews(body: Uint8Array, isGone: boolean): LinkNews | undefined {
  // A bridge says with its own family that an interface left it.
  if (body.length < 16 || body[0] !== AF_UNSPEC) return undefined;
  const view = viewOf(body);
  const flags = view.getUint32(8, true);
  const attributes = readAttributes(body.subarray(16));
  const name = textOf(attributes.get(IFLA_IFNAME));
  if (name === '') return undefined;
  const info = readAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array(0));
  const passing = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
  return {
    kind: 'link',
    isGone,
    index: view.getInt32(4, true),
    name,
    hardwareType: view.getUint16(2, true),
    // The bytes of a message are not its own for long.
    hardwareAddress: attributes.get(IFLA_ADDRESS)?.slice(),
    madeBy: textOf(info.get(IFLA_INFO_KIND)),
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hasCarrier: (flags & passing) === passing,
  };
}

function addressOf(family: 4 | 6, bytes: Uint8Array | undefined): IpAddress | undefined {
  return bytes?.length === (family === 4 ? 4 : 16) ? IpAddress.read(family, bytes, 0) : undefined;
}

function familyOf(number: number | undefined): 4 | 6 | undefined {
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;
}

function scopeOf(number: number): AddressScope {
  if (number >= 254) return 'host';
  if (number === 253) return 'link';
  return number === 0 ? 'global' : 'site';
}

function addressNews(body: Uint8Array, isDeleted: boolean): AddressNews | undefined {
  const family = familyOf(body[0]);
  if (body.length < 8 || family === undefined) return undefined;
  const attributes = readAttributes(body.subarray(8));
  // On a link between two, IFA_ADDRESS is the other end.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const address = addressOf(family, bytes);
  if (address === undefined) return undefined;
  const flags = u32(attributes.get(IFA_FLAGS), body[2]!);
  const isOptimistic = (flags & IFA_F_OPTIMISTIC) !== 0;
  const unusable = flags & (isOptimistic ? IFA_UNUSABLE & ~IFA_F_TENTATIVE : IFA_UNUSABLE);
  return {
    kind: 'address',
    index: viewOf(body).getUint32(4, true),
    isGone: isDeleted || unusable !== 0,
    address,
    prefixLength: Math.min(body[1]!, 8 * address.byteLength),
    scope: scopeOf(body[3]!),
  };
}

function routeNews(body: Uint8Array, isGone: boolean): RouteNews | undefined {
  const family = familyOf(body[0]);
  // First what most routes fail: to be a default route, for all sources.
  if (body.length < 12 || family === undefined || body[1] !== 0 || body[2] !== 0) return undefined;
  const flags = viewOf(body).getUint32(8, true);
  if (body[7] !== RTN_UNICAST || (flags & RTM_F_CLONED) !== 0) return undefined;
  const attributes = readAttributes(body.subarray(12));
  const common = {
    family,
    metric: u32(attributes.get(RTA_PRIORITY), 0),
    table: u32(attributes.get(RTA_TABLE), body[4]!),
  };
  const gateway = gatewayOf(family, attributes);
  const index = u32(attributes.get(RTA_OIF), 0);
  const several = attributes.get(RTA_MULTIPATH);
  const hops = several === undefined ? [] : hopsOf(several, common);
  if (index > 0 && (flags & RTNH_F_DEAD) === 0) hops.push({ index, route: { ...common, gateway } });
  return { kind: 'route', isGone, hops };
}

/** The router's address: of the same family, or behind its family where IPv4 goes by a router of IPv6. */
function gatewayOf(family: 4 | 6, attributes: ReadonlyMap<number, Uint8Array>): IpAddress | undefined {
  const via = attributes.get(RTA_VIA)?.subarray(2);
  return addressOf(family, attributes.get(RTA_GATEWAY)) ?? addressOf(6, via) ?? addressOf(4, via);
}

/** The numbers of the links that a route leads over. */
export function linksOf(attributes: ReadonlyMap<number, Uint8Array>): number[] {
  const several = attributes.get(RTA_MULTIPATH);
  const common = { family: 4, metric: 0, table: 0 } as const;
  const hops = several === undefined ? [] : hopsOf(several, common).map(({ index }) => index);
  return [u32(attributes.get(RTA_OIF), 0), ...hops];
}

/** The hops of a route that has several: struct rtnexthop, each with attributes of its own. */
function hopsOf(
  bytes: Uint8Array,
  common: Pick<DefaultRoute, 'family' | 'metric' | 'table'>,
): { index: number; route: DefaultRoute }[] {
  const view = viewOf(bytes);
  const hops: { index: number; route: DefaultRoute }[] = [];
  for (let at = 0; at + NEXT_HOP_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < NEXT_HOP_BYTES || at + length > bytes.length) break;
    const attributes = readAttributes(bytes.subarray(at + NEXT_HOP_BYTES, at + length));
    const isDead = (bytes[at + 2]! & RTNH_F_DEAD) !== 0;
    const index = view.getInt32(at + 4, true);
    if (!isDead) hops.push({ index, route: { ...common, gateway: gatewayOf(common.family, attributes) } });
    at += (length + 3) & ~3;
  }
  return hops;
}
