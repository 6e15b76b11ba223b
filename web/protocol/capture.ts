/** What the page of captures and its worker say to each other. Both import it; nothing else passes between them. */
import type { PageFigureData } from '../../src/plot/index.js';
import type { ConnectionOptionsReport, Sender, TraceReport } from '../../src/trace/index.js';

/** From the page. What is asked for last counts: the worker leaves unfinished what was asked for before. */
export type CaptureRequest =
  /** Reads a capture; `includesPlain`: reports plain TCP connections too. */
  | { readonly type: 'open'; readonly file: File; readonly includesPlain: boolean }
  /** Draws a connection of the capture that is open: reads it once more. */
  | { readonly type: 'draw'; readonly connection: number; readonly sender: Sender };

/** How far a reading has come. */
export interface CaptureProgress {
  readonly type: 'progress';
  /** Bytes of the file, packed as it may be. */
  readonly readBytes: number;
  readonly allBytes: number;
  readonly packets: number;
}

/** What can be drawn of a connection, and what the options of its handshakes say. */
export interface CaptureDrawing {
  readonly type: 'drawing';
  readonly connection: number;
  readonly sender: Sender;
  readonly figures: readonly PageFigureData[];
  readonly options: ConnectionOptionsReport;
}

/** From the worker. */
export type CaptureReply =
  | CaptureProgress
  | { readonly type: 'report'; readonly report: TraceReport }
  | CaptureDrawing
  /** It is no capture, or cannot be read. */
  | { readonly type: 'failed'; readonly message: string };
