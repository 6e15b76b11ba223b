/**
 * A balancer at work: the control plane driven by the clock, the checks, the store and the file, and the data path told what follows. Owns
 * every descriptor and timer of it; decides nothing about servers (balancer/control) and moves no packet (data paths).
 *
 * Order matters at both ends. At the start the data path comes last but for what is asked for from outside, with the generation that
 * counts by then; at the end it goes first, so that nothing is steered by a state that nobody looks after.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type BalanceConfig,
  type BalanceStatus,
  ControlPlane,
  type ControlEvent,
  type Generation,
  type HealthCheck,
  type HealthCheckConfig,
  metricsText,
  reloadableFields,
  statusOf,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { CryptoRandom } from '../crypto-random.js';
import { messageOf } from '../net-error.js';
import { nowNs } from './clock.js';
import type { ConfigEvent } from '../daemon/config-watch.js';
import type { DataPath, DataPathFactory, DataPathOptions } from './data-path.js';
import type { Log } from '../daemon/log.js';
import type { LogEvent } from './log-events.js';
import { type MetricsServer, startMetricsServer } from '../daemon/metrics-server.js';
import { PathKeeper } from './path-keeper.js';
import { isUnavailable, type StateStore, type StoreEvent } from './state-store.js';
import type { StatusSocket } from '../daemon/status-socket.js';
import { serveStatus } from './status-socket.js';

/** How long a store that cannot be reached is waited for at the start, in ms. */
const storeWaitMs = 10_000;
/** Before a snapshot that a full disk did not take is written again, in ms. */
const saveRetryMs = 2000;
/** How often learned tokens are told to the other balancers, in ms. */
const tokensEveryMs = 200;
/** Longest time that a timer of Node takes, in ms. */
const maxTimerMs = 2 ** 31 - 1;

/** How to start a balancer. */
export interface BalancerRuntimeOptions {
  readonly config: BalanceConfig;
  /** Name of the file that it stands in, for the status. */
  readonly configFile: string;
  readonly log: Log<LogEvent>;
  readonly openStore: (config: BalanceConfig) => Promise<StateStore>;
  readonly openPath: DataPathFactory;
  readonly makeCheck: (config: HealthCheckConfig) => HealthCheck;
}

/** Starts a balancer. Rejects, with nothing of it left, when it cannot be had, or when `signal` is aborted before it is at work. */
export async function startBalancer(
  options: BalancerRuntimeOptions,
  signal?: AbortSignal,
): Promise<BalancerRuntime> {
  const runtime = new BalancerRuntime(options);
  const end = (): void => void runtime.close();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  try {
    await runtime.begin();
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return runtime;
}

/** See the module. */
export class BalancerRuntime {
  /** Resolves when the balancer cannot go on, with why. */
  readonly failed: Promise<Error>;
  private readonly options: BalancerRuntimeOptions;
  private readonly log: Log<LogEvent>;
  private readonly control: ControlPlane;
  private readonly startedAtNs = nowNs();
  private readonly aborter = new AbortController();
  private config: BalanceConfig;
  private check: HealthCheck | undefined;
  private loadedAtNs = nowNs();
  private problem: string | undefined;
  private reach: { isReachable: boolean; why: string } = { isReachable: true, why: '' };
  private store: StateStore | undefined;
  private readonly keeper: PathKeeper;
  private metrics: MetricsServer | undefined;
  private socket: StatusSocket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private tokenTimer: NodeJS.Timeout | undefined;
  private saveTimer: NodeJS.Timeout | undefined;
  /** Whether the latest generation is in force without being in the store: a disk is full. */
  private isUnsaved = false;
  private firstGeneration: (() => void) | undefined;
  /** What {@link begin} does; undefined before it. And whether all of it is done. */
  private beginning: Promise<void> | undefined;
  private isStarted = false;
  private closing: Promise<void> | undefined;

  constructor(options: BalancerRuntimeOptions) {
    const { config } = options;
    this.options = options;
    this.log = options.log;
    this.config = config;
    this.keeper = new PathKeeper({
      ...{ log: this.log, where: config.interfaces.join(', '), open: () => this.openPath() },
    });
    this.failed = this.keeper.failed;
    const { name, design, settings, servers: wanted, health } = config;
    this.check = health === undefined ? undefined : options.makeCheck(health);
    this.control = new ControlPlane(nowNs(), {
      ...{ name, design, settings, wanted, random: new CryptoRandom() },
      ...(health !== undefined && { health }),
    });
  }

  /** Everything that may fail. To be called once. */
  begin(): Promise<void> {
    this.beginning = this.open();
    return this.beginning;
  }

  /** Whatever was ended while one of these was opened is closed by {@link end}, which waits for it. */
  private async open(): Promise<void> {
    const { config } = this;
    this.checkOpen();
    this.store = await this.options.openStore(config);
    this.checkOpen();
    const stored = await this.loadStored(this.store);
    this.checkOpen();
    this.control.restore(nowNs(), stored?.snapshot, stored?.generations ?? []);
    const isKnown = new Promise<void>((resolve) => (this.firstGeneration = resolve));
    void this.follow(this.store);
    this.drive();
    await isKnown;
    this.checkOpen();
    await this.keeper.start();
    this.checkOpen();
    if (config.metrics !== undefined) await this.startMetrics(config.metrics.listen);
    this.checkOpen();
    this.socket = await serveStatus(config.status.socket, () => this.status());
    this.checkOpen();
    this.tellStarted(config);
  }

  private tellStarted(config: BalanceConfig): void {
    this.log.info('status-listening', `subflow balance status --socket ${config.status.socket}`);
    if (config.design === 'token-map' && config.store.kind === 'nats')
      this.tokenTimer = setInterval(() => void this.shareTokens(), tokensEveryMs);
    this.isStarted = true;
    this.log.info('started', `${config.design} on ${config.interfaces.join(', ')}`, {
      ...{ design: config.design, path: config.path, servers: this.control.log.current!.servers.length },
    });
  }

  /** The state of now. */
  async status(): Promise<BalanceStatus> {
    const { path } = this.keeper;
    if (path === undefined) throw new SubflowError('ERR_SUBFLOW_CLOSED', 'the balancer is not at work');
    return statusOf({
      ...{ nowNs: nowNs(), startedAtNs: this.startedAtNs, loadedAtNs: this.loadedAtNs },
      ...{ config: this.config, configFile: this.options.configFile, problem: this.problem },
      ...{ store: this.reach, control: this.control, counted: await path.counters() },
    });
  }

  /** Takes what became of the configuration file. One that is wrong leaves everything as it is. */
  takeConfig(event: ConfigEvent<BalanceConfig>): void {
    if (this.closing !== undefined) return;
    const problem = event.ok ? this.unchangeable(event.config) : event.problem;
    this.problem = problem;
    if (!event.ok || problem !== undefined) {
      this.log.error('config-refused', problem!, { file: this.options.configFile });
      return;
    }
    const { servers, health } = event.config;
    const isOtherHealth = !isDeepStrictEqual(health, this.config.health);
    this.config = event.config;
    this.loadedAtNs = nowNs();
    this.log.info('config-loaded', `${servers.length} servers`, { file: this.options.configFile });
    if (isOtherHealth) {
      this.check = health === undefined ? undefined : this.options.makeCheck(health);
      this.control.setHealth(nowNs(), health);
    }
    this.control.setWanted(nowNs(), servers);
    this.drive();
  }

  /** Ends everything, the data path first. Nothing is left on the machine when the promise resolves. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private checkOpen(): void {
    if (this.closing !== undefined)
      throw new SubflowError('ERR_SUBFLOW_CLOSED', 'the balancer was ended before it was at work');
  }

  private async end(): Promise<void> {
    this.aborter.abort();
    this.firstGeneration?.();
    clearTimeout(this.timer);
    clearTimeout(this.saveTimer);
    clearInterval(this.tokenTimer);
    // What ends badly must not keep the rest from ending.
    const path = await Promise.allSettled([this.keeper.close()]);
    // Before the balancer was at work, a store that is out of reach may be what is waited for.
    const early = await Promise.allSettled([this.isStarted ? undefined : this.store?.close()]);
    // Whoever began it hears what went wrong with that.
    await this.beginning?.catch(() => undefined);
    const rest = await Promise.allSettled([this.keeper.close(), this.socket?.close(), this.metrics?.close()]);
    const stored = await Promise.allSettled([this.store?.close()]);
    for (const each of [...path, ...early, ...rest, ...stored])
      if (each.status === 'rejected') this.log.error('fault', messageOf(each.reason));
  }

  /** What the store holds; one that is shared may take its time. */
  private async loadStored(store: StateStore): ReturnType<StateStore['load']> {
    const until = Date.now() + (this.isAlone ? 0 : storeWaitMs);
    for (;;) {
      try {
        return await store.load();
      } catch (error) {
        if (!isUnavailable(error) || Date.now() >= until || this.closing !== undefined) throw error;
        await sleep(200);
      }
    }
  }

  private get isAlone(): boolean {
    return this.config.store.kind === 'folder';
  }

  /** Opens a data path that begins with the generation of now. */
  private openPath(): Promise<DataPath> {
    const { design, services, settings, interfaces, joinPortBase, source, workers, mode } = this.config;
    const options: DataPathOptions = {
      ...{ design, services, settings, interfaces, start: this.control.log.snapshot() },
      ...(joinPortBase !== undefined && { joinPortBase }),
      ...(source !== undefined && { source }),
      ...(workers !== undefined && { workers }),
      ...(mode !== undefined && { mode }),
    };
    return this.options.openPath(options);
  }

  private async startMetrics(listen: string): Promise<void> {
    this.metrics = await startMetricsServer(listen, {
      metrics: async () => metricsText(await this.status()),
      health: () => this.health(),
    });
    this.log.info('metrics-listening', `http://${this.metrics.address}/metrics`);
  }

  /** Whether it steers packets to anybody. */
  health(): { readonly isHealthy: boolean; readonly said: string } {
    const { current } = this.control.log;
    const up = current?.servers.filter(({ state = 'up' }) => state === 'up').length ?? 0;
    const isHealthy = this.keeper.path !== undefined && this.closing === undefined && up > 0;
    return { isHealthy, said: isHealthy ? `${up} servers are up` : 'no server is up' };
  }

  /** Does what is due, and comes back when there is more. */
  private drive(): void {
    if (this.closing !== undefined) return;
    const { control } = this;
    const now = nowNs();
    for (let attempt = control.pollAttempt(now); attempt; attempt = control.pollAttempt(now)) {
      const current = attempt;
      void this.check!.attempt(attempt.server, this.aborter.signal).then((outcome) => {
        control.handleOutcome(nowNs(), current, outcome);
        this.drive();
      });
    }
    const observation = control.pollObservation(now);
    if (observation !== undefined) this.attemptStore((store) => store.publish(observation));
    const proposal = control.pollProposal(now);
    if (proposal !== undefined) void this.append(proposal);
    const snapshot = control.pollCompaction();
    if (snapshot !== undefined) this.attemptStore((store) => store.compact(snapshot));
    for (let event = control.pollEvent(); event; event = control.pollEvent()) this.take(event);
    clearTimeout(this.timer);
    const waitMs = (control.pollTimeout() - nowNs()) / 1e6;
    if (waitMs < Number.POSITIVE_INFINITY)
      this.timer = setTimeout(() => this.drive(), Math.min(maxTimerMs, Math.max(1, Math.ceil(waitMs))));
  }

  private async append(proposal: Generation): Promise<void> {
    const { control } = this;
    try {
      const isFirst = await this.store!.append(proposal);
      // A store that lacks generations takes none that follows them; the snapshot to come has it.
      control.handleAppended(nowNs(), proposal, isFirst || this.isUnsaved ? 'won' : 'lost');
    } catch (error) {
      if (this.closing !== undefined) return;
      this.tellFault(error);
      // Alone, nobody can be of another mind: the servers' health goes before a full disk.
      this.isUnsaved ||= this.isAlone;
      control.handleAppended(nowNs(), proposal, this.isAlone ? 'won' : 'unavailable');
    }
    if (this.isUnsaved) await this.save();
    this.drive();
  }

  /** Has the store of one balancer alone catch up, by a snapshot: generations are missing in it. Tries again until it is written. */
  private async save(): Promise<void> {
    clearTimeout(this.saveTimer);
    try {
      await this.store!.compact(this.control.log.snapshot());
      this.control.log.markCompacted();
      this.isUnsaved = false;
    } catch (error) {
      this.tellFault(error);
      if (this.closing === undefined)
        this.saveTimer = setTimeout(() => void this.save(), saveRetryMs).unref();
    }
  }

  private attemptStore(action: (store: StateStore) => Promise<unknown>): void {
    if (this.store !== undefined) action(this.store).catch((error: unknown) => this.tellFault(error));
  }

  /** Tells of what should not happen: not of a store that is out of reach, which the watch tells, nor of what the end cut short. */
  private tellFault(error: unknown): void {
    if (this.closing === undefined && !isUnavailable(error)) this.log.error('fault', messageOf(error));
  }

  private take(event: ControlEvent): void {
    switch (event.type) {
      case 'health': {
        const { server, to, why } = event;
        if (to === 'up') this.log.info('server-up', `server ${server} answers`, { server });
        else this.log.warn('server-down', `server ${server}: ${why}`, { server });
        return;
      }
      case 'generation': {
        const { number, reason } = event.generation;
        if (event.isOwn) this.log.info('generation-proposed', reason, { generation: number });
        this.firstGeneration?.();
        this.keeper.take(event.generation);
        return;
      }
      case 'restored':
        if (!event.isWhole)
          this.log.warn(
            'generation',
            'the buckets were shared out anew: the stored ones do not fit the settings',
          );
        this.firstGeneration?.();
        this.keeper.restart();
        return;
      case 'fail-open':
        if (event.isOn)
          this.log.warn('server-down', 'no server is healthy: checks are not believed, the list stays');
        else this.log.info('server-up', 'checks are believed again');
    }
  }

  private async follow(store: StateStore): Promise<void> {
    for await (const event of store.watch()) {
      if (this.closing !== undefined) return;
      try {
        await this.takeStored(event);
      } catch (error) {
        this.log.error('store-refused', messageOf(error));
      }
      this.drive();
    }
  }

  private async takeStored(event: StoreEvent): Promise<void> {
    const { control } = this;
    switch (event.type) {
      case 'generation':
        control.handleGeneration(nowNs(), event.generation);
        return;
      case 'state':
        control.handleState(nowNs(), event.state.snapshot, event.state.generations);
        return;
      case 'observation':
        control.handleObservation(nowNs(), event.observation);
        return;
      case 'balancer-gone':
        this.log.warn('balancer-gone', `${event.balancer} tells nothing any more`, {
          balancer: event.balancer,
        });
        control.handleBalancerGone(event.balancer);
        return;
      case 'tokens':
        await this.keeper.path?.importTokens(event.entries);
        return;
      case 'reach':
        this.takeReach(event.isReachable, event.why);
    }
  }

  private takeReach(isReachable: boolean, why: string): void {
    const isNews = isReachable !== this.reach.isReachable;
    this.reach = { isReachable, why };
    if (!isNews) return;
    if (isReachable) this.log.info('store-reached', 'the store can be reached');
    else this.log.error('store-lost', why);
  }

  private async shareTokens(): Promise<void> {
    try {
      const tokens = (await this.keeper.path?.takeLearnedTokens()) ?? [];
      if (tokens.length > 0) await this.store!.shareTokens(tokens);
    } catch (error) {
      this.tellFault(error);
    }
  }

  /** Which fields differ that a running balancer cannot take over, in words; undefined when none does. */
  private unchangeable(config: BalanceConfig): string | undefined {
    const isReloadable = (name: string): boolean => reloadableFields.some((each) => each === name);
    const names = new Set([...Object.keys(config), ...Object.keys(this.config)] as (keyof BalanceConfig)[]);
    const changed = [...names].filter(
      (name) => !isReloadable(name) && !isDeepStrictEqual(config[name], this.config[name]),
    );
    if (changed.length === 0) return undefined;
    return `${changed.join(', ')}: a running balancer cannot take over a change of it; start it anew`;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
