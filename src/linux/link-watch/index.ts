export type { AddressScope, DefaultRoute, LinkAddress } from './link-news.js';
export type { LinkChange, WatchedLink } from './link-table.js';
export { LinkFactsWatch, type LinkFactsOptions, SIGNAL_INTERVAL_MS } from './link-facts-watch.js';
export { LinkWatch, type LinkWatchOptions } from './link-watch.js';
export type { WirelessSignal } from './nl80211.js';
export { Reach, type Way } from './reach.js';
