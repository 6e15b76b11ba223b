/**
 * Runs experiments and opens saved results. An experiment is loaded when it is asked for, with what it runs on. The same
 * script runs trials for itself in workers of its own: which of both it is, it learns by what it is asked.
 */
import {
  besidePublished,
  comparisonFigure,
  type Comparison,
  type Experiment,
  type ExperimentChoice,
  type FinishedTrial,
  loadExperiment,
  type Outcome,
  renderReport,
  renderTable,
  type ReportedFigure,
  reportedResult,
  resultReport,
  runExperiment,
  svgText,
} from '../../src/experiments/index.js';
import { renderFigure } from '../../src/plot/index.js';
import type {
  ExperimentsReply,
  ExperimentsRequest,
  ExportKind,
  ShownComparison,
  ShownFigure,
  ShownResult,
  TrialReply,
  TrialRequest,
} from '../protocol/experiments.js';
import { openSaved } from './saved-files.js';
import { workerScope } from './scope.js';
import { trialThreads } from './trial-threads.js';

/** Time between two pictures of what is known so far, in ms. */
const LIVE_MS = 300;
/** Time between two words about how far it is, in ms. */
const PROGRESS_MS = 60;
/** Longest description of a figure, in characters. */
const MAX_ALT_LENGTH = 2000;

const scope = workerScope<ExperimentsRequest | TrialRequest, ExperimentsReply | TrialReply>();
const { location, navigator } = globalThis;

/** A result that is shown. */
interface Kept {
  readonly experiment: Experiment;
  readonly outcome: Outcome;
  readonly figures: readonly ReportedFigure[];
}

/** Where a result is from. */
type Origin = Pick<ShownResult, 'file' | 'missingFigures' | 'refusedFigures'>;
const notOpened: Origin = { file: null, missingFigures: [], refusedFigures: [] };

class Experiments {
  private kept: Kept | undefined = undefined;

  async handle(request: ExperimentsRequest): Promise<void> {
    switch (request.type) {
      case 'describe':
        return this.describe(request.name);
      case 'run':
        return this.run(request.name, request.choice);
      case 'open':
        return this.open(request.files);
      case 'export':
        return this.export(request.kind);
    }
  }

  private async describe(wanted: string): Promise<void> {
    const experiment = await loadExperiment(wanted);
    const { name, title, source, summary, parameters, small = {}, needsLinux = false } = experiment;
    const published = besidePublished(experiment, []);
    scope.postMessage({
      type: 'about',
      about: { name, title, source, summary, parameters, small, needsLinux, published },
    });
  }

  private async run(name: string, { seed, parameters }: ExperimentChoice): Promise<void> {
    const experiment = await loadExperiment(name);
    let toldAt = Number.NEGATIVE_INFINITY;
    const report = await runExperiment(experiment, {
      ...{ seed, parameters, linux: 'A browser has no kernel that could take part.' },
      trials: trialThreads(location.href, navigator.hardwareConcurrency || 1),
      step: (done, total, what) => {
        if (performance.now() - toldAt >= PROGRESS_MS) {
          toldAt = performance.now();
          scope.postMessage({ type: 'progress', done, total, what });
        }
        return Promise.resolve();
      },
      watch: liveShow(experiment),
    });
    const figures = Object.entries(report.figures).map(([figure, svg]) => ({ name: figure, svg }));
    this.show({ experiment, outcome: report, figures }, notOpened);
  }

  private async open(files: readonly File[]): Promise<void> {
    const { experiment, saved, choice, figures, ...origin } = await openSaved(files);
    const { rows, checks, notes } = saved;
    this.show({ experiment, outcome: { ...choice, rows, checks, notes }, figures }, origin);
  }

  private show(kept: Kept, origin: Origin): void {
    this.kept = kept;
    const { experiment, outcome } = kept;
    const { seed, parameters, rows, checks, notes } = outcome;
    const { name, title, columns } = experiment;
    const result: ShownResult = {
      ...{ name, title, columns, rows, checks, notes, ...origin },
      choice: { seed, parameters },
      figures: kept.figures.map(shownFigure),
      published: besidePublished(experiment, rows).map(shownComparison),
    };
    scope.postMessage({ type: 'result', result });
  }

  private export(kind: ExportKind): void {
    if (this.kept === undefined) return;
    const { experiment, outcome, figures } = this.kept;
    const send = (media: string, text: string): void =>
      scope.postMessage({ type: 'file', name: `${experiment.name}.${kind}`, media, parts: [text] });
    if (kind === 'csv') return send('text/csv', renderTable(experiment.columns, outcome.rows));
    if (kind === 'html') {
      return send('text/html', renderReport([reportedResult(experiment, outcome, figures)], 'subflow lab'));
    }
    const report = resultReport(experiment, outcome, { figures: [] });
    return send('application/json', `${JSON.stringify(report)}\n`);
  }
}

function shownFigure({ name, svg }: ReportedFigure): ShownFigure {
  return { name, svg, alt: (svgText(svg) ?? name).slice(0, MAX_ALT_LENGTH) };
}

function shownComparison(comparison: Comparison, index: number): ShownComparison {
  const figure = comparisonFigure(comparison);
  if (figure === undefined) return { ...comparison, figure: null };
  return {
    ...comparison,
    figure: shownFigure({ name: `published-${index + 1}`, svg: renderFigure(figure) }),
  };
}

/** Shows what is known while trials run, now and then. */
function liveShow({ live }: Experiment): (finished: readonly FinishedTrial[]) => void {
  let shownAt = performance.now();
  return (finished) => {
    if (live === undefined || performance.now() - shownAt < LIVE_MS) return;
    const svg = drawn(() => renderFigure(live(finished as readonly FinishedTrial<never, never>[])));
    if (svg !== undefined) scope.postMessage({ type: 'live', figure: shownFigure({ name: 'live', svg }) });
    shownAt = performance.now();
  };
}

/** What is drawn; undefined as long as no trial has given anything to draw. */
function drawn(draw: () => string): string | undefined {
  try {
    return draw();
  } catch {
    return undefined;
  }
}

async function runTrial({ name, input }: TrialRequest): Promise<void> {
  const { trial } = await loadExperiment(name);
  scope.postMessage({ type: 'output', output: trial!(input as never) });
}

/** What went wrong, with what to do about it. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { hint } = error as { readonly hint?: string };
  return hint === undefined ? error.message : `${error.message}; ${hint}`;
}

const experiments = new Experiments();
scope.onmessage = ({ data }) => {
  const done = data.type === 'trial' ? runTrial(data) : experiments.handle(data);
  done.catch((error: unknown) => scope.postMessage({ type: 'failed', message: sentence(error) }));
};
