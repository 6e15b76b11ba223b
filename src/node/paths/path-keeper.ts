/**
 * Looks after the uplinks of a machine for all its Multipath TCP connections: tables and rules for each interface, the kernel's endpoints
 * as a service type wants them, backup by the quality of the links, subflows that were lost. Everything is undone at the end; what a
 * program that was killed left is found by the next.
 *
 * A service type is that of one connection (`choosePaths`); here the whole machine counts as one: its paths are the uplinks. What the
 * links are like shows in the subflows of all connections (socket diagnosis), in carrier and signal.
 *
 * Read first: uplinks.ts, routing.ts, endpoint-keeper.ts; docs/decisions/0029-kernel-paths.md.
 */
import { MILLISECOND, SECOND, SubflowError } from '../../base/index.js';
import {
  inside,
  KernelPathEvents,
  LinkFactsWatch,
  openTogether,
  SystemError,
  type ListedSubflow,
} from '../../linux/index.js';
import {
  choosePaths,
  LinkQualityMonitor,
  type AssessedLink,
  type LinkId,
  type PolicyAction,
} from '../../policy/index.js';
import type { LogFields } from '../daemon/index.js';
import type { IpAddress } from '../../wire/index.js';
import { Connections } from './connections.js';
import { EndpointKeeper, type LinkRole } from './endpoint-keeper.js';
import type { PathKeeperEventName, Uplink } from './events.js';
import { Ledger } from './ledger.js';
import { Machine } from './machine.js';
import { Metering } from './metering.js';
import { NetworkMemory } from './network-memory.js';
import { checkKeeperRights, type PathKeeperOptions, type PathKeeperSettings } from './options.js';
import { Refusals } from './refusals.js';
import { Rests } from './rests.js';
import { routingSteps } from './routing.js';
import { commandOf, isDoneAlready, type Step } from './steps.js';
import { uplinkCandidates, type UplinkCandidate } from './uplinks.js';
import { changesOf, describeUplinks } from './uplink-view.js';

/** Between looks, in ms: while data flows, while none does, at the least. */
const BUSY_MS = 200;
const IDLE_MS = 1000;
const SOON_MS = 20;
/** A look takes no more than this part of the time. */
const MAX_SHARE = 0.05;
/** How often routes and rules are compared though nothing was announced, in ns. */
const ROUTING_NS = 30 * SECOND;
/** How long a new subflow in user space is waited for before it is asked for, in ns: long enough for a program that does so itself. */
const USERSPACE_PATIENCE_NS = 300 * MILLISECOND;
/** Most subflows of a connection that the kernel takes as a limit. */
const MAX_SUBFLOW_LIMIT = 8;

export class PathKeeper {
  private options: PathKeeperOptions;
  private readonly machine: Machine;
  private readonly ledger: Ledger | undefined;
  private readonly watch: LinkFactsWatch;
  private readonly monitor: LinkQualityMonitor<number>;
  private readonly connections = new Connections();
  private readonly endpoints: EndpointKeeper;
  private readonly metering: Metering;
  private readonly rests = new Rests();
  /** What each link is for; those without are not used. */
  private readonly roles = new Map<LinkId, LinkRole>();
  private readonly events: KernelPathEvents | undefined;
  /** Addresses that subflows were sent from, by their texts. */
  private readonly formerAddresses = new Map<string, IpAddress>();
  private candidates: readonly UplinkCandidate[] = [];
  private shown: readonly Uplink[] = [];
  private routingAt = Number.NEGATIVE_INFINITY;
  private readonly networks = new NetworkMemory();
  private readonly refusals = new Refusals();
  /** Interfaces that are not to be used, and whether strictly: {@link PathKeeper.bar}. */
  private readonly barred = new Map<string, boolean>();
  private timer: NodeJS.Timeout | undefined;
  private isLookQueued = false;
  private isClosed = false;
  private readonly startedAt = process.hrtime();

  /**
   * Looks after the uplinks from now on, until {@link PathKeeper.close}; holds no process alive.
   * @throws SubflowError `ERR_SUBFLOW_UNSUPPORTED` without Multipath TCP in the kernel, `EPERM` without CAP_NET_ADMIN, `ERR_SUBFLOW_BUSY` where
   * another keeper runs in this network namespace, `ERR_SUBFLOW_BAD_SETTING` for thresholds or limits that make no sense.
   */
  static start(options: PathKeeperOptions): PathKeeper {
    const keeper = new PathKeeper(options, false);
    keeper.tell('started', { serviceType: options.serviceType, pathManager: keeper.managerName });
    keeper.look();
    return keeper;
  }

  /** What {@link PathKeeper.start} would do first, as commands of `ip`; nothing is done. @throws as that, but for `ERR_SUBFLOW_BUSY`. */
  static plan(options: PathKeeperOptions): string[] {
    const keeper = new PathKeeper(options, true);
    try {
      keeper.look();
      return (keeper.machine.rehearsed ?? []).map(commandOf);
    } finally {
      keeper.close();
    }
  }

  /**
   * Takes back what a keeper that was killed left in a namespace: everything, or where not `isForced`, everything but endpoints that a
   * connection stands on alone. Gives the addresses of those. @throws as {@link PathKeeper.start}.
   */
  static undo(
    options: Pick<PathKeeperOptions, 'namespace' | 'stateFolder' | 'onEvent'>,
    isForced = false,
  ): string[] {
    const keeper = new PathKeeper({ ...options, serviceType: 'handover' }, false);
    return keeper.end(isForced);
  }

  private constructor(options: PathKeeperOptions, isRehearsal: boolean) {
    this.options = options;
    this.monitor = new LinkQualityMonitor(options.thresholds);
    this.metering = new Metering(options.metered);
    const { namespace } = options;
    inside(namespace, checkKeeperRights);
    const { machine, ledger, watch, events } = openTogether((keep) => {
      const machine = keep(new Machine(namespace, isRehearsal));
      const ledger = isRehearsal ? undefined : keep(new Ledger(machine.name, options.stateFolder));
      const watch = keep(
        new LinkFactsWatch({
          ...(namespace !== undefined && { namespace }),
          isMetered: (link) => this.options.isMetered?.(link) ?? link.kind === 'cellular',
          onChange: () => this.noteChange(),
        }),
      );
      const events = isRehearsal ? undefined : keep(inside(namespace, () => this.hear()));
      return { machine, ledger, watch, events };
    });
    this.machine = machine;
    this.ledger = ledger;
    this.watch = watch;
    this.events = events;
    const act = (step: Step): boolean => this.act(step);
    this.endpoints = new EndpointKeeper(this.machine, this.ledger, this.connections, act);
  }

  private hear(): KernelPathEvents {
    return new KernelPathEvents(
      (event) => {
        this.connections.handleEvent(event);
        this.wake();
      },
      () => this.wake(),
    );
  }

  /** The uplinks as they are, those that cannot be used now among them; other interfaces are left out. */
  get uplinks(): readonly Uplink[] {
    return this.shown;
  }

  /** Bytes that may still go over metered links; Infinity without a cap. */
  get meteredLeftBytes(): number {
    return this.metering.leftBytes;
  }

  /** Bytes that went over metered links. */
  get meteredUsedBytes(): number {
    return this.metering.usedBytes;
  }

  /** Steps that the system refuses now; each is tried again. */
  get refusedSteps(): number {
    return this.refusals.count;
  }

  /**
   * Has other settings hold in place of those before, at once; connections go on. What went over metered links stays counted.
   * @throws SubflowError `ERR_SUBFLOW_BAD_SETTING` for a limit that makes no sense; nothing is changed then.
   */
  reconfigure(settings: PathKeeperSettings): void {
    const { namespace, thresholds, stateFolder, onEvent } = this.options;
    this.metering.setLimit(settings.metered);
    this.options = {
      ...settings,
      ...(namespace !== undefined && { namespace }),
      ...(thresholds !== undefined && { thresholds }),
      ...(stateFolder !== undefined && { stateFolder }),
      ...(onEvent !== undefined && { onEvent }),
    };
    this.routingAt = Number.NEGATIVE_INFINITY;
    this.look();
  }

  /**
   * Uses the interface called `name` no more, be it there or not, until it is released: its subflows end, but for those that connections
   * stand on alone. Its table and rules stay, for the latter. `isStrict`: the latter end too, and may take their connections with them.
   */
  bar(name: string, isStrict = false): void {
    this.barred.set(name, isStrict);
    this.look();
  }

  /** Uses the interface called `name` again, as the service type wants. One that was not barred stays as it is. */
  release(name: string): void {
    if (this.barred.delete(name)) this.look();
  }

  /**
   * Undoes everything: rules, tables, endpoints, limits. An endpoint that a connection stands on alone stays, since the kernel would end
   * that connection with it; such are named by the event `left-behind`. Closing twice does nothing.
   */
  close(): void {
    if (!this.isClosed) this.end(false);
  }

  private end(isForced: boolean): string[] {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.watch.close();
    this.events?.close();
    const left = this.machine.rehearsed === undefined ? this.undo(isForced) : [];
    this.ledger?.close();
    this.machine.close();
    if (this.machine.rehearsed === undefined) this.tell('stopped', {});
    return left;
  }

  private undo(isForced: boolean): string[] {
    let left: string[] = [];
    this.refusals.begin('end');
    this.attempt(() => this.readConnections(this.now()));
    this.attempt(() => {
      left = this.endpoints.undo(isForced);
      for (const address of left) this.tell('left-behind', { address });
    });
    this.attempt(() => this.keepRouting([]));
    this.attempt(() => {
      const { ledger } = this;
      const limit = ledger?.limit;
      if (ledger === undefined || limit === undefined) return;
      const isOurs = this.machine.endpoints.limits().subflows === limit.set;
      if (!isOurs || this.act({ do: 'set-subflow-limit', subflows: limit.found })) ledger.limit = undefined;
    });
    return left;
  }

  private get managerName(): string {
    return this.machine.isUserspaceManaged ? 'userspace' : 'kernel';
  }

  private now(): number {
    const [seconds, nanoseconds] = process.hrtime(this.startedAt);
    return seconds * 1e9 + nanoseconds;
  }

  private tell(event: PathKeeperEventName, fields: LogFields): void {
    this.options.onEvent?.({ event, fields });
  }

  private noteChange(): void {
    this.routingAt = Number.NEGATIVE_INFINITY;
    this.wake();
  }

  /** Something happened: a look follows soon. */
  private wake(): void {
    if (this.isLookQueued || this.isClosed) return;
    this.isLookQueued = true;
    setImmediate(() => {
      this.isLookQueued = false;
      this.look();
    });
  }

  /** Does a step, and tells of it. */
  private act(step: Step): boolean {
    const command = commandOf(step);
    try {
      this.machine.apply(step);
    } catch (error) {
      if (!(error instanceof SystemError) && !isSystemError(error)) throw error;
      if (isDoneAlready(step, error)) return true;
      if (this.refusals.note(command)) this.tell('refused', { command, reason: error.message });
      return false;
    }
    if (this.machine.rehearsed === undefined) this.tell('step', { command });
    return true;
  }

  /** What the system refuses is told of, and tried again with the next look. */
  private attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SubflowError) && !isSystemError(error)) throw error;
      const reason = error.message;
      if (this.refusals.note(reason)) this.tell('refused', { reason });
    }
  }

  private look(): void {
    if (this.isClosed) return;
    const now = this.now();
    this.attempt(() => {
      this.candidates = uplinkCandidates(this.watch.links, this.options);
      if (now - this.routingAt >= ROUTING_NS) {
        this.routingAt = now;
        this.refusals.begin('routing');
        const uplinks = this.uplinkCandidates;
        // What is alone needs no table: everything goes its way.
        this.keepRouting(uplinks.length < 2 ? [] : uplinks);
        this.forgive();
      }
    });
    this.refusals.begin('connections');
    this.attempt(() => {
      this.readConnections(now);
      this.countBytes(now);
      this.decide(now);
    });
    this.refusals.begin('endpoints');
    this.attempt(() => this.keepEndpoints(now));
    this.show(now);
    this.schedule(now);
  }

  /** Those that lead out, or did and were given a role. */
  private get uplinkCandidates(): UplinkCandidate[] {
    return this.candidates.filter(({ link, ways }) => {
      const isForbidden = this.options.metered === 'forbid' && this.watch.factsOf(link).isMetered;
      return ways.length > 0 && !isForbidden;
    });
  }

  private keepRouting(uplinks: readonly UplinkCandidate[]): void {
    const { tables } = this.machine;
    const state = { routes: tables.routes(), rules: tables.rules() };
    for (const step of routingSteps(state, uplinks)) this.act(step);
  }

  /** In another network the kernel is to try Multipath TCP again. */
  private forgive(): void {
    const routers = this.candidates.flatMap(({ link, ways }) =>
      ways.filter(({ isDefault }) => isDefault).map(({ gateway }) => `${link.index} ${String(gateway)}`),
    );
    const holes = this.machine.blackHoles;
    const isForgiven = this.networks.isForgivenIn(routers.join(), holes);
    const timeoutS = this.machine.blackHoleTimeoutS;
    if (!isForgiven || timeoutS <= 0) return;
    // Writing the number that is there has the kernel forget what it noted.
    if (this.act({ do: 'forgive-black-holes', timeoutS }))
      this.tell('black-holes-forgiven', { times: holes });
  }

  private readConnections(now: number): void {
    const links = new Map<string, LinkId>();
    for (const { index, addresses } of this.watch.links)
      for (const { address } of addresses) links.set(address.toString(), index);
    const linkOf = ({ local, interfaceIndex }: ListedSubflow): LinkId | undefined =>
      links.get(local.address) ?? (interfaceIndex === 0 ? undefined : interfaceIndex);
    this.connections.look(now, this.machine.subflows.read(), linkOf);
  }

  private countBytes(now: number): void {
    const interfaces = this.candidates.map(({ link }) => ({
      name: link.name,
      isMetered: this.watch.factsOf(link).isMetered,
    }));
    if (this.metering.look(now / MILLISECOND, this.machine.linkBytes(), interfaces))
      this.tell('metered-used-up', { bytes: this.metering.usedBytes });
  }

  /** Gives the links their roles. */
  private decide(now: number): void {
    const { monitor, connections, roles } = this;
    const uplinks = this.uplinkCandidates.filter(({ link }) => !this.barred.has(link.name));
    for (const { link } of uplinks) monitor.noteFacts(now, link.index, this.watch.factsOf(link));
    const samples = connections.samples(now);
    const paths = new Set(samples.map(({ path }) => path));
    monitor.keepPaths(now, (path) => paths.has(path));
    for (const { link, path, sample } of samples) monitor.noteSample(now, link, path, sample);
    monitor.review(now);
    this.rests.look(now, connections, uplinks, roles);
    for (const id of [...roles.keys()]) if (!uplinks.some(({ link }) => link.index === id)) roles.delete(id);
    const links = uplinks.map(({ link, ways, lacks }): AssessedLink => {
      const mayOpen = lacks === undefined && !this.rests.isResting(now, link.index);
      const isInitial = ways.some(({ isDefault }) => isDefault);
      const facts = this.watch.factsOf(link);
      return {
        id: link.index,
        facts,
        mayOpen,
        isInitial,
        isSpare: false,
        ...monitor.assess(now, link.index),
      };
    });
    const isOpen = (id: LinkId): boolean => links.some((link) => link.id === id && link.facts.hasCarrier);
    const view = {
      links,
      paths: [...roles].map(([id, { isBackup }]) => ({
        ...{ id, link: id, isOpen: isOpen(id), isBackup, sample: undefined },
      })),
      room: MAX_SUBFLOW_LIMIT,
      ...{ isMeteredBarred: this.metering.isExhausted, isBehindTarget: false },
    };
    for (const action of choosePaths(this.options.serviceType, view).actions) this.assign(action);
  }

  private assign(action: PolicyAction<LinkId>): void {
    if (action.type === 'close') this.roles.delete(action.path);
    else if (action.type === 'open') this.roles.set(action.link, { isBackup: action.isBackup });
    else this.roles.set(action.path, { isBackup: action.isBackup });
  }

  private isGood(id: LinkId): boolean {
    return this.monitor.qualityOf(id) !== 'dead' && this.roles.has(id);
  }

  private keepEndpoints(now: number): void {
    const uplinks = this.uplinkCandidates;
    const isGood = (id: LinkId): boolean => this.isGood(id);
    if (this.roles.size > 0) this.raiseLimit();
    const closed = uplinks.filter(({ link }) => this.barred.get(link.name) === true);
    const closedIds = new Set(closed.map(({ link }) => link.index));
    this.endpoints.keep(now, uplinks, this.roles, isGood, this.strayAddresses(uplinks), closedIds);
    const usable = new Map(
      uplinks
        .filter(
          ({ link, lacks }) =>
            lacks === undefined && isGood(link.index) && !this.rests.isResting(now, link.index),
        )
        .map(({ link, ways }) => [link.index, new Set(ways.map(({ family }) => family))] as const),
    );
    const isUserspace = this.machine.isUserspaceManaged;
    const due = this.connections.missing(now, usable, isUserspace ? USERSPACE_PATIENCE_NS : undefined);
    const isBackup = (id: LinkId): boolean => this.roles.get(id)?.isBackup ?? false;
    const made = this.endpoints.recreate(now, due, uplinks, isBackup, isGood);
    if (made.length > 0) this.rests.noteAttempts(now, made);
    for (const { connection, link, attempts, wasThere } of made) {
      const name = uplinks.find((each) => each.link.index === link)?.link.name;
      this.tell('re-created', { interface: name, token: connection.token, attempts, wasThere });
    }
  }

  /** Addresses of former uplinks that no interface has, while a subflow is sent from them. */
  private strayAddresses(uplinks: readonly UplinkCandidate[]): IpAddress[] {
    const { formerAddresses, connections } = this;
    for (const { ways } of uplinks)
      for (const { address } of ways) formerAddresses.set(address.toString(), address);
    const there = new Set(
      this.watch.links.flatMap(({ addresses }) => addresses.map(({ address }) => address.toString())),
    );
    const strays = [...formerAddresses].filter(([text]) => !there.has(text));
    for (const [text] of strays) {
      if (connections.countOn(({ local }) => local.address === text) === 0) formerAddresses.delete(text);
    }
    return strays.map(([, address]) => address);
  }

  /** Every uplink and one more while addresses change. */
  private raiseLimit(): void {
    const found = this.machine.endpoints.limits().subflows;
    const wanted = Math.min(MAX_SUBFLOW_LIMIT, this.uplinkCandidates.length + 1);
    if (found >= wanted) return;
    const { ledger } = this;
    const before = ledger?.limit;
    if (ledger !== undefined) {
      ledger.limit = { found: before?.set === found ? before.found : found, set: wanted };
      ledger.save();
    }
    if (!this.act({ do: 'set-subflow-limit', subflows: wanted }) && ledger !== undefined)
      ledger.limit = before;
  }

  private show(now: number): void {
    const before = this.shown;
    this.shown = describeUplinks({
      ...{ candidates: this.candidates, watch: this.watch, roles: this.roles, connections: this.connections },
      qualityOf: (id) => this.monitor.assess(now, id).quality,
      isForbidden: (link) =>
        this.watch.factsOf(link).isMetered &&
        (this.options.metered === 'forbid' || this.metering.isExhausted),
      barred: this.barred,
      useOf: (name) => this.metering.useOf(name),
    });
    for (const { event, fields } of changesOf(before, this.shown)) this.tell(event, fields);
  }

  private schedule(now: number): void {
    clearTimeout(this.timer);
    if (this.isClosed || this.machine.rehearsed !== undefined) return;
    this.watch.attend(new Set(this.roles.keys()));
    const tookMs = (this.now() - now) / MILLISECOND;
    const delayMs = Math.max(this.connections.isBusy ? BUSY_MS : IDLE_MS, tookMs / MAX_SHARE);
    const at = Math.min(this.monitor.nextAt(now), this.connections.nextAt(), this.rests.nextAt(now));
    const dueMs = Math.max((at - now) / MILLISECOND, tookMs / MAX_SHARE);
    this.timer = setTimeout(() => this.look(), Math.max(SOON_MS, Math.min(delayMs, dueMs))).unref();
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
