/**
 * Which interfaces of a machine are uplinks, by which address and router each of them leads out, and what others lack. Pure: it is shown
 * links and settings.
 *
 * An uplink is an interface with an address and a default route: one of the main table, or of a table of its own that somebody else
 * looks after. Tunnels whose routes are not in the main table are left out, for what they carry goes over another uplink.
 */
import type { LinkAddress, WatchedLink } from '../../linux/index.js';
import { MAIN_TABLE } from '../../netlink/index.js';
import type { IpAddress } from '../../wire/index.js';
import { isOwnTable } from './marks.js';

/** Addresses of one interface that get rules. */
const MAX_RULES = 16;

/** Which interfaces may be used. */
export interface UplinkSettings {
  /** Names of those that may; all when left out. */
  readonly only?: readonly string[];
  /** Names of those that may not. */
  readonly except?: readonly string[];
  /** Routers by interface, where no default route tells of them. */
  readonly gateways?: readonly { readonly name: string; readonly gateway: IpAddress }[];
}

/** How an uplink leads out in one family. */
export interface UplinkWay {
  readonly family: 4 | 6;
  /** That subflows are sent from. */
  readonly address: IpAddress;
  /** The router; undefined on a link without one. */
  readonly gateway: IpAddress | undefined;
  /** Whether what has no address yet goes this way: the best default route of the main table. */
  readonly isDefault: boolean;
  /** All addresses of the family that get rules. */
  readonly sources: readonly IpAddress[];
}

/** An interface as a candidate. */
export interface UplinkCandidate {
  readonly link: WatchedLink;
  /** By family; none where it is no uplink. */
  readonly ways: readonly UplinkWay[];
  /** What is missing for it to carry packets now, as a sentence without a full stop; undefined when nothing is. */
  readonly lacks: string | undefined;
}

/** The candidates among the links, in the order of their numbers. */
export function uplinkCandidates(
  links: readonly WatchedLink[],
  settings: UplinkSettings = {},
): UplinkCandidate[] {
  const { only, except = [] } = settings;
  const chosen = links.filter(
    ({ name, isLoopback }) => !isLoopback && !except.includes(name) && (only?.includes(name) ?? true),
  );
  const best = new Map(([4, 6] as const).map((family) => [family, defaultLink(links, family)]));
  return [...chosen]
    .sort((a, b) => a.index - b.index)
    .map((link) => {
      const ways = ([4, 6] as const).flatMap((family) => {
        const way = wayOf(link, family, settings);
        return way === undefined ? [] : [{ ...way, isDefault: best.get(family) === link.index }];
      });
      return { link, ways, lacks: lacksOf(link, ways) };
    });
}

/** The number of the link with the best default route of the main table. */
function defaultLink(links: readonly WatchedLink[], family: 4 | 6): number | undefined {
  let best: { readonly index: number; readonly metric: number } | undefined;
  for (const { index, defaultRoutes } of links) {
    for (const route of defaultRoutes) {
      if (route.family !== family || route.table !== MAIN_TABLE) continue;
      if (best === undefined || route.metric < best.metric) best = { index, metric: route.metric };
    }
  }
  return best?.index;
}

function wayOf(
  link: WatchedLink,
  family: 4 | 6,
  settings: UplinkSettings,
): Omit<UplinkWay, 'isDefault'> | undefined {
  const sources = link.addresses.filter(isGlobal).filter(({ address }) => address.family === family);
  const address = sources.find(({ address }) => !isUniqueLocal(address)) ?? sources[0];
  if (address === undefined) return undefined;
  const some = {
    family,
    address: address.address,
    sources: sources.slice(0, MAX_RULES).map((one) => one.address),
  };
  const named = settings.gateways?.find(
    ({ name, gateway }) => name === link.name && gateway.family === family,
  );
  if (named !== undefined) return { ...some, gateway: named.gateway };
  const routes = link.defaultRoutes.filter((route) => route.family === family && !isOwnTable(route.table));
  const inMain = routes.find(({ table }) => table === MAIN_TABLE);
  const route = inMain ?? (link.kind === 'unknown' ? undefined : routes[0]);
  return route === undefined ? undefined : { ...some, gateway: route.gateway };
}

function isGlobal({ scope, address }: LinkAddress): boolean {
  return (scope === 'global' || scope === 'site') && !address.isLinkLocal;
}

/** RFC 4193: good within a site. */
function isUniqueLocal(address: IpAddress): boolean {
  return address.family === 6 && /^f[cd]/.test(address.toString());
}

function lacksOf(link: WatchedLink, ways: readonly UplinkWay[]): string | undefined {
  const { name, isUp, hasCarrier, addresses } = link;
  if (!isUp) return `it is down: ip link set ${name} up`;
  if (!hasCarrier) return 'it has no carrier: nothing answers at the other end of the cable or radio';
  if (ways.length > 0) return undefined;
  if (!addresses.some(isGlobal))
    return 'it has no address beyond its link: have a DHCP client or router give it one';
  return `it has no default route: ip route add default via ROUTER dev ${name} metric 1000, or --gateway ${name}=ROUTER`;
}
