export type { AddressScope, DefaultRoute, LinkAddress } from './link-news.js';
export type { LinkKind } from './link-kind.js';
export type { LinkChange, WatchedLink } from './link-table.js';
export { LinkWatch, type LinkWatchOptions } from './link-watch.js';
export type { WirelessSignal } from './nl80211.js';
