/**
 * A run of the playground as the page sees it: what is to be simulated, how fast time passes, and what came of it. Owns the
 * worker and the rhythm: at most one question is on its way to it, so that a slow machine shows fewer pictures, and no
 * later ones.
 */
import { computed, effect, signal } from '@preact/signals';
import {
  defaultScenario,
  type IncidentKind,
  type LiveKind,
  readScenario,
  type Scenario,
  writeScenario,
} from '../../src/lab/index.js';
import { address, replaceQuery } from '../address.js';
import { download } from '../download.js';
import type {
  ExportKind,
  FrameDetail,
  PlaygroundFrame,
  PlaygroundReply,
  PlaygroundRequest,
} from '../protocol/playground.js';

/** Virtual seconds in a second; Infinity is as fast as it goes. */
export const speeds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, Number.POSITIVE_INFINITY] as const;

/** Longest time that the worker computes for one picture, in ms: slower ones are of less time. */
const BUDGET_MS = 30;
/** Longest step of time between two pictures, in ms: what a page that was hidden missed does not come all at once. */
const MAX_STEP_MS = 50;

export class PlaygroundSession {
  readonly scenario = signal<Scenario>(defaultScenario);
  /** Sentences about what stands in the address and makes no sense. */
  readonly problems = signal<readonly string[]>([]);
  readonly isRunning = signal(false);
  readonly speed = signal<number>(0.1);
  readonly frame = signal<PlaygroundFrame | undefined>(undefined);
  readonly detail = signal<FrameDetail | undefined>(undefined);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  readonly isDone = computed(() => this.frame.value?.isDone === true);
  /** How many times as fast as a clock it runs, over the last second. */
  readonly pace = signal(0);
  private readonly worker = new Worker(new URL('../workers/playground-worker.ts', import.meta.url), {
    type: 'module',
    name: 'playground',
  });
  private run = 0;
  private isAsked = false;
  private drawnAt = 0;
  private paceFrom = { at: 0, ns: 0 };
  /** The query that this session wrote, or read, last. */
  private known: string | undefined = undefined;
  private readonly watchAddress: () => void;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<PlaygroundReply>) => this.take(data);
    this.worker.onerror = (event) =>
      (this.failure.value = event.message || 'The worker could not be loaded.');
    this.watchAddress = effect(() => {
      const { view, query } = address.value;
      if (view === 'playground' && query !== this.known) this.readAddress(query);
    });
    requestAnimationFrame(this.tick);
  }

  /** Ends it; the page then shows something else. */
  close(): void {
    this.watchAddress();
    this.worker.terminate();
    this.run = -1;
  }

  /** Simulates another scenario from its beginning. */
  load(scenario: Scenario, writesAddress = true): void {
    this.scenario.value = scenario;
    this.failure.value = '';
    this.run++;
    this.isAsked = true;
    const text = writeScenario(scenario);
    if (writesAddress) this.remember(text);
    this.ask({ type: 'load', run: this.run, scenario: text });
  }

  /** Changes a part of the scenario; what was done to its paths while it ran is forgotten. */
  change(changes: Partial<Scenario>): void {
    this.load({ ...this.scenario.value, incidents: [], ...changes });
  }

  toggle(): void {
    if (this.isDone.value) this.restart();
    this.isRunning.value = !this.isRunning.value || this.isDone.value;
  }

  restart(): void {
    this.load({ ...this.scenario.value, incidents: [] });
  }

  step(): void {
    this.isRunning.value = false;
    if (this.isAsked || this.isDone.value) return;
    this.isAsked = true;
    this.ask({ type: 'step' });
  }

  act(path: number, what: IncidentKind): void {
    this.ask({ type: 'act', path, what });
  }

  export(kind: ExportKind, figure: LiveKind): void {
    this.ask({ type: 'export', kind, figure });
  }

  private ask(request: PlaygroundRequest): void {
    this.worker.postMessage(request);
  }

  private readAddress(query: string): void {
    const { scenario, problems } = readScenario(query);
    this.known = query;
    this.problems.value = problems;
    // What could not be read stays in the address until something is changed, for whoever sent it to look at.
    this.load(scenario, problems.length === 0);
  }

  /** The address says what is simulated, so that it can be handed on. */
  private remember(text: string): void {
    this.known = text;
    replaceQuery('playground', text);
  }

  private take(reply: PlaygroundReply): void {
    if (reply.type === 'failed') {
      this.failure.value = reply.message;
      this.isRunning.value = false;
      this.isAsked = false;
    } else if (reply.type === 'file') download(reply.name, reply.media, reply.parts);
    else if (reply.run === this.run) this.show(reply);
  }

  private show(frame: PlaygroundFrame): void {
    this.isAsked = false;
    this.frame.value = frame;
    if (frame.detail !== null) this.detail.value = frame.detail;
    const { scenario } = readScenario(frame.scenario);
    if (scenario.incidents.length !== this.scenario.peek().incidents.length) {
      this.scenario.value = scenario;
      this.remember(frame.scenario);
    }
    if (frame.isDone) this.isRunning.value = false;
    if (this.isRunning.peek() && this.speed.peek() === Number.POSITIVE_INFINITY) this.advance(0);
  }

  private advance(stepMs: number): void {
    const speed = this.speed.peek();
    const nowNs = this.frame.peek()?.nowNs ?? 0;
    this.isAsked = true;
    const untilNs = speed === Number.POSITIVE_INFINITY ? speed : nowNs + stepMs * 1e6 * speed;
    this.ask({ type: 'advance', untilNs, budgetMs: BUDGET_MS });
  }

  private readonly tick = (at: number): void => {
    if (this.run < 0) return;
    requestAnimationFrame(this.tick);
    const stepMs = Math.min(at - this.drawnAt, MAX_STEP_MS);
    this.drawnAt = at;
    this.measure(at);
    if (this.isRunning.peek() && !this.isAsked) this.advance(stepMs);
  };

  private measure(at: number): void {
    const ns = this.frame.peek()?.nowNs ?? 0;
    const passedMs = at - this.paceFrom.at;
    if (passedMs < 500) return;
    this.pace.value = this.isRunning.peek() ? Math.max(0, ns - this.paceFrom.ns) / (passedMs * 1e6) : 0;
    this.paceFrom = { at, ns };
  }
}
