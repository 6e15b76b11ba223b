/** What the page of captures and its worker say to each other. Both import it; nothing else passes between them. */
import type { PageFigureData } from '../../src/plot/index.js';
import type { ConnectionOptionsReport, Sender, TraceReport } from '../../src/trace/index.js';

/** From the page. */
export type CaptureRequest =
  /** Reads a capture; what was read before is forgotten. */
  | { readonly type: 'open'; readonly file: File }
  /** Draws a connection of the capture that is open: reads it once more. */
  | { readonly type: 'draw'; readonly connection: number; readonly sender: Sender };

/** From the worker. */
export type CaptureReply =
  | {
      readonly type: 'progress';
      readonly readBytes: number;
      readonly allBytes: number;
      readonly packets: number;
    }
  | {
      readonly type: 'report';
      readonly report: TraceReport;
      readonly options: readonly ConnectionOptionsReport[];
    }
  | {
      readonly type: 'figures';
      readonly connection: number;
      readonly sender: Sender;
      readonly figures: readonly PageFigureData[];
    }
  /** It is no capture, or cannot be read. */
  | { readonly type: 'failed'; readonly message: string };
