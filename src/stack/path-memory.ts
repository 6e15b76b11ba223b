/**
 * What the host remembers of paths that swallow SYNs with Multipath TCP options. A path is one of our addresses and the
 * peer's: a box that drops the option stands on some paths and not on others. While a path rests, connections begin on it
 * as plain TCP and joins leave it alone; then one SYN tries it again. Knows no connections but what they report.
 *
 * Only a plain SYN that was answered tells that the option was the trouble, a peer that is down answers neither; and joins
 * are judged by their silence while another subflow of theirs lives. Every rest is bounded, and success ends it at once, so
 * that a bad day in one network costs minutes in that network. (Linux stops asking for Multipath TCP on all paths for an
 * hour after one such connection, and twice as long after each further one: `net.mptcp.blackhole_timeout`.)
 *
 * ```
 * open -- SYNs lost, plain one answered --> resting (firstRestNs * 2^n, at most maxRestNs) -- time --> trial: one SYN
 *   ^                                          ^                                                        |        |
 *   |                                          +--------------------- lost again -----------------------+        |
 *   +------------------------------------------ answered --------------------------------------------------------+
 * ```
 * Read first: RFC 8684 §3.7 (SYNs with MP_CAPABLE that get no answer).
 */
import { MINUTE } from '../base/index.js';
import type { FallbackCause, Subflow } from '../mptcp/index.js';
import type { IpAddress } from '../wire/index.js';
import type { PathNotice } from './events.js';
import type { Socket } from './socket.js';

/** Bounds of the memory; all times in ns. */
export interface PathMemorySettings {
  /** Rest of a path after the first loss; each further one doubles it. */
  readonly firstRestNs: number;
  /** Longest rest. */
  readonly maxRestNs: number;
  /** How long after its rest a path that nobody tried is forgotten. */
  readonly forgetNs: number;
  /** Paths remembered; beyond it the one that was noted longest ago is forgotten. 0 switches the memory off. */
  readonly maxPaths: number;
  /** Peers that must have been lost from one address before peers unknown so far are tried with one SYN only. */
  readonly suspectAfterPeers: number;
}

/** A minute at first, ten at most. */
export const defaultPathMemorySettings: PathMemorySettings = Object.freeze({
  firstRestNs: MINUTE,
  maxRestNs: 10 * MINUTE,
  forgetNs: 60 * MINUTE,
  maxPaths: 1024,
  suspectAfterPeers: 3,
});

/** The option that a SYN carries. */
export type SynKind = 'capable' | 'join';

/** What to do on a path: as usual, with one SYN that has the option, or without it. */
export type PathAdvice = 'usual' | 'trial' | 'leave-out';

/** A path that swallowed SYNs. */
interface Loss {
  /** Which of our addresses, with the kind of SYN. */
  readonly origin: string;
  /** Losses in a row. */
  count: number;
  /** End of the rest, in ns. */
  until: number;
}

export class PathMemory {
  private readonly settings: PathMemorySettings;
  /** By kind and both addresses, in the order in which they were noted last. */
  private readonly losses = new Map<string, Loss>();
  /** Number of the losses for each origin. */
  private readonly origins = new Map<string, number>();

  constructor(settings: PathMemorySettings) {
    this.settings = settings;
  }

  /** Number of paths remembered. */
  get size(): number {
    return this.losses.size;
  }

  /** What to do about a SYN from `local` to `remote`. */
  advise(now: number, kind: SynKind, local: IpAddress, remote: IpAddress): PathAdvice {
    if (this.losses.size === 0) return 'usual';
    const key = keyOf(kind, local, remote);
    const loss = this.losses.get(key);
    if (loss === undefined) {
      const lost = this.origins.get(originOf(kind, local)) ?? 0;
      return lost >= this.settings.suspectAfterPeers ? 'trial' : 'usual';
    }
    if (now < loss.until) return 'leave-out';
    if (now < loss.until + this.settings.forgetNs) return 'trial';
    this.forget(key, loss);
    return 'usual';
  }

  /** SYNs with the option were lost, and other signs say that the peer is there. While the path rests that is no news. */
  noteLost(now: number, kind: SynKind, local: IpAddress, remote: IpAddress): void {
    const { firstRestNs, maxRestNs, maxPaths } = this.settings;
    if (maxPaths === 0 || this.advise(now, kind, local, remote) === 'leave-out') return;
    const key = keyOf(kind, local, remote);
    const origin = originOf(kind, local);
    const known = this.losses.get(key);
    const count = (known?.count ?? 0) + 1;
    if (known !== undefined) this.forget(key, known);
    else if (this.losses.size >= maxPaths) this.forgetOldest();
    this.losses.set(key, { origin, count, until: now + Math.min(maxRestNs, firstRestNs * 2 ** (count - 1)) });
    this.origins.set(origin, (this.origins.get(origin) ?? 0) + 1);
  }

  /** A SYN with the option was answered: the path is forgiven at once, and the network behind `local` not suspected. */
  notePassed(kind: SynKind, local: IpAddress, remote: IpAddress): void {
    if (this.losses.size === 0) return;
    const key = keyOf(kind, local, remote);
    const loss = this.losses.get(key);
    if (loss !== undefined) this.forget(key, loss);
    // Not the network that `local` is in drops them, then: peers that were never tried get all their SYNs again.
    const origin = originOf(kind, local);
    if (this.origins.has(origin)) this.origins.set(origin, 0);
  }

  /** `local` is gone, or its link is: when it comes back there may be another network behind it. */
  forgetAddress(local: IpAddress): void {
    for (const kind of ['capable', 'join'] as const) {
      const origin = originOf(kind, local);
      for (const [key, loss] of this.losses) if (loss.origin === origin) this.forget(key, loss);
      this.origins.delete(origin);
    }
  }

  private forget(key: string, { origin }: Loss): void {
    this.losses.delete(key);
    const left = (this.origins.get(origin) ?? 0) - 1;
    if (left > 0) this.origins.set(origin, left);
    else this.origins.delete(origin);
  }

  private forgetOldest(): void {
    for (const [key, loss] of this.losses) {
      this.forget(key, loss);
      return;
    }
  }
}

function originOf(kind: SynKind, local: IpAddress): string {
  return `${kind} ${local.toString()}`;
}

function keyOf(kind: SynKind, local: IpAddress, remote: IpAddress): string {
  return `${kind} ${local.toString()} ${remote.toString()}`;
}

/** What `notice`, of `socket`, tells of paths; `advice` is what its SYN heeded, undefined when the peer sent the SYN. */
export function learnFrom(
  memory: PathMemory,
  now: number,
  socket: Pick<Socket, 'local' | 'remote' | 'connection' | 'pathAdvice'>,
  notice: PathNotice,
): void {
  const { local, remote, pathAdvice } = socket;
  if (notice.type === 'subflow-opened') {
    const { subflow } = notice;
    if (subflow.join?.isActive === true)
      memory.notePassed('join', subflow.local.address, subflow.remote.address);
  } else if (notice.type === 'subflow-closed') {
    const { subflow, reason } = notice;
    if (reason === 'timeout' && isSilentJoin(subflow) && hasLife(socket.connection.subflows))
      memory.noteLost(now, 'join', subflow.local.address, subflow.remote.address);
  } else if (pathAdvice === undefined || pathAdvice === 'leave-out') {
    // It did not ask, so that nothing was lost and nothing passed.
  } else if (notice.type === 'confirmed' || (notice.type === 'fallback' && passed[notice.cause] === true)) {
    memory.notePassed('capable', local.address, remote.address);
  } else if (notice.type === 'fallback' && notice.cause === 'syn-lost') {
    memory.noteLost(now, 'capable', local.address, remote.address);
  }
}

/** Causes of a fallback after a SYN with the option was answered. */
const passed: Partial<Record<FallbackCause, true>> = {
  'syn-late': true,
  'lower-version': true,
  'no-capable-in-syn-ack': true,
};

function isSilentJoin(subflow: Subflow): boolean {
  return subflow.join?.isActive === true && !subflow.wasOpened;
}

function hasLife(subflows: readonly Subflow[]): boolean {
  return subflows.some(({ state, isStale }) => state === 'active' && !isStale);
}
