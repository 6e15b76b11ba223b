/**
 * The interfaces of a namespace as they stand, from what was heard of them; and what changed since it was told last. Knows no
 * system calls. Bounded: what is beyond a limit is left out.
 */
import type { LinkKind } from '../../policy/index.js';
import type { AddressNews, DefaultRoute, LinkAddress, LinkNews, News } from './link-news.js';

/** Interfaces that are followed; addresses and default routes of each. */
export const MAX_LINKS = 4096;
export const MAX_ADDRESSES = 64;
export const MAX_DEFAULT_ROUTES = 32;

/** An interface at one moment. */
export interface WatchedLink {
  /** The kernel's number of it. */
  readonly index: number;
  readonly name: string;
  readonly kind: LinkKind;
  readonly isLoopback: boolean;
  /** Somebody set it up. */
  readonly isUp: boolean;
  /** Packets can pass: it is up and has a carrier. */
  readonly hasCarrier: boolean;
  /** Those that may be used, in the order they came. */
  readonly addresses: readonly LinkAddress[];
  /** Best first: by metric; those of the main table and all others. */
  readonly defaultRoutes: readonly DefaultRoute[];
}

/** How an interface was, and is; one of the two is undefined for one that came or went. */
export interface LinkChange {
  readonly before: WatchedLink | undefined;
  readonly after: WatchedLink | undefined;
}

/** What is known of one interface. */
interface Entry {
  news: LinkNews;
  kind: LinkKind;
  readonly addresses: Map<string, LinkAddress>;
  routes: DefaultRoute[];
}

export class LinkTable {
  private entries = new Map<number, Entry>();
  /** As they were told last. */
  private readonly told = new Map<number, WatchedLink>();
  /** Interfaces that may be different from what was told. */
  private readonly touched = new Set<number>();
  private readonly kindOf: (news: LinkNews) => LinkKind;

  /** `kindOf` is asked once for each interface and name of it. */
  constructor(kindOf: (news: LinkNews) => LinkKind) {
    this.kindOf = kindOf;
  }

  /** The interfaces, as they were told last. */
  get links(): readonly WatchedLink[] {
    return [...this.told.values()];
  }

  /** Whether the interface with this number has default routes, as far as is known. */
  hasRoutes(index: number): boolean {
    return (this.entries.get(index)?.routes.length ?? 0) > 0;
  }

  /** Takes in what was heard of an interface or an address. Routes are taken in all at once: {@link LinkTable.replaceRoutes}. */
  apply(news: Exclude<News, { kind: 'route' }>): void {
    if (news.kind === 'link') this.applyLink(news);
    else this.applyAddress(news);
    this.touched.add(news.index);
  }

  private applyLink(news: LinkNews): void {
    const entry = this.entries.get(news.index);
    if (news.isGone) {
      this.entries.delete(news.index);
    } else if (entry !== undefined) {
      if (entry.news.name !== news.name) entry.kind = this.kindOf(news);
      entry.news = news;
    } else if (this.entries.size < MAX_LINKS) {
      this.entries.set(news.index, { news, kind: this.kindOf(news), addresses: new Map(), routes: [] });
    }
  }

  private applyAddress({ index, isGone, address, prefixLength, scope }: AddressNews): void {
    const addresses = this.entries.get(index)?.addresses;
    if (addresses === undefined) return;
    const key = `${address.toString()}/${prefixLength}`;
    if (isGone) addresses.delete(key);
    else if (addresses.has(key) || addresses.size < MAX_ADDRESSES)
      addresses.set(key, { address, prefixLength, scope });
  }

  /** The default routes there are, in place of all that were known. */
  replaceRoutes(routes: readonly { readonly index: number; readonly route: DefaultRoute }[]): void {
    for (const [index, entry] of this.entries) {
      if (entry.routes.length > 0) this.touched.add(index);
      entry.routes = [];
    }
    for (const { index, route } of routes) {
      const entry = this.entries.get(index);
      if (entry === undefined || entry.routes.length >= MAX_DEFAULT_ROUTES) continue;
      entry.routes.push(route);
      this.touched.add(index);
    }
  }

  /** Forgets everything but what was told: all there is follows. */
  clear(): void {
    for (const index of this.entries.keys()) this.touched.add(index);
    this.entries = new Map();
  }

  /** What is different from what was told last, and from now on told. */
  takeChanges(): LinkChange[] {
    const changes: LinkChange[] = [];
    for (const index of this.touched) {
      const entry = this.entries.get(index);
      const before = this.told.get(index);
      const after = entry === undefined ? undefined : linkOf(entry);
      if (before === undefined ? after === undefined : after !== undefined && isSame(before, after)) continue;
      if (after === undefined) this.told.delete(index);
      else this.told.set(index, after);
      changes.push({ before, after });
    }
    this.touched.clear();
    return changes;
  }
}

function linkOf({ news, kind, addresses, routes }: Entry): WatchedLink {
  const { index, name, isLoopback, isUp, hasCarrier } = news;
  return {
    ...{ index, name, kind, isLoopback, isUp, hasCarrier },
    addresses: [...addresses.values()],
    defaultRoutes: [...routes].sort((a, b) => a.metric - b.metric),
  };
}

function isSame(a: WatchedLink, b: WatchedLink): boolean {
  return (
    a.name === b.name &&
    a.kind === b.kind &&
    a.isUp === b.isUp &&
    a.hasCarrier === b.hasCarrier &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => isSameAddress(address, b.addresses[i]!)) &&
    a.defaultRoutes.length === b.defaultRoutes.length &&
    a.defaultRoutes.every((route, i) => isSameRoute(route, b.defaultRoutes[i]!))
  );
}

function isSameAddress(a: LinkAddress, b: LinkAddress): boolean {
  return a.address.equals(b.address) && a.prefixLength === b.prefixLength && a.scope === b.scope;
}

function isSameRoute(a: DefaultRoute, b: DefaultRoute): boolean {
  const isSameGateway =
    a.gateway === undefined
      ? b.gateway === undefined
      : b.gateway !== undefined && a.gateway.equals(b.gateway);
  return a.family === b.family && a.metric === b.metric && a.table === b.table && isSameGateway;
}
