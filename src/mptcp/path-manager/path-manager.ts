/**
 * Which subflows there should be and which addresses the peer should know. A path manager makes pure decisions: it is
 * shown what changed and how things stand, and answers with actions. The connection carries them out within its limits.
 */
import type { LinkFacts, LinkId } from '../../policy/index.js';
import type { Endpoint, IpAddress, Nat64Prefix } from '../../wire/index.js';
import type { Subflow } from '../subflow.js';

/** An address of this host, and what it may be used for. */
export interface LocalAddress {
  readonly address: IpAddress;
  /** Address ID, 1 to 255, unique and stable on this host; a subflow from the initial address has ID 0 all the same. */
  readonly id: number;
  /** May subflows be opened from it? */
  readonly subflow: boolean;
  /** Is it announced to the peer? */
  readonly signal: boolean;
  /** Port announced with it; 0 announces none: the peer uses the connection's own. */
  readonly port: number;
  /** Are subflows from it backups? */
  readonly backup: boolean;
  /** For the path manager `linux`: subflows from it go to every address of the peer. Default false. */
  readonly fullMesh?: boolean;
  /** For the path manager `linux`: one announced address gets a subflow from it. Default false. */
  readonly laminar?: boolean;
  /** Prefixes by which IPv4 peers are reached from it, best first: of an IPv6 address on a link without IPv4. */
  readonly nat64Prefixes?: readonly Nat64Prefix[];
  /** The link that it is on, with what is known of that now; left out: a link of its own, of which nothing is known. */
  readonly link?: LocalLink;
}

/** A link of this host: an interface. */
export interface LocalLink {
  readonly id: LinkId;
  readonly facts: LinkFacts;
}

/** An address of the peer to which subflows may be opened. */
export interface RemoteAddress {
  readonly id: number;
  readonly address: IpAddress;
  /** Port to connect to. */
  readonly port: number;
}

/** A pair of addresses that a subflow uses, is being opened on, or has failed on not long ago. */
export interface PathState {
  readonly local: IpAddress;
  readonly remote: Endpoint;
  /** The subflow; undefined while the owner is asked for it and while the pair rests after a failure. */
  readonly subflow: Subflow | undefined;
  /** Whether the owner was asked for a subflow on it and has not opened one yet. */
  readonly isAsked: boolean;
}

/** How far the stream got, in bytes since the connection began. */
export interface ConnectionProgress {
  /** Handed to subflows for the first time. */
  readonly sentBytes: number;
  /** Received, each byte counted once. */
  readonly receivedBytes: number;
  /** Written and never handed to a subflow. */
  readonly unsentBytes: number;
}

/** What a path manager decides from. */
export interface PathView {
  /** The clock, in ns. */
  readonly now: number;
  /** Whether this side opened the connection. */
  readonly isClient: boolean;
  /** Addresses of this host that are in use now. */
  readonly localAddresses: readonly LocalAddress[];
  /** Addresses of the peer: announced ones, and the initial one (ID 0) unless the peer forbade joins to it (flag C). */
  readonly remoteAddresses: readonly RemoteAddress[];
  /** Address IDs announced to the peer and not withdrawn. */
  readonly announcedIds: readonly number[];
  /** Subflows, and pairs that are being opened or rest. */
  readonly paths: readonly PathState[];
  /** How many further subflows the limits allow. */
  readonly subflowRoom: number;
  readonly progress: ConnectionProgress;
  /** Whether the limit of metered links is reached (`MptcpSettings.metered`): nothing is opened there, and what was is over. */
  readonly isMeteredBarred: boolean;
}

/** What happened. */
export type PathEvent =
  /** The connection is confirmed as Multipath TCP: joins and announcements are allowed from now on. */
  | { readonly type: 'established' }
  /** Addresses of this host came or went, or something else is known of their links. */
  | { readonly type: 'local-addresses' }
  /** The peer announced an address. */
  | { readonly type: 'address-announced'; readonly id: number }
  /** The peer withdrew an address; its subflows are closed already. */
  | { readonly type: 'address-removed'; readonly id: number }
  /** A join was confirmed. */
  | { readonly type: 'subflow-opened'; readonly subflow: Subflow }
  /** A subflow ended. */
  | { readonly type: 'subflow-closed'; readonly subflow: Subflow }
  /** A pair that failed may be tried again. */
  | { readonly type: 'retry' }
  /** A subflow timed out, or is silent though it owes an answer; told to managers with `watchesPaths`. */
  | { readonly type: 'subflow-stalled'; readonly subflow: Subflow }
  /** The limit of metered links is reached. */
  | { readonly type: 'metered-spent' }
  /** It is the time of {@link PathManager.wakeAt}, or data moves again. */
  | { readonly type: 'time' };

/** What a path manager wants done. */
export type PathAction =
  | {
      readonly type: 'open';
      readonly local: LocalAddress;
      readonly remote: RemoteAddress;
      readonly backup: boolean;
    }
  | { readonly type: 'announce'; readonly address: LocalAddress }
  | { readonly type: 'withdraw'; readonly id: number }
  /**
   * Ends a subflow: in order; at once, and with word to the peer over the others (REMOVE_ADDR), where its address is gone
   * or it `isLost`: its path carries nothing any more.
   */
  | { readonly type: 'close'; readonly subflow: Subflow; readonly isLost?: boolean }
  /** Asks the peer for a sign of life on a subflow that has nothing in flight; without one it counts as silent. */
  | { readonly type: 'probe'; readonly subflow: Subflow }
  | { readonly type: 'set-backup'; readonly subflow: Subflow; readonly backup: boolean };

/** Decides for one connection. */
export interface PathManager {
  /** Stable name, kebab-case. */
  readonly name: string;
  /** When to be asked again though nothing happened, in ns; read after each decision. Left out: never. */
  readonly wakeAt?: number;
  /** Whether to be asked again as soon as data moves; read after each decision. Left out: no. */
  readonly wakesOnProgress?: boolean;
  /**
   * Whether it wants to know of subflows that stall: a lone subflow is then given up for silent too, not only one beside
   * others. Left out: no.
   */
  readonly watchesPaths?: boolean;
  /** Called after every {@link PathEvent}; the actions are carried out in order, those beyond the limits are dropped. */
  decide(event: PathEvent, view: PathView): readonly PathAction[];
}

/** Makes the path manager of one connection; one without state may return the same object each time. */
export type PathManagerFactory = () => PathManager;
