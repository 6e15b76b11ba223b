/**
 * The service type of one client's connection on a kernel socket: the policy that the engine has too, over what the kernel shows of its
 * subflows (TCP_INFO) and links, carried out by commands to the kernel's user-space path manager.
 *
 * The kernel's scheduler decides what goes where among the subflows that are no backups, and sends data again that a subflow held
 * when that is closed, at once. So a path on a dead link is given up as soon as another one is open: the rest of what it
 * holds would wait for the kernel's own timers.
 *
 * It looks ten times a second while data flows and twice a second while none does, at once when the kernel tells of a subflow
 * or a link, and more often before a cap on metered bytes is reached.
 *
 * Read first: path-policy.ts of the policy layer; Documentation/netlink/specs/mptcp_pm.yaml of the kernel.
 */
import { MILLISECOND, SECOND, SubflowError } from '../../base/index.js';
import {
  connectionInfo,
  subflowsOf,
  type KernelConnectionInfo,
  type KernelPath,
  type KernelSubflow,
  type PathEnd,
} from '../../linux/index.js';
import { TargetWatch, type ServiceTypeOptions } from '../../mptcp/index.js';
import {
  MeteredAccount,
  PathPolicy,
  type LinkId,
  type PolicyAction,
  type PolicyView,
  type ServiceType,
} from '../../policy/index.js';
import { IpAddress } from '../../wire/index.js';
import { KernelEventFeed } from '../kernel-subflow-events.js';
import { checkKernelService } from './availability.js';
import { KernelLinks } from './kernel-links.js';
import { KernelPaths, targetPathOf, type KernelPathState, type NewPath } from './kernel-paths.js';
import { KernelWorld } from './kernel-world.js';
import { MeteredBytes } from './metered-bytes.js';
import { MeteredPace } from './metered-pace.js';

/** Between looks, in ms: while data flows, while none does, at the least, and while the peer has not confirmed Multipath TCP. */
const BUSY_MS = 100;
const IDLE_MS = 500;
const SOON_MS = 10;
const UNCONFIRMED_MS = 20;
/** How long the last of these is kept up, in looks. */
const MAX_UNCONFIRMED = 100;
/** Subflows of a connection. */
const MAX_PATHS = 8;

export interface KernelServiceOptions extends ServiceTypeOptions {
  /** Any but `none`, which takes no service. `giveUpNs` of the thresholds is 0 here where it is left out. */
  readonly type: ServiceType;
}

/** A connection that is served. */
export interface ServedConnection {
  /** The socket's; undefined once it is closed. */
  descriptor(): number | undefined;
  /** Where it connected to. */
  readonly remote: PathEnd;
}

export class KernelService {
  private readonly policy: PathPolicy<number>;
  private readonly account: MeteredAccount;
  /** For `targetBased` only. */
  private readonly target: TargetWatch | undefined;
  /** The link that is to carry the data, by the last decision. */
  private main: LinkId | undefined;
  private readonly world: KernelWorld;
  private readonly feed: KernelEventFeed;
  private readonly paths = new KernelPaths();
  private connection: ServedConnection | undefined;
  private links: KernelLinks | undefined;
  private token = 0;
  private initialLink: LinkId | undefined;
  /** Subflows that were asked for and not seen yet, by their local address. */
  private readonly expected = new Map<string, NewPath>();
  /** Subflows that were closed by us, by number. */
  private readonly ended = new Set<number>();
  /** Looks in a row that found the connection unconfirmed. */
  private unconfirmed = 0;
  private readonly pace = new MeteredPace(0);
  private readonly meteredBytes = new MeteredBytes();
  private timer: NodeJS.Timeout | undefined;
  private isLookQueued = false;
  private isClosed = false;
  private readonly startedAt = process.hrtime();

  /**
   * Readies everything in the calling thread's namespace, before the socket is opened. Throws as {@link checkKernelService},
   * and `ERR_SUBFLOW_BAD_SETTING`.
   */
  constructor(options: KernelServiceOptions) {
    const { type, thresholds, metered, target = {} } = options;
    checkKernelService();
    this.policy = new PathPolicy(type, { giveUpNs: 0, ...thresholds });
    this.account = new MeteredAccount(metered);
    const { recoverNs } = this.policy.monitor.thresholds;
    this.target = type === 'targetBased' ? new TargetWatch(target, recoverNs) : undefined;
    this.world = new KernelWorld(() => this.wake());
    try {
      this.feed = new KernelEventFeed();
    } catch (error) {
      this.world.close();
      throw error;
    }
  }

  /** The socket is connected. */
  begin(connection: ServedConnection): void {
    const fd = connection.descriptor();
    const peer = IpAddress.parse(connection.remote.address);
    const token = fd === undefined ? undefined : multipathInfo(fd)?.token;
    if (token === undefined || peer === undefined) {
      this.close();
      return;
    }
    this.connection = connection;
    this.token = token;
    this.links = new KernelLinks(this.world.facts, this.world.reach, peer.mappedV4 ?? peer);
    this.feed.listen(token, { handleEvent: () => this.wake(), handleLoss: () => this.wake() });
    this.look();
  }

  /** Lets go of the connection, whose subflows stay as they are. Closing twice does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    this.feed.close();
    this.world.close();
  }

  private now(): number {
    const [seconds, nanoseconds] = process.hrtime(this.startedAt);
    return seconds * SECOND + nanoseconds;
  }

  /** Something happened: a look follows soon. */
  private wake(): void {
    if (this.isLookQueued || this.isClosed || this.connection === undefined) return;
    this.isLookQueued = true;
    setImmediate(() => {
      this.isLookQueued = false;
      this.look();
    });
  }

  private look(): void {
    if (this.isClosed) return;
    const { links, connection } = this;
    const fd = connection?.descriptor();
    const info = fd === undefined ? undefined : multipathInfo(fd);
    if (fd === undefined || links === undefined || info === undefined) {
      this.close();
      return;
    }
    const now = this.now();
    this.takeIn(now, info, subflowsOf(fd) ?? [], links);
    const isBehindTarget = this.isBehindTarget(now, Number(info.writeSequence - info.sndUna));
    const view = this.view(now, links, isBehindTarget);
    const { actions, main, nextAt } = this.policy.decide(now, view);
    this.main = main;
    for (const action of actions) this.attempt(now, action, links);
    this.schedule(now, Math.min(nextAt, links.nextAt(now)));
  }

  /** Brings what is known of the subflows in line with what the kernel shows. */
  private takeIn(
    now: number,
    { bytesSent, bytesReceived }: KernelConnectionInfo,
    subflows: readonly KernelSubflow[],
    links: KernelLinks,
  ): void {
    const gone = this.paths.look(now, subflows, (subflow) => this.describe(subflow, links));
    for (const { link, subflow } of gone) {
      if (!this.ended.delete(subflow.id)) links.noteFailure(now, link);
    }
    const there = [...this.paths.paths.values()];
    for (const { link, wasOpen } of there) if (wasOpen) links.noteSuccess(link);
    const connectionBytes = bytesSent === undefined ? undefined : Number(bytesSent + (bytesReceived ?? 0n));
    const metered = this.meteredBytes.since(there, gone, connectionBytes, (link) => links.isMetered(link));
    this.account.usedBytes += metered;
    this.pace.note(now, metered);
    // What was asked for and cannot be seen has failed already.
    for (const { link } of this.expected.values()) links.noteFailure(now, link);
    this.expected.clear();
    links.forgetGone(new Set(there.map(({ link }) => link)));
  }

  /** What is known of a subflow that was not seen before. */
  private describe({ local }: KernelSubflow, links: KernelLinks): NewPath | undefined {
    const address = IpAddress.parse(local.address);
    if (address === undefined) return undefined;
    const own = address.mappedV4 ?? address;
    const expected = this.expected.get(own.toString());
    if (expected !== undefined) {
      this.expected.delete(own.toString());
      return expected;
    }
    const link = links.linkWith(own);
    if (link === undefined) return undefined;
    // RFC 8684 §3.2: the address that the connection began with has ID 0. Others were not asked for here.
    const addressId = this.initialLink === undefined ? 0 : undefined;
    this.initialLink ??= link;
    return { link, addressId, isBackup: false };
  }

  /** `aheadBytes` were written and are not acknowledged. */
  private isBehindTarget(now: number, aheadBytes: number): boolean {
    const main = [...this.paths.paths.values()].find(({ link }) => link === this.main);
    if (this.target === undefined) return false;
    const path = main && targetPathOf(main);
    return this.target.look(now, aheadBytes - (path?.inFlightBytes ?? 0), path);
  }

  private view(now: number, links: KernelLinks, isBehindTarget: boolean): PolicyView<number> {
    const paths = this.paths.policyPaths(now);
    return {
      links: links.policyLinks(now, new Set(paths.map(({ link }) => link)), this.initialLink),
      paths,
      room: Math.max(0, MAX_PATHS - paths.length),
      isMeteredBarred: this.account.isExhausted,
      isBehindTarget,
    };
  }

  /** Carries an action out; one that the kernel refuses is tried again later, if it is still wanted. */
  private attempt(now: number, action: PolicyAction<number>, links: KernelLinks): void {
    try {
      this.act(action, links);
    } catch (error) {
      // Refused by the system, or by a path manager that has become another one since.
      if (!(error instanceof SubflowError)) throw error;
      if (action.type !== 'open') return;
      // The kernel opens none before the peer has confirmed the first (RFC 8684 §3.1).
      if (error.code === 'ENOTCONN') this.unconfirmed++;
      else links.noteFailure(now, action.link);
    }
  }

  private act(action: PolicyAction<number>, links: KernelLinks): void {
    if (action.type === 'open') {
      this.open(action.link, action.isBackup, links);
      return;
    }
    const state = this.paths.paths.get(action.path);
    if (state === undefined) return;
    if (action.type === 'close') {
      this.end(state, action.isLost);
      return;
    }
    this.world.commands.setBackup(this.pathOf(state), action.isBackup);
    state.isBackup = action.isBackup;
  }

  private open(id: LinkId, isBackup: boolean, links: KernelLinks): void {
    const link = links.find(id);
    const source = link === undefined ? undefined : links.sourceOn(link);
    if (source === undefined) return;
    const { remote } = this.connection!;
    const path = { token: this.token, local: { address: source.toString(), port: 0 }, remote };
    const addressId = this.world.commands.create(path, { backup: isBackup, interfaceIndex: id });
    this.unconfirmed = 0;
    this.expected.set(source.toString(), { link: id, addressId, isBackup });
    this.wake();
  }

  /** Ends a path; where it is lost, the peer hears by REMOVE_ADDR on another one (RFC 8684 §3.4.2), while the kernel still knows its ID. */
  private end(state: KernelPathState, isLost: boolean): void {
    const { commands } = this.world;
    this.ended.add(state.subflow.id);
    if (isLost && state.addressId !== undefined) commands.withdraw(this.token, state.addressId);
    commands.destroy(this.pathOf(state));
  }

  private pathOf({ subflow: { local, remote } }: KernelPathState): KernelPath {
    return { token: this.token, local, remote };
  }

  private schedule(now: number, at: number): void {
    clearTimeout(this.timer);
    if (this.isClosed) return;
    const busy = [...this.paths.paths.values()].filter(
      ({ newBytes, subflow }) => newBytes > 0 || subflow.tcp.unackedSegments > 0,
    );
    this.world.attend(new Set(busy.map(({ link }) => link)));
    let delayMs = busy.length > 0 ? BUSY_MS : IDLE_MS;
    if (this.unconfirmed > 0 && this.unconfirmed < MAX_UNCONFIRMED) delayMs = UNCONFIRMED_MS;
    const dueMs = Math.min(at - now, this.pace.nsUntil(this.account.leftBytes)) / MILLISECOND;
    this.timer = setTimeout(() => this.look(), Math.max(SOON_MS, Math.min(delayMs, dueMs))).unref();
  }
}

/** What the kernel knows of a connection; undefined for one that is plain TCP, or no more. */
function multipathInfo(fd: number): KernelConnectionInfo | undefined {
  const info = connectionInfo(fd);
  return info?.fallback === false ? info : undefined;
}
