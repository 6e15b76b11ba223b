/**
 * The Multipath TCP connections of a machine as a path keeper sees them: which links each of them has a subflow on, which it lost, and what
 * the subflows show of their links. Knows no system calls.
 */
import { SECOND } from '../../base/index.js';
import type { KernelPathEvent, ListedSubflow } from '../../linux/index.js';
import type { LinkId, PathSample } from '../../policy/index.js';
import { isOpeningState, isOpenState, KernelPaths } from '../kernel-service/index.js';

/** Connections that are followed; further ones are left to the kernel. */
const MAX_CONNECTIONS = 16_384;
/** How long after a loss a subflow is asked for again; twice as long after each attempt, up to the second number. */
const FIRST_WAIT_NS = SECOND;
const MAX_WAIT_NS = 64 * SECOND;
/** How long a new connection has for a first subflow on a link before that counts as missing. */
const PATIENCE_NS = 3 * SECOND;
/** Attempts for a subflow that was there, and for one that never was: a peer may not want any. */
const MAX_ATTEMPTS = 12;
const MAX_FIRST_ATTEMPTS = 3;

/** Whether a subflow carries data. */
export function isCarrying({ state }: ListedSubflow): boolean {
  return isOpenState(state);
}

/** Whether it does, or is on the way there. */
function isAlive({ state }: ListedSubflow): boolean {
  return isOpenState(state) || isOpeningState(state);
}

/** A subflow that a connection does not have on a link, and should. */
export interface MissingSubflow {
  readonly connection: KnownConnection;
  readonly link: LinkId;
  /** Whether there was one. */
  readonly wasThere: boolean;
  /** Attempts so far. */
  attempts: number;
  /** When the next is due, in ns. */
  nextAt: number;
}

/** One connection. */
export interface KnownConnection {
  readonly token: number;
  readonly family: 4 | 6;
  /** Whether this side accepted it; undefined where nobody said. */
  isServer: boolean | undefined;
  /** Whether this side's path manager in user space may command it; undefined before it was tried. */
  takesCommands: boolean | undefined;
  /** Links on which it had a subflow that this side opened. */
  readonly had: Set<LinkId>;
  readonly missing: Map<LinkId, MissingSubflow>;
  /** Its subflows by the last look. */
  subflows: ListedSubflow[];
}

export class Connections {
  private readonly known = new Map<number, KnownConnection>();
  /** What events said of connections that were not seen yet: whether this side is the server. */
  private readonly sides = new Map<number, boolean>();
  private readonly paths = new KernelPaths();
  /** The link that a subflow is on, as the last look was told; undefined where nobody knows. */
  linkOf: (subflow: ListedSubflow) => LinkId | undefined = () => undefined;

  get all(): Iterable<KnownConnection> {
    return this.known.values();
  }

  /** Takes in what the kernel told. */
  handleEvent({ type, token, isServer = false }: KernelPathEvent): void {
    if (type !== 'connection-created' && type !== 'connection-established') {
      if (type === 'connection-closed') this.sides.delete(token);
      return;
    }
    // Since Linux 6.18 the side is said of servers only.
    const connection = this.known.get(token);
    if (connection !== undefined) connection.isServer = isServer;
    else if (this.sides.size < MAX_CONNECTIONS) this.sides.set(token, isServer);
  }

  /**
   * Takes in all subflows as they are at `now`. `linkOf` says which link one is on, by its address.
   */
  look(
    now: number,
    subflows: readonly ListedSubflow[],
    linkOf: (subflow: ListedSubflow) => LinkId | undefined,
  ): void {
    this.linkOf = linkOf;
    for (const connection of this.known.values()) connection.subflows = [];
    for (const subflow of subflows) this.connectionOf(subflow)?.subflows.push(subflow);
    for (const [token, connection] of this.known) {
      if (connection.subflows.length === 0) this.known.delete(token);
      else if (connection.subflows.some(({ isJoinOfOurs }) => isJoinOfOurs)) connection.isServer ??= false;
      this.noteLinks(connection);
    }
    const alive = subflows.filter((subflow) => this.known.has(subflow.token));
    const byCookie = new Map(alive.map((subflow) => [subflow.cookie, subflow]));
    this.paths.look(
      now,
      alive.map((each) => ({
        id: each.cookie,
        local: { ...each.local, family: each.family },
        remote: { ...each.remote, family: each.family },
        tcp: each.tcp,
      })),
      ({ id }) => {
        const link = this.linkOf(byCookie.get(id)!);
        return link === undefined ? undefined : { link, addressId: 0, isBackup: false };
      },
    );
  }

  private connectionOf({ token, local }: ListedSubflow): KnownConnection | undefined {
    let connection = this.known.get(token);
    if (connection !== undefined || this.known.size >= MAX_CONNECTIONS) return connection;
    connection = {
      ...{ token, family: local.address.includes(':') ? 6 : 4, isServer: this.sides.get(token) },
      ...{ takesCommands: undefined, had: new Set(), missing: new Map(), subflows: [] },
    };
    this.sides.delete(token);
    this.known.set(token, connection);
    return connection;
  }

  private noteLinks(connection: KnownConnection): void {
    if (connection.isServer === true) return;
    for (const subflow of connection.subflows) {
      const link = isCarrying(subflow) ? this.linkOf(subflow) : undefined;
      if (link !== undefined) connection.had.add(link);
    }
  }

  /** Whether a connection has a living subflow on a link. */
  hasSubflow(connection: KnownConnection, link: LinkId): boolean {
    return connection.subflows.some((subflow) => isAlive(subflow) && this.linkOf(subflow) === link);
  }

  /** What each link's paths show, by what their subflows are known by. */
  samples(now: number): { readonly link: LinkId; readonly path: number; readonly sample: PathSample }[] {
    return this.paths
      .policyPaths(now)
      .flatMap(({ id, link, sample }) => (sample === undefined ? [] : [{ link, path: id, sample }]));
  }

  /** Whether anything moves, or waits to. */
  get isBusy(): boolean {
    for (const { newBytes, subflow } of this.paths.paths.values())
      if (newBytes > 0 || subflow.tcp.unackedSegments > 0) return true;
    return false;
  }

  /**
   * Brings what is missing in line: on each of `links`, connections of one of the link's families should have a subflow. Returns what is
   * due for an attempt; whoever makes one says so by {@link Connections.noteAttempt}.
   */
  missing(
    now: number,
    links: ReadonlyMap<LinkId, ReadonlySet<4 | 6>>,
    patienceNs = PATIENCE_NS,
  ): MissingSubflow[] {
    const due: MissingSubflow[] = [];
    for (const connection of this.known.values()) {
      for (const link of connection.missing.keys()) if (!links.has(link)) connection.missing.delete(link);
      if (connection.isServer !== false && connection.had.size === 0) continue;
      for (const [link, families] of links) {
        const isMissing =
          families.has(connection.family) &&
          connection.subflows.some(isCarrying) &&
          !this.hasSubflow(connection, link);
        const entry = isMissing ? this.entryOf(now, connection, link, patienceNs) : undefined;
        if (entry === undefined) connection.missing.delete(link);
        else if (now >= entry.nextAt && entry.attempts < limitOf(entry)) due.push(entry);
      }
    }
    return due;
  }

  private entryOf(
    now: number,
    connection: KnownConnection,
    link: LinkId,
    patienceNs: number,
  ): MissingSubflow | undefined {
    const known = connection.missing.get(link);
    if (known !== undefined) return known;
    const wasThere = connection.had.has(link);
    if (!wasThere && connection.isServer !== false) return undefined;
    const wait = wasThere ? Math.min(FIRST_WAIT_NS, patienceNs) : patienceNs;
    const entry = { connection, link, wasThere, attempts: 0, nextAt: now + wait };
    connection.missing.set(link, entry);
    return entry;
  }

  /** An attempt was made. */
  noteAttempt(now: number, entry: MissingSubflow): void {
    entry.attempts++;
    entry.nextAt = now + Math.min(MAX_WAIT_NS, FIRST_WAIT_NS * 2 ** entry.attempts);
  }

  /** When the next attempt is due, in ns; Infinity when none is. */
  nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { missing } of this.known.values())
      for (const entry of missing.values())
        if (entry.attempts < limitOf(entry)) at = Math.min(at, entry.nextAt);
    return at;
  }

  /**
   * Whether all subflows from the addresses could end, and every connection would still have one that carries data elsewhere, on a link
   * that `isGood`.
   */
  mayEnd(isEnding: (subflow: ListedSubflow) => boolean, isGood: (link: LinkId) => boolean): boolean {
    for (const { subflows } of this.known.values()) {
      if (!subflows.some((subflow) => isAlive(subflow) && isEnding(subflow))) continue;
      const isSafe = subflows.some((subflow) => {
        const link = isCarrying(subflow) && !isEnding(subflow) ? this.linkOf(subflow) : undefined;
        return link !== undefined && isGood(link);
      });
      if (!isSafe) return false;
    }
    return true;
  }

  /** Subflows were ended by us: they do not count any more, before the next look either. */
  noteEnded(isEnded: (subflow: ListedSubflow) => boolean): void {
    for (const connection of this.known.values())
      connection.subflows = connection.subflows.filter((subflow) => !isEnded(subflow));
  }

  /** How many connections have a subflow that carries data from an address. */
  countOn(isOn: (subflow: ListedSubflow) => boolean): number {
    let count = 0;
    for (const { subflows } of this.known.values())
      if (subflows.some((subflow) => isCarrying(subflow) && isOn(subflow))) count++;
    return count;
  }
}

function limitOf({ wasThere }: MissingSubflow): number {
  return wasThere ? MAX_ATTEMPTS : MAX_FIRST_ATTEMPTS;
}
