/**
 * Which of the host's addresses a new connection may begin from, best first, and by which address its peer is reached from
 * each: its own, or one that leads through the NAT64 of a network without IPv4. Read first: RFC 6724 §5, RFC 6052 §2.
 */
import { addressFrom, prefixesOf, type LocalAddress } from '../mptcp/index.js';
import { rankOf } from '../policy/index.js';
import type { Endpoint, IpAddress } from '../wire/index.js';
import type { InterfaceAddress, InterfaceTable, NetworkInterface, Route } from './interface-table.js';

/** A way to begin. */
export interface PathChoice {
  readonly local: IpAddress;
  /** What the peer is called from there. */
  readonly remote: IpAddress;
}

/** A choice with what it is preferred by. */
interface RatedChoice extends PathChoice {
  /** Bits of the link or route that leads to the peer; -1 for none. */
  readonly bits: number;
  /** Lower first among equals. */
  readonly metric: number;
  /** Lower first among those that are equal in that too: what is known of the link (`rankOf`). */
  readonly rank: number;
  /** Whether connections should not begin here while they may elsewhere. */
  readonly isSpare: boolean;
}

/**
 * One choice for every interface in service that leads to `remote`, best first: on the peer's link, then by the longest
 * route, then by the lowest metric, then free links before metered ones; addresses that are kept for backups, or from subflows, after all others.
 */
export function choosePaths(table: InterfaceTable, remote: IpAddress): PathChoice[] {
  const choices: RatedChoice[] = [];
  for (const candidate of table.all) {
    const choice = bestOf(table, candidate, remote);
    if (choice !== undefined) choices.push(choice);
  }
  return choices.sort((a, b) => (isBetter(a, b, true) ? -1 : isBetter(b, a, true) ? 1 : 0));
}

/**
 * The choice for a connection with one path. Undefined when no interface in service leads to `remote`. Link-local addresses
 * serve link-local destinations only (RFC 6724 §5, rule 2).
 */
export function choosePath(table: InterfaceTable, remote: IpAddress): PathChoice | undefined {
  let best: RatedChoice | undefined;
  for (const candidate of table.all) {
    const choice = bestOf(table, candidate, remote);
    if (choice !== undefined && (best === undefined || isBetter(choice, best, false))) best = choice;
  }
  return best;
}

/** By which address `remote` is reached from `local`, one of ours; undefined when by none. */
export function reachFrom(table: InterfaceTable, local: IpAddress, remote: IpAddress): IpAddress | undefined {
  if (local.family === remote.family && table.isWithoutNat64) return remote;
  const locals = table.localAddresses();
  const own = locals.find(({ address }) => address.equals(local));
  return own === undefined ? undefined : addressFrom(own, remote, prefixesOf(locals));
}

/** Whose addresses are asked for: a socket. */
export interface AddressUser {
  readonly local: Endpoint;
  /** Addresses that it may use beside that; undefined for all. */
  readonly localAddresses: readonly IpAddress[] | undefined;
}

/** The addresses of the host that `user` may open subflows from, and tell its peer of (RFC 6897 §5.3.3). */
export function usableAddresses(table: InterfaceTable, user: AddressUser): readonly LocalAddress[] {
  const all = table.localAddresses();
  const { local, localAddresses } = user;
  if (localAddresses === undefined) return all;
  return all.filter(
    ({ address }) => address.equals(local.address) || localAddresses.some((each) => each.equals(address)),
  );
}

function isBetter(a: RatedChoice, b: RatedChoice, minds: boolean): boolean {
  if (minds && a.isSpare !== b.isSpare) return b.isSpare;
  if (a.bits !== b.bits) return a.bits > b.bits;
  return a.metric < b.metric || (a.metric === b.metric && a.rank < b.rank);
}

function bestOf(
  table: InterfaceTable,
  candidate: NetworkInterface,
  remote: IpAddress,
): RatedChoice | undefined {
  if (!candidate.isInService) return undefined;
  let best: RatedChoice | undefined;
  for (const entry of candidate.addresses) {
    const choice = rate(table, candidate, entry, remote);
    if (choice !== undefined && (best === undefined || isBetter(choice, best, false))) best = choice;
  }
  return best;
}

function rate(
  table: InterfaceTable,
  candidate: NetworkInterface,
  entry: InterfaceAddress,
  remote: IpAddress,
): RatedChoice | undefined {
  const { address, prefixLength } = entry;
  const target = reachFrom(table, address, remote);
  if (target === undefined || target.family !== address.family || address.isLinkLocal !== target.isLinkLocal)
    return undefined;
  const isOnLink = prefixLength > 0 && address.sharesPrefix(target, prefixLength);
  const route = isOnLink ? undefined : routeFor(table.routes, target, candidate.id);
  return {
    local: address,
    remote: target,
    // The link itself goes before a route as specific.
    bits: isOnLink ? prefixLength + 0.5 : (route?.prefixLength ?? -1),
    metric: route?.metric ?? candidate.metric,
    rank: rankOf(candidate.link.facts),
    isSpare: entry.backup === true || entry.subflow === false,
  };
}

/** The best route to `remote` through one interface. */
function routeFor(routes: readonly Route[], remote: IpAddress, interfaceId: number): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (route.interfaceId !== interfaceId || !route.prefix.sharesPrefix(remote, route.prefixLength)) continue;
    const isLonger = best === undefined || route.prefixLength > best.prefixLength;
    const isCheaper =
      best !== undefined &&
      route.prefixLength === best.prefixLength &&
      (route.metric ?? 0) < (best.metric ?? 0);
    if (isLonger || isCheaper) best = route;
  }
  return best;
}
