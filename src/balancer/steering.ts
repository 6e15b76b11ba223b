/**
 * What the six designs have in common. A design decides where the packets of services go; everything around that (which
 * packets are steered at all, counters, the list of servers) is the balancer's, in balancer.ts.
 *
 * A design is driven like every engine here: `steer` takes a packet, `setServers` a new list, and `handleTimeout` is to
 * be called when the time that `pollTimeout` gave has come. Nothing is called back. Two balancers that were given the
 * same settings and lists give the same verdicts on packets that need no table.
 */
import type { RandomSource } from '../base/index.js';
import type { MptcpVersion } from '../wire/index.js';
import type { BucketSnapshot } from './bucket-table.js';
import type { PacketView } from './packet-view.js';
import type { ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import type { Verdict } from './verdict.js';

/** What a design is made with. */
export interface SteeringSetup {
  readonly settings: SteeringSettings;
  readonly servers: ServerSet;
  /** Secrets of hash tables come from it: on a real network it must be a cryptographic source. */
  readonly random: RandomSource;
  /** `beamer`: buckets to begin with. Then lists of servers alone move any, and time does not. */
  readonly buckets?: BucketSnapshot;
}

/** What a design counts; a design leaves at 0 what it knows nothing of. */
export class SteeringCounters {
  /** SYNs with MP_JOIN. */
  joins = 0;
  /** Of those, the ones that went where chance would have it: nothing told whose they are. */
  joinsByChance = 0;
  /**
   * Joins that went where their token or port says, where the hash of the design by addresses and ports alone would have led to
   * another server, or to none. Looked up for SYNs with MP_JOIN only.
   */
  misSteersAvoided = 0;
  /** Flows that got an entry. */
  entriesMade = 0;
  /** Entries that ended by time. */
  entriesExpired = 0;
  /** Entries that made room for newer ones. */
  entriesDisplaced = 0;
  /** Flows for which there was no room: they go where the hash says, which may change with the servers. */
  untracked = 0;
  /** Tokens learned from third ACKs, or from other balancers. */
  tokensLearned = 0;
  /** Tokens for which there was no room. */
  tokensRefused = 0;
  /** Tokens that more than one server claims. */
  tokenCollisions = 0;
  /** Buckets that changed hands. */
  bucketsMoved = 0;
}

/** What a design has to tell its owner. */
export interface TokenLearnedEvent {
  /** A server owns a token from now on: for balancers that share one map. */
  readonly type: 'token-learned';
  readonly token: number;
  readonly version: MptcpVersion;
  readonly server: number;
}

/** The interface of every design. */
export interface Steering {
  readonly counters: SteeringCounters;
  /** Entries held now. */
  readonly entryCount: number;
  /** Bytes that those take; 0 for designs without tables of connections or buckets. */
  readonly tableBytes: number;
  /** Fills `verdict` for a packet of a service. Never throws, and allocates nothing on the common path. */
  steer(now: number, packet: PacketView, verdict: Verdict): void;
  /** Takes a new list of servers. */
  setServers(now: number, servers: ServerSet): void;
  /** When {@link handleTimeout} is wanted, in ns; NEVER when it is not. */
  pollTimeout(): number;
  /** Does what is due at `now` (ns). */
  handleTimeout(now: number): void;
  /** What there is to tell; undefined when there is nothing more. */
  pollEvent(): TokenLearnedEvent | undefined;
}

/** Makes a design. */
export type SteeringFactory = (now: number, setup: SteeringSetup) => Steering;
