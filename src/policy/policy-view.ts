/**
 * What a path policy is shown, and what it answers. No subflow and no socket stands in these types: the engine and the
 * kernel's sockets both fill them in.
 */
import type { LinkFacts, LinkId } from './link-facts.js';
import type { LinkAssessment } from './link-quality.js';
import type { PathSample } from './path-sample.js';

/** A link from which paths to the peer exist or could be opened. One without carrier or addresses may be left out. */
export interface PolicyLink {
  readonly id: LinkId;
  readonly facts: LinkFacts;
  /** Whether a path can be opened from it now: it has an address for the peer, and no attempt has to rest. */
  readonly mayOpen: boolean;
  /** Whether the connection began on it: it goes first among links of the same kind. */
  readonly isInitial: boolean;
  /** Whether the user keeps it in reserve: it goes after all others. */
  readonly isSpare: boolean;
}

/** A path of the connection. `P` is what its owner knows it by: the same value each time. */
export interface PolicyPath<P> {
  readonly id: P;
  readonly link: LinkId;
  /** Whether it carries data, or is still being opened. */
  readonly isOpen: boolean;
  /** Whether this side asks for it to be a backup. */
  readonly isBackup: boolean;
  /** A look at it; undefined while there is nothing to see. */
  readonly sample: PathSample | undefined;
}

/** How a connection stands. */
export interface PolicyView<P> {
  /** In the order of preference among equals. */
  readonly links: readonly PolicyLink[];
  /** Those that are open or being opened; closed ones are left out. */
  readonly paths: readonly PolicyPath<P>[];
  /** How many more paths the limits allow. */
  readonly room: number;
  /** Whether metered links may not be used (any more): see `MeteredAccount.isExhausted`. */
  readonly isMeteredBarred: boolean;
  /** Whether the target would be missed with the first path alone; without meaning but for `targetBased`. */
  readonly isBehindTarget: boolean;
}

/** A link with its assessment: what the rules decide from. */
export interface AssessedLink extends PolicyLink, LinkAssessment {}

/** What a policy wants done, to be carried out in order. */
export type PolicyAction<P> =
  | { readonly type: 'open'; readonly link: LinkId; readonly isBackup: boolean }
  /**
   * In order; or, where `isLost`, at once, and with word to the peer over another path (REMOVE_ADDR), for its own link
   * carries nothing any more.
   */
  | { readonly type: 'close'; readonly path: P; readonly isLost: boolean }
  | { readonly type: 'set-backup'; readonly path: P; readonly isBackup: boolean };

/** What follows. */
export interface PolicyDecision<P> {
  readonly actions: readonly PolicyAction<P>[];
  /** The link that is to carry the data; undefined while there is none. */
  readonly main: LinkId | undefined;
  /** When to ask again though nothing happened, in ns; `NEVER` when that is not needed. */
  readonly nextAt: number;
}
