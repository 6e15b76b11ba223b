/**
 * The control plane of one balancer: what the operator wants and how servers are, as balancers see it together, make generations. Several
 * balancers run one each, without a leader: whoever notices that the latest generation is not what it should be proposes the next one, the
 * first to append it wins, and the others look again. Without the store nothing is decided, and packets go on by the latest generation.
 *
 * The list that an operator wants travels in the generations: a balancer proposes its own file's once, when it is read, and follows whoever
 * came later. So balancers with different files, as while new ones are rolled out, do not fight.
 *
 * How to drive it, as every engine here: after any input, and when the time of `pollTimeout` has come, poll attempts, observations, the
 * proposal, the compaction and events until each gives undefined. Attempts, appends and the like are carried out by the owner, who tells
 * what came of them. `now` is in ns since 1970.
 */
import { Deque, NEVER, type RandomSource, randomUnit, SECOND, MILLISECOND } from '../../base/index.js';
import type { DesignName } from '../designs.js';
import type { ServerSpec } from '../servers.js';
import type { SteeringSettings } from '../settings.js';
import type { Generation, GenerationSnapshot } from './generation.js';
import { isSameGeneration } from './generation-json.js';
import { GenerationLog } from './generation-log.js';
import type { HealthCheckConfig, HealthOutcome } from './health.js';
import {
  type HealthAttempt,
  HealthMonitor,
  type HealthTransition,
  type ServerHealth,
} from './health-monitor.js';
import { HealthVote, observationLifeNs, type VotedHealth } from './health-vote.js';
import { isSameList, nextServers, reasonFor, wantedIn } from './next-servers.js';
import type { Observation } from './observation.js';

/** How often a balancer says what it sees, changes aside. */
const publishEveryNs = observationLifeNs / 3;
/** How long to wait before a proposal that was lost, or that the store did not take, is made anew; up to twice that. */
const retryNs = SECOND;
/** Generations after which the log makes way for a snapshot. */
export const compactAfter = 64;
/** Most events that wait to be polled. */
const maxEvents = 4096;

/** How to make a {@link ControlPlane}. */
export interface ControlPlaneOptions {
  /** Name of this balancer among those that share a store. */
  readonly name: string;
  readonly design: DesignName;
  readonly settings?: Partial<SteeringSettings>;
  /** What the operator wants. */
  readonly wanted: readonly ServerSpec[];
  /** How servers are checked; without it they are as the operator says. */
  readonly health?: HealthCheckConfig;
  /** Jitter comes from it. */
  readonly random: RandomSource;
}

/** What a control plane has to tell, for a log and whoever drives a data path. */
export type ControlEvent =
  /** This balancer sees a server in another state. */
  | ({ readonly type: 'health' } & HealthTransition)
  /** A generation counts from now on. */
  | { readonly type: 'generation'; readonly generation: Generation; readonly isOwn: boolean }
  /** The state was begun anew; `isWhole` is false when buckets had to be shared out anew. */
  | { readonly type: 'restored'; readonly snapshot: GenerationSnapshot; readonly isWhole: boolean }
  /** No server is healthy, and checks are not believed from now on; or they are again. */
  | { readonly type: 'fail-open'; readonly isOn: boolean };

/** What became of a proposal. */
export type AppendOutcome = 'won' | 'lost' | 'unavailable';

/** See the module. */
export class ControlPlane {
  private readonly name: string;
  private readonly design: DesignName;
  private readonly settings: Partial<SteeringSettings>;
  private readonly random: RandomSource;
  private known: GenerationLog;
  private readonly vote = new HealthVote();
  private readonly events = new Deque<ControlEvent>();
  private monitor: HealthMonitor | undefined;
  private wanted: readonly ServerSpec[];
  /** Whether `wanted` is from this balancer's file, and in no generation yet. */
  private isWantedOwn = true;
  /** Whether something happened that may make another list. */
  private isDirty = true;
  /** What waits for the store's word. */
  private proposed: Generation | undefined;
  /** What was wanted when it was made. */
  private proposedFor: readonly ServerSpec[] | undefined;
  /** When the next proposal may be made, in ns. */
  private proposeAt = 0;
  /** Until when servers without an outcome are waited for, in ns. */
  private settleUntil = 0;
  /** When the next observation is to be told, in ns. */
  private publishAt = 0;
  private isFailingOpen = false;
  private health: HealthCheckConfig | undefined;

  constructor(now: number, options: ControlPlaneOptions) {
    this.name = options.name;
    this.random = options.random;
    this.design = options.design;
    this.settings = options.settings ?? {};
    this.known = new GenerationLog(this.design, this.settings);
    this.wanted = options.wanted;
    this.setHealth(now, options.health);
  }

  /** The generations as they are known; after {@link restore} it is another object. */
  get log(): GenerationLog {
    return this.known;
  }

  /** Begins from what a store holds. Throws `ERR_SUBFLOW_BAD_STATE` for generations that do not follow each other; nothing has changed then. */
  restore(now: number, snapshot: GenerationSnapshot | undefined, generations: readonly Generation[]): void {
    const log = new GenerationLog(this.design, this.settings);
    const isWhole = snapshot === undefined || log.restore(snapshot);
    for (const generation of generations) log.append(generation);
    this.known = log;
    this.proposed = undefined;
    this.isDirty = true;
    if (this.log.current === undefined) return;
    if (!this.isWantedOwn) this.adopt(now);
    this.tell({ type: 'restored', snapshot: this.log.snapshot(), isWhole });
  }

  /**
   * Takes all that a store holds. What goes on from the own state is taken as it follows; where others went on from another one, theirs
   * takes the place of the own, whatever its numbers: only so do all balancers have the same buckets again. What is older
   * is left alone, since the store is about to be told better. Throws as {@link restore}.
   */
  handleState(
    now: number,
    snapshot: GenerationSnapshot | undefined,
    generations: readonly Generation[],
  ): void {
    const { current } = this.log;
    const head = generations.at(-1) ?? snapshot?.generation;
    if (head === undefined || (current !== undefined && head.number < current.number)) return;
    const inCommon = [snapshot?.generation, ...generations].find((each) => each?.number === current?.number);
    if (current === undefined || inCommon === undefined || !isSameGeneration(inCommon, current)) {
      this.restore(now, snapshot, generations);
      return;
    }
    for (const generation of generations) this.handleGeneration(now, generation);
  }

  /** Takes what the operator wants from now on. */
  setWanted(now: number, wanted: readonly ServerSpec[]): void {
    this.wanted = wanted;
    this.isWantedOwn = true;
    this.isDirty = true;
    this.checkServers(now);
  }

  /** Has servers checked in another way from now on. What is known of them is forgotten. */
  setHealth(now: number, health: HealthCheckConfig | undefined): void {
    this.health = health;
    this.monitor = health === undefined ? undefined : new HealthMonitor(health, this.random);
    this.vote.forget(this.name);
    this.isDirty = true;
    this.checkServers(now);
  }

  /** Takes the outcome of an attempt. */
  handleOutcome(now: number, attempt: HealthAttempt, outcome: HealthOutcome): void {
    const transition = this.monitor?.handleOutcome(now, attempt, outcome);
    if (transition === undefined) return;
    this.tell({ type: 'health', ...transition });
    this.publishAt = now;
    this.vote.take(now, this.observe(now));
    this.isDirty = true;
  }

  /** Takes what another balancer sees. */
  handleObservation(now: number, observation: Observation): void {
    if (observation.balancer === this.name) return;
    this.vote.take(now, observation);
    this.isDirty = true;
  }

  /** Leaves out of account what another balancer saw: it is gone. */
  handleBalancerGone(balancer: string): void {
    if (balancer === this.name) return;
    this.vote.forget(balancer);
    this.isDirty = true;
  }

  /**
   * Takes a generation that another balancer appended; one that is known already is left out. Throws `ERR_SUBFLOW_BAD_STATE` for one
   * that does not follow: then the state is to be loaded anew.
   */
  handleGeneration(now: number, generation: Generation): void {
    const { current } = this.log;
    if (current !== undefined && generation.number <= current.number) return;
    this.log.append(generation);
    this.proposed = undefined;
    this.proposeAt = now;
    this.isDirty = true;
    if (!this.isWantedOwn) this.adopt(now);
    this.tell({ type: 'generation', generation, isOwn: false });
  }

  /** Takes what became of a proposal of {@link pollProposal}. */
  handleAppended(now: number, proposed: Generation, outcome: AppendOutcome): void {
    // Another generation was heard of first, and said all that there is to say; or it was this one.
    if (proposed !== this.proposed) return;
    this.proposed = undefined;
    this.isDirty = true;
    if (outcome !== 'won') {
      this.proposeAt = now + retryNs * (1 + randomUnit(this.random));
      return;
    }
    this.log.append(proposed);
    if (this.proposedFor === this.wanted) this.isWantedOwn = false;
    this.tell({ type: 'generation', generation: proposed, isOwn: true });
  }

  /** When there may be something to poll, in ns; NEVER when only an input can make it. */
  pollTimeout(): number {
    let next = Math.min(this.monitor?.pollTimeout() ?? NEVER, this.publishAt);
    if (this.proposed !== undefined) return next;
    const isWaiting = this.isDirty || this.log.nextRevision() !== NEVER;
    const from = this.isDirty ? this.proposeAt : Math.max(this.proposeAt, this.log.nextRevision());
    if (isWaiting) next = Math.min(next, this.monitor?.isSettling ? Math.max(from, this.settleUntil) : from);
    return next;
  }

  /** An attempt to check a server that is due; undefined when none is. */
  pollAttempt(now: number): HealthAttempt | undefined {
    return this.monitor?.pollAttempt(now);
  }

  /** What is to be told to the other balancers; undefined when nothing is. */
  pollObservation(now: number): Observation | undefined {
    if (this.monitor === undefined) this.publishAt = NEVER;
    if (now < this.publishAt) return undefined;
    this.publishAt = now + publishEveryNs;
    const observation = this.observe(now);
    this.vote.expire(now);
    this.vote.take(now, observation);
    this.isDirty = true;
    return observation;
  }

  /** The generation that is to be appended to the store; undefined when none is, or while one waits for the store's word. */
  pollProposal(now: number): Generation | undefined {
    if (this.proposed !== undefined || now < this.proposeAt) return undefined;
    if (this.monitor?.isSettling === true && now < this.settleUntil) return undefined;
    if (this.isDirty) this.proposed = this.proposeList(now);
    if (this.proposed === undefined && now >= this.log.nextRevision()) {
      const why = 'buckets that waited may move: their former servers are no longer asked';
      this.proposed = this.log.next(now, this.log.current!.servers, why);
    }
    this.proposedFor = this.wanted;
    return this.proposed;
  }

  /** A snapshot that is to take the place of the log in the store; undefined while the log is short. */
  pollCompaction(): GenerationSnapshot | undefined {
    if (this.log.length < compactAfter) return undefined;
    this.log.markCompacted();
    return this.log.snapshot();
  }

  /** What there is to tell; undefined when there is nothing more. */
  pollEvent(): ControlEvent | undefined {
    return this.events.shift();
  }

  /** What this balancer knows of a server's health; undefined for one that is not checked. */
  healthOf(id: number): ServerHealth | undefined {
    return this.monitor?.find(id);
  }

  /** What balancers say of a server together. */
  votedHealthOf(id: number): VotedHealth {
    return this.health === undefined ? { state: 'up', why: '' } : this.vote.healthOf(id);
  }

  /** The balancers that were heard of lately, this one included, and when. */
  balancers(): { readonly name: string; readonly heardAtNs: number }[] {
    return this.vote.balancers();
  }

  private proposeList(now: number): Generation | undefined {
    this.isDirty = false;
    const { current } = this.log;
    const next = nextServers(this.wanted, current, (id) => this.votedHealthOf(id));
    if (next.isFailingOpen !== this.isFailingOpen) {
      this.isFailingOpen = next.isFailingOpen;
      this.tell({ type: 'fail-open', isOn: next.isFailingOpen });
    }
    if (current !== undefined && isSameList(current.servers, next.servers)) {
      this.isWantedOwn = false;
      return undefined;
    }
    const reason = reasonFor(current?.servers ?? [], next.servers, (id) => this.votedHealthOf(id).why);
    return this.log.next(now, next.servers, reason);
  }

  /** Wants what the latest generation says that its operator wants. */
  private adopt(now: number): void {
    this.wanted = wantedIn(this.log.current!);
    this.checkServers(now);
  }

  private checkServers(now: number): void {
    const { monitor, health } = this;
    if (monitor === undefined || health === undefined) return;
    const wasSettling = monitor.isSettling;
    monitor.setServers(now, this.wanted);
    // The first attempts are spread over a part of the interval.
    const needed = (health.timeoutMs + health.intervalMs / 10) * MILLISECOND;
    if (monitor.isSettling && !wasSettling) this.settleUntil = now + needed;
    this.publishAt = Math.min(this.publishAt, now + publishEveryNs);
  }

  private observe(now: number): Observation {
    return { balancer: this.name, atNs: now, servers: this.monitor?.observations() ?? [] };
  }

  private tell(event: ControlEvent): void {
    if (this.events.length >= maxEvents) this.events.shift();
    this.events.push(event);
  }
}
