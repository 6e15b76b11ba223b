/** Experiments as the page sees them: which one, with which parameters, how far its run is, and what came out. */
import { effect, signal } from '@preact/signals';
import {
  completeParameters,
  type ExperimentChoice,
  isExperimentName,
  type ParameterValue,
  readChoice,
  readFields,
  writeChoice,
} from '../../src/experiments/index.js';
import { address, replaceQuery } from '../address.js';
import { download } from '../download.js';
import type {
  ExperimentAbout,
  ExperimentProgress,
  ExperimentsReply,
  ExperimentsRequest,
  ExportKind,
  ShownFigure,
  ShownResult,
} from '../protocol/experiments.js';

/** What is shown when nothing was named: the result that the field quotes most. */
const FIRST = 'receive-window';

/** A run that is under way. */
export interface Running {
  readonly progress: ExperimentProgress;
  /** What is known by now, where the experiment draws it. */
  readonly figure: ShownFigure | undefined;
  /** Since the page was loaded, in ms. */
  readonly sinceMs: number;
}

export class ExperimentsSession {
  readonly name = signal(FIRST);
  /** What the experiment says of itself; undefined until it is loaded. */
  readonly about = signal<ExperimentAbout | undefined>(undefined);
  readonly choice = signal<ExperimentChoice>({ seed: 1, parameters: {} });
  /** Sentences about what stands in the address and makes no sense. */
  readonly problems = signal<readonly string[]>([]);
  readonly running = signal<Running | undefined>(undefined);
  readonly result = signal<ShownResult | undefined>(undefined);
  /** How long the run of the result took, in ms; 0 for one that was opened. */
  readonly tookMs = signal(0);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  private worker = this.begin();
  /** The query that this session wrote, or read, last. */
  private known: string | undefined = undefined;
  private readonly watchAddress: () => void;

  constructor() {
    this.watchAddress = effect(() => {
      const { view, query } = address.value;
      if (view === 'experiments' && query !== this.known) this.readAddress(query);
    });
  }

  close(): void {
    this.watchAddress();
    this.worker.terminate();
  }

  /** Changes a parameter. */
  change(name: string, value: ParameterValue): void {
    const { seed, parameters } = this.choice.value;
    this.choose({ seed, parameters: { ...parameters, [name]: value } });
  }

  changeSeed(seed: number): void {
    this.choose({ ...this.choice.value, seed });
  }

  /** The parameters that end soon, or those of the published result. */
  preset(form: 'small' | 'full'): void {
    const about = this.about.peek();
    if (about === undefined) return;
    const given = form === 'small' ? about.small : {};
    this.choose({ ...this.choice.value, parameters: completeParameters(about.parameters, given) });
  }

  run(): void {
    this.failure.value = '';
    this.result.value = undefined;
    const progress = { type: 'progress', done: 0, total: 0, what: 'beginning' } as const;
    this.running.value = { progress, figure: undefined, sinceMs: performance.now() };
    this.ask({ type: 'run', name: this.name.value, choice: this.choice.value });
  }

  /** Ends a run, whatever it is at. */
  cancel(): void {
    if (this.running.peek() === undefined) return;
    this.worker.terminate();
    this.worker = this.begin();
    this.running.value = undefined;
  }

  /** Opens a saved result, with its figures where they are among the files. */
  open(files: readonly File[]): void {
    if (files.length === 0) return;
    this.cancel();
    this.failure.value = '';
    this.ask({ type: 'open', files });
  }

  export(kind: ExportKind): void {
    this.ask({ type: 'export', kind });
  }

  private begin(): Worker {
    const worker = new Worker(new URL('../workers/experiments-worker.ts', import.meta.url), {
      type: 'module',
      name: 'experiments',
    });
    worker.onmessage = ({ data }: MessageEvent<ExperimentsReply>) => this.take(data);
    worker.onerror = (event) => this.fail(event.message || 'The worker could not be loaded.');
    return worker;
  }

  private ask(request: ExperimentsRequest): void {
    this.worker.postMessage(request);
  }

  private readAddress(query: string): void {
    this.known = query;
    const named = readFields(query).find(([key]) => key === 'name')?.[1];
    const isKnown = named !== undefined && isExperimentName(named);
    this.problems.value =
      isKnown || named === undefined ? [] : [`there is no experiment '${named.slice(0, 80)}'.`];
    this.show(isKnown ? named : FIRST);
  }

  /** Shows another experiment, as the address has it. */
  private show(name: string): void {
    this.failure.value = '';
    if (name === this.about.peek()?.name) {
      this.readChoice(this.about.peek()!);
      return;
    }
    this.cancel();
    this.name.value = name;
    this.about.value = undefined;
    if (this.result.peek()?.name !== name) this.result.value = undefined;
    this.ask({ type: 'describe', name });
  }

  private readChoice(about: ExperimentAbout): void {
    const { seed, parameters, isExplicit, problems } = readChoice(about.parameters, this.known ?? '');
    this.problems.value = [...this.problems.peek(), ...problems];
    const chosen = isExplicit ? parameters : completeParameters(about.parameters, about.small);
    this.choice.value = { seed, parameters: chosen };
    // What could not be read stays in the address until something is changed, for whoever sent it to look at.
    if (this.problems.peek().length === 0) this.remember(about);
  }

  private choose(choice: ExperimentChoice): void {
    this.choice.value = choice;
    this.problems.value = [];
    const about = this.about.peek();
    if (about !== undefined) this.remember(about);
  }

  /** The address says what is run, so that it can be handed on. */
  private remember(about: ExperimentAbout): void {
    this.known = writeChoice(about, this.choice.peek());
    replaceQuery('experiments', this.known);
  }

  private take(reply: ExperimentsReply): void {
    switch (reply.type) {
      case 'about':
        if (reply.about.name === this.name.peek()) this.describe(reply.about);
        return;
      case 'progress':
        return this.advance({ progress: reply });
      case 'live':
        return this.advance({ figure: reply.figure });
      case 'result':
        return this.present(reply.result);
      case 'file':
        return download(reply.name, reply.media, reply.parts);
      case 'failed':
        return this.fail(reply.message);
    }
  }

  private describe(about: ExperimentAbout): void {
    this.about.value = about;
    const result = this.result.peek();
    // Of a result that was opened the form says how it was made.
    if (result !== undefined && result.file !== null && result.name === about.name)
      this.choose(result.choice);
    else this.readChoice(about);
  }

  private advance(news: Partial<Running>): void {
    const running = this.running.peek();
    if (running !== undefined) this.running.value = { ...running, ...news };
  }

  private present(result: ShownResult): void {
    const since = this.running.peek()?.sinceMs;
    this.tookMs.value = since === undefined ? 0 : performance.now() - since;
    this.running.value = undefined;
    this.result.value = result;
    if (result.file === null) return;
    if (result.name === this.about.peek()?.name) this.choose(result.choice);
    else this.show(result.name);
  }

  private fail(message: string): void {
    this.failure.value = message;
    this.running.value = undefined;
  }
}
