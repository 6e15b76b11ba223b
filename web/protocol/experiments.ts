/** What the page of experiments and its worker say to each other. Both import it; nothing else passes between them. */
import type {
  Check,
  Column,
  Comparison,
  Experiment,
  ExperimentChoice,
  Row,
} from '../../src/experiments/index.js';

/** What of a result is given away as a file. */
export type ExportKind = 'json' | 'csv' | 'html';

/** From the page. A run is ended by ending the worker. */
export type ExperimentsRequest =
  /** Loads an experiment and says what it is. */
  | { readonly type: 'describe'; readonly name: string }
  | { readonly type: 'run'; readonly name: string; readonly choice: ExperimentChoice }
  /** Reads a result that was saved: its JSON, and its figures where they are among the files. */
  | { readonly type: 'open'; readonly files: readonly File[] }
  /** Writes the result that was shown last. */
  | { readonly type: 'export'; readonly kind: ExportKind };

/** What an experiment says of itself. */
export interface ExperimentAbout extends Pick<
  Experiment,
  'name' | 'title' | 'source' | 'summary' | 'parameters'
> {
  readonly small: NonNullable<Experiment['small']>;
  readonly needsLinux: boolean;
  /** What was published, with nothing of ours yet. */
  readonly published: readonly Comparison[];
}

/** A figure of a result. It may be foreign: it is shown as an image only, in which nothing runs. */
export interface ShownFigure {
  readonly name: string;
  readonly svg: string;
  /** What it shows, in words. */
  readonly alt: string;
}

/** What was published, ours beside it, and a picture of both where there is one. */
export interface ShownComparison extends Comparison {
  readonly figure: ShownFigure | null;
}

/** What came out. */
export interface ShownResult {
  readonly name: string;
  readonly title: string;
  readonly choice: ExperimentChoice;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
  readonly figures: readonly ShownFigure[];
  /** Figures that the result names, and that were not among the files. */
  readonly missingFigures: readonly string[];
  /** Figures among the files that are not of this program. */
  readonly refusedFigures: readonly string[];
  readonly published: readonly ShownComparison[];
  /** The file that it was read from; null for what was run here. */
  readonly file: string | null;
}

/** How far a run is: `done` of `total` parts, at work on `what`. */
export interface ExperimentProgress {
  readonly type: 'progress';
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

/** From the worker. */
export type ExperimentsReply =
  | { readonly type: 'about'; readonly about: ExperimentAbout }
  | ExperimentProgress
  /** What is known while it still runs. */
  | { readonly type: 'live'; readonly figure: ShownFigure }
  | { readonly type: 'result'; readonly result: ShownResult }
  | {
      readonly type: 'file';
      readonly name: string;
      readonly media: string;
      readonly parts: readonly BlobPart[];
    }
  | { readonly type: 'failed'; readonly message: string };

/** From a worker to one that runs trials for it. */
export interface TrialRequest {
  readonly type: 'trial';
  readonly name: string;
  readonly input: unknown;
}

/** From that one. */
export type TrialReply =
  | { readonly type: 'output'; readonly output: unknown }
  | { readonly type: 'failed'; readonly message: string };
