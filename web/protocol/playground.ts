/** What the page of the playground and its worker say to each other. Both import it; nothing else passes between them. */
import type { FlightColumns, Incident, LabSummary, LastDecision, LiveKind } from '../../src/lab/index.js';
import type { PageFigureData } from '../../src/plot/index.js';

/** What can be had of a run as a file. */
export type ExportKind = 'pcapng' | 'svg' | 'csv' | 'json';

/** From the page. */
export type PlaygroundRequest =
  /** Begins anew; the text is that of `writeScenario`. Frames of it bear the number `run`. */
  | { readonly type: 'load'; readonly run: number; readonly scenario: string }
  /** Lets time pass up to `untilNs`, but computes for no longer than `budgetMs`. Answered by a frame. */
  | {
      readonly type: 'advance';
      readonly untilNs: number;
      readonly budgetMs: number;
      /** Whether the frame has figures and numbers in any case: nothing comes after it for a while. */
      readonly wantsDetail: boolean;
    }
  /** Lets the next event happen. Answered by a frame. */
  | { readonly type: 'step' }
  /** Has something happen at a time that is still to come. Not answered. */
  | { readonly type: 'add'; readonly incident: Incident }
  /** Answered by a file. */
  | { readonly type: 'export'; readonly kind: ExportKind; readonly figure: LiveKind };

/** How the two directions of a path are, the one from the client first. */
export interface PathFrame {
  /** Bytes that wait for the link. */
  readonly queueBytes: readonly [number, number];
  readonly isDead: boolean;
  readonly isFaded: boolean;
  /** Whether the phone has the access point of this path. */
  readonly isAssociated: boolean;
}

/** The state of a run, for one picture. */
export interface PlaygroundFrame {
  readonly type: 'frame';
  readonly run: number;
  readonly nowNs: number;
  readonly isDone: boolean;
  /** Packets that are on their way, or were until a moment ago. */
  readonly flights: FlightColumns;
  readonly paths: readonly PathFrame[];
  readonly decision: LastDecision | null;
  /** Only in some of the frames: they cost more than the rest. */
  readonly detail: FrameDetail | null;
}

export interface FrameDetail {
  readonly summary: LabSummary;
  readonly figures: readonly PageFigureData[];
}

/** From the worker. */
export type PlaygroundReply =
  | PlaygroundFrame
  | {
      readonly type: 'file';
      readonly name: string;
      readonly media: string;
      readonly parts: readonly BlobPart[];
    }
  /** Something could not be done; where `isEnd`, the simulation came to an end that it should not have. */
  | { readonly type: 'failed'; readonly message: string; readonly isEnd: boolean };
