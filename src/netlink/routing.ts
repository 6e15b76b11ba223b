/**
 * Routes and the rules that choose a table of routes, as rtnetlink has them: enough to give each interface a table of its own, to find
 * those again, and to tell them from what others made.
 *
 * Read first: rtnetlink(7), ip-rule(8), ip-route(8); include/uapi/linux/rtnetlink.h and fib_rules.h of the kernel.
 */
import type { IpAddress } from '../wire/index.js';
import { type Attribute, readAttributes } from './message.js';
import type { RouteMessage } from './route-message.js';
import { addressOf, bytesOfAddress, familyNumber, familyOf, numberOf } from './values.js';

/** RTM_... */
export const routingMessages = Object.freeze({
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
});

const HEADER_BYTES = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTN_UNICAST = 1;
const RT_SCOPE_LINK = 253;
const RT_TABLE_COMPAT = 252;

const FRA_SRC = 2;
const FRA_PRIORITY = 6;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_PROTOCOL = 21;
const FR_ACT_TO_TBL = 1;
const NO_SUPPRESSION = 0xffff_ffff;

/** The main table. */
export const MAIN_TABLE = 254;

/** A default route over one interface. */
export interface TableRoute {
  readonly family: 4 | 6;
  /** Number of the table, 1 to 2^32 - 1. */
  readonly table: number;
  /** Who made it (RTPROT_..., 0 to 255). */
  readonly protocol: number;
  readonly interfaceIndex: number;
  /** The router; undefined on a link without one. */
  readonly gateway: IpAddress | undefined;
}

/** A rule: packets from `source`, or from a network of which that is the address, go by `table`. */
export interface SourceRule {
  readonly source: IpAddress;
  /** How many bits of it count, 1 to 32 or 128. */
  readonly prefixLength: number;
  readonly table: number;
  /** Rules are asked in the order of these, lowest first. */
  readonly priority: number;
  /** Who made it (RTPROT_...). */
  readonly protocol: number;
  /** Whether the table's default routes do not count. */
  readonly isWithoutDefault: boolean;
}

/** A message in two parts: the structure of its type, and attributes. */
export interface RoutingBody {
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
}

/** A route that makes, or deletes, just this one. */
export function routeBody(route: TableRoute): RoutingBody {
  const { family, table, protocol, interfaceIndex, gateway } = route;
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = familyNumber(family);
  header[4] = table < 256 ? table : RT_TABLE_COMPAT;
  header[5] = protocol;
  // IPv6 has no scopes of routes.
  header[6] = gateway === undefined && family === 4 ? RT_SCOPE_LINK : 0;
  header[7] = RTN_UNICAST;
  const attributes: Attribute[] = [
    { type: RTA_TABLE, u32: table },
    { type: RTA_OIF, u32: interfaceIndex },
  ];
  if (gateway !== undefined) attributes.push(gatewayAttribute(family, gateway));
  return { header, attributes };
}

/** A router of another family stands behind its family (RFC 8950 made them common). */
function gatewayAttribute(family: 4 | 6, gateway: IpAddress): Attribute {
  const bytes = bytesOfAddress(gateway);
  if (gateway.family === family) return { type: RTA_GATEWAY, bytes };
  return { type: RTA_VIA, bytes: Uint8Array.of(familyNumber(gateway.family), 0, ...bytes) };
}

/** Everything of a table in one family, or of all tables where it is 0. */
export function routeQuery(family: 4 | 6): RoutingBody {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = familyNumber(family);
  return { header, attributes: [] };
}

/** The route that the kernel would take to `destination`; the eighth byte of the answer is the type of it (RTN_...). */
export function routeQueryTo(destination: IpAddress): RoutingBody {
  const { header } = routeQuery(destination.family);
  header[1] = 8 * destination.byteLength;
  return { header, attributes: [{ type: RTA_DST, bytes: bytesOfAddress(destination) }] };
}

/** Reads a default route over one interface; undefined for any other message. */
export function decodeTableRoute({ type, body }: RouteMessage): TableRoute | undefined {
  if (type !== routingMessages.newRoute || body.length < HEADER_BYTES) return undefined;
  const family = familyOf(body[0]);
  const attributes = readAttributes(body.subarray(HEADER_BYTES));
  const interfaceIndex = numberOf(attributes.get(RTA_OIF));
  if (family === undefined || body[1] !== 0 || attributes.has(RTA_DST)) return undefined;
  if (interfaceIndex === undefined) return undefined;
  return {
    ...{ family, interfaceIndex },
    table: numberOf(attributes.get(RTA_TABLE)) ?? body[4]!,
    protocol: body[5]!,
    gateway: addressOf(attributes.get(RTA_GATEWAY)) ?? addressOf(attributes.get(RTA_VIA)?.subarray(2)),
  };
}

/** A message that makes, or deletes, just this rule. */
export function ruleBody({
  source,
  prefixLength,
  table,
  priority,
  protocol,
  isWithoutDefault,
}: SourceRule): RoutingBody {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = familyNumber(source.family);
  header[2] = prefixLength;
  header[4] = table < 256 ? table : RT_TABLE_COMPAT;
  header[7] = FR_ACT_TO_TBL;
  const attributes: Attribute[] = [
    { type: FRA_SRC, bytes: bytesOfAddress(source) },
    { type: FRA_TABLE, u32: table },
    { type: FRA_PRIORITY, u32: priority },
    { type: FRA_PROTOCOL, u8: protocol },
  ];
  if (isWithoutDefault) attributes.push({ type: FRA_SUPPRESS_PREFIXLEN, u32: 0 });
  return { header, attributes };
}

/** Reads a rule for source addresses; undefined for any other message. */
export function decodeSourceRule({ type, body }: RouteMessage): SourceRule | undefined {
  if (type !== routingMessages.newRule || body.length < HEADER_BYTES || body[7] !== FR_ACT_TO_TBL)
    return undefined;
  const attributes = readAttributes(body.subarray(HEADER_BYTES));
  const source = addressOf(attributes.get(FRA_SRC));
  if (source === undefined || familyNumber(source.family) !== body[0]) return undefined;
  const prefixLength = body[2]!;
  if (prefixLength < 1 || prefixLength > 8 * source.byteLength) return undefined;
  const suppressed = numberOf(attributes.get(FRA_SUPPRESS_PREFIXLEN)) ?? NO_SUPPRESSION;
  return {
    ...{ source, prefixLength },
    table: numberOf(attributes.get(FRA_TABLE)) ?? body[4]!,
    priority: numberOf(attributes.get(FRA_PRIORITY)) ?? 0,
    protocol: numberOf(attributes.get(FRA_PROTOCOL)) ?? 0,
    isWithoutDefault: suppressed !== NO_SUPPRESSION,
  };
}
