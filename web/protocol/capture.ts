/** What the page of captures and its worker say to each other. Both import it; nothing else passes between them. */
import type {
  ByteFile,
  ConnectionFilter,
  ConnectionRow,
  PacketRow,
  PlotKind,
  ReadingProgress,
  TimeSpan,
} from '../../src/lab/index.js';
import type { PageFigureData } from '../../src/plot/index.js';
import type {
  ConnectionOptionsReport,
  ConnectionReport,
  Dissection,
  Sender,
  TraceReport,
} from '../../src/trace/index.js';

/** What takes a while, since the file is read for it. Of each kind, what is asked for last counts. */
export type CaptureTask = 'open' | 'look' | 'packet' | 'export';

/** From the page. */
export type CaptureRequest =
  /** Reads a capture; `includesPlain`: reports plain TCP connections too. */
  | { readonly type: 'open'; readonly file: ByteFile; readonly includesPlain: boolean }
  /** Leaves unfinished whatever is being read. */
  | { readonly type: 'stop' }
  /** Which connections there are. */
  | { readonly type: 'list'; readonly filter: ConnectionFilter }
  /** Draws a connection: reads the capture once more. `around`: the packet that its list is about, if it is very long. */
  | { readonly type: 'look'; readonly connection: number; readonly span: TimeSpan; readonly around?: number }
  /** A part of the list of packets, without those of the hidden subflows. */
  | {
      readonly type: 'rows';
      readonly from: number;
      readonly count: number;
      readonly hidden: readonly number[];
      /** A packet whose position in the list is asked for; 0 for none. */
      readonly packet: number;
    }
  /** Finds a packet again. A preview is of a packet that is pointed at only. */
  | { readonly type: 'packet'; readonly packet: number; readonly isPreview: boolean }
  | {
      readonly type: 'export';
      readonly what: 'svg' | 'csv';
      readonly kind: PlotKind;
      readonly sender: Sender;
    }
  | { readonly type: 'export'; readonly what: 'json' };

/** What is in the capture, without its connections, of which there may be very many. */
export interface CaptureSummary extends Omit<TraceReport, 'connections'> {
  readonly connections: number;
  /** Codes of the findings of connections, and how many connections have each. */
  readonly findingCodes: readonly (readonly [code: string, connections: number])[];
  /** The connection to look at first; null when there is none. */
  readonly busiest: number | null;
}

/** What can be drawn of a connection, and what is said of it. */
export interface CaptureDrawing {
  /** With the numbers of the span of time. */
  readonly connection: ConnectionReport;
  readonly busier: Sender;
  readonly span: TimeSpan;
  readonly figures: Readonly<Record<Sender, readonly PageFigureData[]>>;
  readonly options: ConnectionOptionsReport;
  /** Packets in its list, and those that were left out of it before and behind, where there are too many. */
  readonly packets: number;
  readonly omitted: { readonly before: number; readonly behind: number };
}

/** A packet, found again. */
export interface ShownPacket {
  readonly packet: number;
  /** Nanoseconds since the first packet; null where the file has no time for it. */
  readonly atNs: number | null;
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly dissection: Dissection;
  /** What the file says of it: names that somebody wrote. */
  readonly interfaceName: string;
  readonly direction: 'unknown' | 'inbound' | 'outbound';
  readonly comments: readonly string[];
  /** The connection that it belongs to, as far as that can be told; null for none that is reported. */
  readonly connection: number | null;
  /** Whether it is in the list of the connection that is looked at. */
  readonly isListed: boolean;
}

/** A part of the list. */
export interface CaptureRows {
  readonly type: 'rows';
  readonly from: number;
  readonly rows: readonly PacketRow[];
  /** Rows of the list. */
  readonly count: number;
  /** Where the packet stands that was asked for, or the last one before it; -1 for none. */
  readonly position: number;
  readonly packet: number;
}

/** From the worker. */
export type CaptureReply =
  | (ReadingProgress & { readonly type: 'progress'; readonly task: CaptureTask })
  | { readonly type: 'opened'; readonly summary: CaptureSummary }
  | { readonly type: 'list'; readonly rows: readonly ConnectionRow[]; readonly found: number }
  | { readonly type: 'drawing'; readonly drawing: CaptureDrawing }
  | CaptureRows
  | { readonly type: 'packet'; readonly shown: ShownPacket; readonly isPreview: boolean }
  | {
      readonly type: 'file';
      readonly name: string;
      readonly media: string;
      readonly parts: readonly (string | Blob)[];
    }
  /** It is no capture, or cannot be read; or it has no such thing. */
  | { readonly type: 'failed'; readonly task: CaptureTask; readonly message: string }
  | { readonly type: 'stopped'; readonly task: CaptureTask };
