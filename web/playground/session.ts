/**
 * What the page of the playground plays: one scenario, or two side by side, how fast time passes for both, and the address
 * that says all of it. Owns the rhythm: at most one question is on its way to each worker, so that a slow machine shows fewer
 * pictures, and no later ones; and both go to one instant, which neither leaves before the other is there.
 */
import { computed, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import {
  changesBetween,
  type Comparison,
  defaultScenario,
  type Incident,
  type IncidentKind,
  type Place,
  PlaceSampler,
  readComparison,
  roamingPath,
  type Scenario,
  scenarioA,
  scenarioB,
  scenarioLimits,
  writeComparison,
} from '../../src/lab/index.js';
import { address, replaceQuery } from '../address.js';
import { Side } from './side.js';

/** Virtual seconds in a second; Infinity is as fast as it goes. */
export const speeds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, Number.POSITIVE_INFINITY] as const;

/** Longest step of time between two pictures, in ms: what a page that was hidden missed does not come all at once. */
const MAX_STEP_MS = 50;
/** Virtual time that is asked for at once when it goes as fast as it can, in ns: more than a picture's budget allows. */
const FASTEST_STEP_NS = 1e9;

export class PlaygroundSession {
  readonly comparison = signal<Comparison>({ scenario: defaultScenario, versus: undefined });
  readonly a: Side;
  readonly b = signal<Side | undefined>(undefined);
  /** A, and B where it is compared. */
  readonly sides = computed(() => (this.b.value === undefined ? [this.a] : [this.a, this.b.value]));
  /** Sentences about what stands in the address and makes no sense. */
  readonly problems = signal<readonly string[]>([]);
  readonly isRunning = signal(false);
  readonly speed = signal<number>(0.1);
  readonly isDone = computed(() => this.sides.value.every((side) => side.isDone));
  readonly nowNs = computed(() => Math.max(...this.sides.value.map(({ frame }) => frame.value?.nowNs ?? 0)));
  /** How many times as fast as a clock it runs, over the last second. */
  readonly pace = signal(0);
  /** Where the phone is to be, until it is there. */
  readonly wantedPlace = signal<Place | undefined>(undefined);
  /** Whether nothing more can happen to a path. */
  readonly isFull = computed(
    () => this.comparison.value.scenario.incidents.length >= scenarioLimits.incidents,
  );
  readonly isShown: ReadonlySignal<boolean>;
  private readonly sampler = new PlaceSampler();
  /** The instant that all sides go to, in ns. */
  private targetNs = 0;
  /** Whether figures may be of an instant before the one that is shown. */
  private isStale = false;
  private isClosed = false;
  private drawnAt = 0;
  private paceFrom = { at: 0, ns: 0 };
  /** The query that this session wrote, or read, last. */
  private known: string | undefined = undefined;
  private readonly unwatch: readonly (() => void)[];

  /** Time passes only while somebody looks. */
  constructor(isShown: ReadonlySignal<boolean>) {
    this.isShown = isShown;
    this.a = new Side('A', defaultScenario, () => this.go());
    const unwatchAddress = effect(() => {
      const { view, query } = address.value;
      if (view === 'playground' && query !== this.known) untracked(() => this.readAddress(query));
    });
    const unwatchShown = effect(() => {
      if (isShown.value) requestAnimationFrame(this.tick);
    });
    this.unwatch = [unwatchAddress, unwatchShown];
  }

  /** Ends it. */
  close(): void {
    this.isClosed = true;
    for (const end of this.unwatch) end();
    for (const side of this.sides.peek()) side.close();
  }

  /** Changes a part of A, or what B has other than A; what was done to paths while it ran is forgotten. */
  change(side: Side, changes: Partial<Scenario>): void {
    const { scenario, versus } = this.comparison.value;
    const isA = side === this.a;
    this.load({
      scenario: { ...scenario, ...(isA ? changes : {}), incidents: [] },
      versus: isA || versus === undefined ? versus : { ...versus, ...changes },
    });
  }

  /** Sets a B beside A, the same to begin with, or takes it away. */
  compare(isWanted: boolean): void {
    const { scenario } = this.comparison.value;
    this.load({ scenario: { ...scenario, incidents: [] }, versus: isWanted ? {} : undefined });
  }

  toggle(): void {
    if (this.isDone.value) this.restart();
    this.isRunning.value = !this.isRunning.value;
    this.pace.value = 0;
    this.isStale = true;
    this.go();
  }

  restart(): void {
    const { scenario, versus } = this.comparison.value;
    this.load({ scenario: { ...scenario, incidents: [] }, versus });
  }

  /** Lets the next event happen: of A, while there is one, and B comes along. */
  step(): void {
    this.isRunning.value = false;
    const side = this.sides.value.find((each) => !each.isDone);
    if (side === undefined || this.sides.value.some(({ isAsked }) => isAsked)) return;
    side.step();
  }

  /** Does something to a path, of whichever side has it. */
  act(path: number, what: IncidentKind): void {
    this.add({ atUs: Math.floor(this.targetNs / 1000) + 1, path, what });
    // What it looks like is shown also while time stands.
    if (!this.isRunning.value) this.targetNs += 2000;
    this.go();
  }

  /** Has the phone be at a place of the floor plan, from the next tenth of a second on. */
  movePhone(place: Place): void {
    if (this.isFull.value || this.isDone.value) return;
    this.sampler.move(place);
    this.wantedPlace.value = this.sampler.pending;
  }

  private add(incident: Incident): void {
    if (this.isFull.value) return;
    const { scenario, versus } = this.comparison.value;
    const incidents = [...scenario.incidents, incident];
    this.comparison.value = { scenario: { ...scenario, incidents }, versus };
    for (const side of this.sides.value) side.add(incident);
    this.remember();
  }

  private load(comparison: Comparison, writesAddress = true): void {
    const b = scenarioB(comparison);
    const versus = b && changesBetween(comparison.scenario, b);
    this.comparison.value = { scenario: comparison.scenario, versus };
    this.targetNs = 0;
    this.sampler.clear();
    this.wantedPlace.value = undefined;
    this.a.load(scenarioA(comparison));
    if (b === undefined) {
      this.b.value?.close();
      this.b.value = undefined;
    } else {
      this.b.value ??= new Side('B', b, () => this.go());
      this.b.value.load(b);
    }
    if (!writesAddress) return;
    this.problems.value = [];
    this.remember();
  }

  private readAddress(query: string): void {
    const { problems, ...comparison } = readComparison(query);
    this.known = query;
    this.isRunning.value = false;
    // What could not be read stays in the address until something is changed, for whoever sent it to look at.
    this.load(comparison, problems.length === 0);
    this.problems.value = problems;
  }

  /** The address says what is simulated, so that it can be handed on. */
  private remember(): void {
    const text = writeComparison(this.comparison.value);
    this.known = text;
    replaceQuery('playground', text);
  }

  private get speedNow(): number {
    return this.isRunning.peek() && this.isShown.peek() ? this.speed.peek() : 0;
  }

  /** Asks whoever is behind for what lies before it; where nobody is, and it goes as fast as it can, for more. */
  private go(): void {
    if (this.sides.peek().some(({ isBroken }) => isBroken)) this.isRunning.value = false;
    this.targetNs = Math.max(this.targetNs, ...this.sides.peek().map(({ nowNs }) => nowNs));
    if (this.isDone.peek()) this.isRunning.value = false;
    if (this.isAtRest && this.speedNow === Number.POSITIVE_INFINITY) this.aim(FASTEST_STEP_NS);
    const isPaused = this.speedNow === 0;
    const isLast = isPaused && this.isStale && this.isAtRest;
    if (isPaused && this.isAtRest) this.isStale = false;
    for (const side of this.sides.peek()) {
      if (side.isAsked || side.isBroken || side.isDone) continue;
      if (isLast || side.nowNs < this.targetNs) side.advance(this.targetNs, isPaused);
    }
  }

  /** Whether every side has come to where all go. */
  private get isAtRest(): boolean {
    return this.sides.peek().every((side) => !side.isAsked && (side.isDone || side.nowNs >= this.targetNs));
  }

  /** Has all sides go on for a while. */
  private aim(forNs: number): void {
    if (this.isDone.peek()) return;
    const toNs = this.targetNs + forNs;
    const moved = this.sampler.take(this.targetNs, toNs);
    if (moved !== undefined) {
      const path = roamingPath(this.comparison.value.scenario);
      this.add({ ...{ atUs: moved.atUs, path, what: 'place' }, place: moved.place });
      this.wantedPlace.value = this.sampler.pending;
    }
    this.targetNs = toNs;
  }

  private readonly tick = (at: number): void => {
    if (this.isClosed || !this.isShown.peek()) return;
    requestAnimationFrame(this.tick);
    const stepMs = Math.min(at - this.drawnAt, MAX_STEP_MS);
    this.drawnAt = at;
    this.measure(at);
    const speed = this.speedNow;
    if (speed === 0 || !this.isAtRest) return;
    if (speed !== Number.POSITIVE_INFINITY) this.aim(stepMs * 1e6 * speed);
    this.go();
  };

  private measure(at: number): void {
    const ns = this.nowNs.peek();
    const passedMs = at - this.paceFrom.at;
    if (passedMs < 500) return;
    this.pace.value = this.isRunning.peek() ? Math.max(0, ns - this.paceFrom.ns) / (passedMs * 1e6) : 0;
    this.paceFrom = { at, ns };
  }
}
