/** One of the simulations of the page: its worker, and what came of it last. Knows nothing of the other, and of no clock. */
import { type Signal, signal } from '@preact/signals';
import { type Incident, type LiveKind, type Scenario, writeScenario } from '../../src/lab/index.js';
import { download } from '../download.js';
import type {
  ExportKind,
  FrameDetail,
  PlaygroundFrame,
  PlaygroundReply,
  PlaygroundRequest,
} from '../protocol/playground.js';

/** Longest time that the worker computes for one picture, in ms: slower ones are of less time. */
const BUDGET_MS = 30;

export type SideName = 'A' | 'B';

export class Side {
  readonly name: SideName;
  readonly scenario: Signal<Scenario>;
  readonly frame = signal<PlaygroundFrame | undefined>(undefined);
  readonly detail = signal<FrameDetail | undefined>(undefined);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  /** Whether it can go on no more, until another scenario is loaded. */
  isBroken = false;
  /** Whether the worker has yet to answer. */
  isAsked = false;
  private readonly worker = new Worker(new URL('../workers/playground-worker.ts', import.meta.url), {
    type: 'module',
    name: 'playground',
  });
  private run = 0;

  /** `heard` is called with whatever the worker answers. */
  constructor(name: SideName, scenario: Scenario, heard: () => void) {
    this.name = name;
    this.scenario = signal(scenario);
    this.worker.onmessage = ({ data }: MessageEvent<PlaygroundReply>) => {
      this.take(data);
      heard();
    };
    this.worker.onerror = (event) =>
      (this.failure.value = event.message || 'The worker could not be loaded.');
  }

  /** Virtual time, in ns. */
  get nowNs(): number {
    return this.frame.peek()?.nowNs ?? 0;
  }

  get isDone(): boolean {
    return this.frame.value?.isDone === true;
  }

  close(): void {
    this.worker.terminate();
  }

  /** Simulates a scenario from its beginning. */
  load(scenario: Scenario): void {
    this.scenario.value = scenario;
    this.failure.value = '';
    this.isBroken = false;
    // Time is that of the new one from now on; the figures stay until there are others.
    this.frame.value = undefined;
    this.run++;
    this.isAsked = true;
    this.ask({ type: 'load', run: this.run, scenario: writeScenario(scenario) });
  }

  /** `wantsDetail`: whether figures and numbers are to be of just that instant. */
  advance(untilNs: number, wantsDetail: boolean): void {
    this.isAsked = true;
    this.ask({ type: 'advance', untilNs, budgetMs: BUDGET_MS, wantsDetail });
  }

  step(): void {
    this.isAsked = true;
    this.ask({ type: 'step' });
  }

  /** Has something happen, at a time that the worker was not asked for yet. */
  add(incident: Incident): void {
    const { scenario } = this;
    if (incident.path >= scenario.value.paths.length) return;
    scenario.value = { ...scenario.value, incidents: [...scenario.value.incidents, incident] };
    this.ask({ type: 'add', incident });
  }

  export(kind: ExportKind, figure: LiveKind): void {
    this.ask({ type: 'export', kind, figure });
  }

  private ask(request: PlaygroundRequest): void {
    this.worker.postMessage(request);
  }

  /** Files of B say so. */
  private nameOf(file: string): string {
    return this.name === 'A' ? file : file.replace(/(?=\.[^.]+$)/, '-b');
  }

  private take(reply: PlaygroundReply): void {
    if (reply.type === 'file') download(this.nameOf(reply.name), reply.media, reply.parts);
    else if (reply.type === 'failed') {
      this.failure.value = reply.message;
      this.isBroken ||= reply.isEnd;
    } else if (reply.run === this.run) {
      this.isAsked = false;
      this.frame.value = reply;
      if (reply.detail !== null) this.detail.value = reply.detail;
    }
  }
}
