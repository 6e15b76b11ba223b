/**
 * What is known of a link from outside: from the operating system, from the program's user, from a script. Nothing here is
 * measured by the engine.
 */

/** What names a link: the index or the id of its interface. */
export type LinkId = number;

/** What a link is made of. */
export type LinkKind = 'wired' | 'wifi' | 'cellular' | 'unknown';

/** What is known of one link now. A change is a new object. */
export interface LinkFacts {
  readonly kind: LinkKind;
  /** Whether its bytes cost money: it is then used after all that are free, and a `MeteredLimit` holds for it. */
  readonly isMetered: boolean;
  /** Whether there is a network at the other end: false is a cable that was pulled, an association that was lost. */
  readonly hasCarrier: boolean;
  /** Strength of the signal received, in dBm (below 0); left out where there is none, or it is not known. */
  readonly signalDbm?: number;
}

/** A link of which nothing is known. */
export const unknownLink: LinkFacts = Object.freeze({ kind: 'unknown', isMetered: false, hasCarrier: true });

/** Order of preference among links that are equally good, lower first. */
const RANKS: Readonly<Record<LinkKind, number>> = Object.freeze({
  wired: 0,
  wifi: 1,
  unknown: 2,
  cellular: 3,
});

/**
 * Where a link stands in the order in which links are used, lower first: free ones before metered ones, among those wired
 * before Wi-Fi before unknown before cellular.
 */
export function rankOf({ kind, isMetered }: LinkFacts): number {
  return RANKS[kind] + (isMetered ? 4 : 0);
}
