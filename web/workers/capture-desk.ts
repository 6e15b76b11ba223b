/**
 * Answers what the page of captures asks. Owns the capture that is open: its report, the connection that is looked at, and
 * what is being read. Knows nothing of workers; a page hears of it by `post` alone.
 */
import {
  type ByteFile,
  CaptureFile,
  connectionOf,
  connectionRow,
  filterConnections,
  type FoundPacket,
  type GoesOn,
  makeFigure,
  packetEnds,
  PacketRows,
  type PlotKind,
  plotKinds,
  type TimeSpan,
  type Unpackers,
  visibleText,
} from '../../src/lab/index.js';
import { figureData, type PageFigureData, renderFigure, renderPoints } from '../../src/plot/index.js';
import {
  Attribution,
  busierHost,
  busiestConnection,
  type ConnectionReport,
  ConnectionSeries,
  dissect,
  type Observation,
  reportOptions,
  reportPieces,
  type Sender,
  TraceAnalyzer,
  type TraceReport,
} from '../../src/trace/index.js';
import type {
  CaptureReply,
  CaptureRequest,
  CaptureSummary,
  CaptureTask,
  ShownPacket,
} from '../protocol/capture.js';

/** Points of a series: a reader looks closer. */
const MAX_POINTS = 20_000;
/** Connections and packets that are listed at once. */
export const MOST_CONNECTIONS = 200;
const MOST_PACKETS = 500;
/** Time between two words about how far it is, in ms. */
const PROGRESS_MS = 100;
/** Comments of a packet that are shown. */
const MOST_COMMENTS = 8;

/** A capture that was read. */
interface Opened {
  readonly capture: CaptureFile;
  readonly includesPlain: boolean;
  readonly report: TraceReport;
}

/** The connection that is looked at. */
interface Looked {
  readonly connection: ConnectionReport;
  readonly span: TimeSpan;
  readonly rows: PacketRows;
}

export class CaptureDesk {
  private readonly unpackers: Unpackers;
  private readonly post: (reply: CaptureReply) => void;
  private opened: Opened | undefined = undefined;
  private looked: Looked | undefined = undefined;
  /** Series as `subflow plot` draws them, of what was exported last. */
  private drawn: { readonly looked: Looked; readonly series: ConnectionSeries } | undefined = undefined;
  /** Numbers of what was asked for last. */
  private readonly turns: Record<CaptureTask, number> = { open: 0, look: 0, packet: 0, export: 0 };

  constructor(unpackers: Unpackers, post: (reply: CaptureReply) => void) {
    this.unpackers = unpackers;
    this.post = post;
  }

  /** Does what is asked; it never throws. */
  async handle(request: CaptureRequest): Promise<void> {
    const task: CaptureTask = request.type in this.turns ? (request.type as CaptureTask) : 'look';
    try {
      await this.answer(request);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.post({ type: 'failed', task, message });
    }
  }

  private async answer(request: CaptureRequest): Promise<void> {
    switch (request.type) {
      case 'open':
        return this.open(request.file, request.includesPlain);
      case 'stop':
        return this.stop();
      case 'list':
        return this.list(request);
      case 'look':
        return this.look(request.connection, request.span, request.around);
      case 'rows':
        return this.rows(request);
      case 'packet':
        return this.find(request.packet, request.isPreview);
      case 'export':
        return request.what === 'json'
          ? this.exportReport()
          : this.exportFigure(request.what, request.kind, request.sender);
    }
  }

  /** Begins a task: what says, between two chunks, whether it is still wanted, and tells how far it is. */
  private begin(task: CaptureTask): GoesOn {
    const turn = ++this.turns[task];
    let toldAt = 0;
    return (progress) => {
      if (this.turns[task] !== turn) return false;
      const now = performance.now();
      if (now - toldAt < PROGRESS_MS) return true;
      toldAt = now;
      this.post({ type: 'progress', task, ...progress });
      return true;
    };
  }

  private stop(): void {
    for (const task of Object.keys(this.turns) as CaptureTask[]) {
      this.turns[task]++;
      this.post({ type: 'stopped', task });
    }
  }

  private async open(file: ByteFile, includesPlain: boolean): Promise<void> {
    this.opened = this.looked = this.drawn = undefined;
    for (const task of ['look', 'packet', 'export'] as const) this.turns[task]++;
    const capture = new CaptureFile(file, this.unpackers);
    const analyzer = new TraceAnalyzer({ includesPlain });
    const read = await capture.read((packet) => void analyzer.handle(packet), this.begin('open'));
    if (read === undefined) return;
    if (read.packets === 0 && read.problem !== null) {
      const message = `${visibleText(file.name)}: ${read.problem.message}`;
      this.post({ type: 'failed', task: 'open', message });
      return;
    }
    const report = analyzer.finish([read]);
    this.opened = { capture, includesPlain, report };
    this.post({ type: 'opened', summary: summarise(report) });
  }

  private list({ filter }: CaptureRequest & { type: 'list' }): void {
    const found = filterConnections(this.opened?.report.connections ?? [], filter);
    const rows = found.slice(0, MOST_CONNECTIONS).map(connectionRow);
    this.post({ type: 'list', rows, found: found.length });
  }

  private async look(id: number, span: TimeSpan, around = 1): Promise<void> {
    const { opened } = this;
    if (opened === undefined) return;
    const connection = opened.report.connections.find((each) => each.id === id);
    if (connection === undefined) {
      const message = `There is no connection ${id} in this capture.`;
      this.post({ type: 'failed', task: 'look', message });
      return;
    }
    const bounds = boundsOf(span);
    const isWhole = span.fromNs === null && span.toNs === null;
    const seriesOf = (sender: Sender): ConnectionSeries =>
      new ConnectionSeries(connection, { ...bounds, sender, maxPoints: MAX_POINTS });
    const series = { client: seriesOf('client'), server: seriesOf('server') };
    const rows = new PacketRows({ ...bounds, around });
    // Numbers of a part of the time are the analyser's own; of all of it they are there already.
    const analyzer = new TraceAnalyzer({
      ...{ includesPlain: opened.includesPlain, verifiesChecksums: !isWhole },
      ...bounds,
    });
    const isRead = await this.readConnection(connection, analyzer, this.begin('look'), (seen) => {
      rows.take(seen);
      series.client.take(seen);
      series.server.take(seen);
    });
    if (!isRead || this.opened !== opened) return;
    const numbers = isWhole
      ? connection
      : (analyzer.finish().connections.find((each) => each.id === id) ?? connection);
    this.looked = { connection, span, rows };
    this.post({
      type: 'drawing',
      drawing: {
        ...{ connection: numbers, busier: busierHost(connection), span },
        figures: {
          client: figuresOf(connection, series.client),
          server: figuresOf(connection, series.server),
        },
        options: reportOptions(connection),
        ...{ packets: rows.count, omitted: rows.omitted },
      },
    });
  }

  /** Reads the capture for one connection; whether that was not stopped. */
  private async readConnection(
    connection: ConnectionReport,
    analyzer: TraceAnalyzer,
    goesOn: GoesOn,
    take: (seen: Observation) => void,
  ): Promise<boolean> {
    const attribution = new Attribution([connection]);
    const { id } = connection;
    const read = await this.opened!.capture.read((packet) => {
      const seen = analyzer.handle(packet);
      if (seen !== undefined && attribution.attribute(seen) && seen.connection === id) take(seen);
    }, goesOn);
    return read !== undefined;
  }

  private rows({ from, count, hidden, packet }: CaptureRequest & { type: 'rows' }): void {
    const list = this.looked?.rows;
    if (list === undefined) return;
    list.hide(hidden);
    const rows = list.rows(from, Math.min(count, MOST_PACKETS));
    const position = packet > 0 ? list.positionOf(packet) : -1;
    this.post({ type: 'rows', from, rows, count: list.count, position, packet });
  }

  private async find(wanted: number, isPreview: boolean): Promise<void> {
    const { opened } = this;
    if (opened === undefined) return;
    const goesOn = this.begin('packet');
    const turn = this.turns.packet;
    const found = await opened.capture.find(wanted, goesOn);
    if (this.turns.packet !== turn) return;
    if (found === undefined) {
      const message = `There is no packet ${wanted} in this capture any more, or never was.`;
      this.post({ type: 'failed', task: 'packet', message });
      return;
    }
    this.post({ type: 'packet', shown: this.describe(found, opened.report), isPreview });
  }

  private describe({ packet, on }: FoundPacket, report: TraceReport): ShownPacket {
    const bytes = packet.data();
    const row = this.looked?.rows.find(packet.frame);
    const ends = row === undefined ? packetEnds(bytes, packet.linkType) : undefined;
    const owner = ends && connectionOf(report.connections, ends, packet.frame)?.connection.id;
    return {
      ...{ packet: packet.frame, bytes, originalLength: packet.originalLength },
      atNs: row?.atNs ?? timeOf(packet, report),
      dissection: dissect(bytes, packet.linkType),
      interfaceName: on?.name ?? '',
      direction: packet.direction,
      comments: packet.comments.slice(0, MOST_COMMENTS),
      connection: row === undefined ? (owner ?? null) : this.looked!.connection.id,
      isListed: row !== undefined,
    };
  }

  private exportReport(): void {
    if (this.opened === undefined) return;
    const { report } = this.opened;
    this.post({
      ...{ type: 'file', name: 'trace.json', media: 'application/json' },
      parts: [...reportPieces(report), '\n'],
    });
  }

  /** Reads once more, with as many points as `subflow plot` takes: what comes of it is the same, byte for byte. */
  private async exportFigure(what: 'svg' | 'csv', kind: PlotKind, sender: Sender): Promise<void> {
    const { opened, looked } = this;
    if (opened === undefined || looked === undefined) return;
    const { connection, span } = looked;
    if (this.drawn?.looked !== looked || this.drawn.series.sender !== sender) {
      const { includesPlain } = opened;
      const analyzer = new TraceAnalyzer({ includesPlain, verifiesChecksums: false });
      const series = new ConnectionSeries(connection, { ...boundsOf(span), sender });
      const goesOn = this.begin('export');
      if (!(await this.readConnection(connection, analyzer, goesOn, (seen) => series.take(seen)))) return;
      this.drawn = { looked, series };
    }
    const figure = makeFigure(kind, { connection, series: this.drawn.series });
    if (figure === undefined) return;
    const isSvg = what === 'svg';
    this.post({
      ...{ type: 'file', name: `connection-${connection.id}-${kind}.${what}` },
      media: isSvg ? 'image/svg+xml' : 'text/csv',
      parts: [isSvg ? renderFigure(figure) : renderPoints(figure)],
    });
  }
}

function boundsOf({ fromNs, toNs }: TimeSpan): { fromNs: number; toNs: number } {
  return { fromNs: fromNs ?? 0, toNs: toNs ?? Number.POSITIVE_INFINITY };
}

function figuresOf(connection: ConnectionReport, series: ConnectionSeries): PageFigureData[] {
  return plotKinds.flatMap((kind) => {
    const figure = makeFigure(kind, { connection, series });
    // The page says which connection it is; a title is short here.
    return figure === undefined
      ? []
      : [figureData({ id: kind, figure: { ...figure, title: figure.title.replace(/:.*/s, '') } })];
  });
}

function summarise({ connections, ...rest }: TraceReport): CaptureSummary {
  const codes = new Map<string, number>();
  for (const { findings } of connections) {
    for (const code of new Set(findings.map((each) => each.code)))
      codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return {
    ...rest,
    connections: connections.length,
    findingCodes: [...codes].sort(([one], [other]) => (one < other ? -1 : 1)),
    busiest: busiestConnection(connections)?.id ?? null,
  };
}

/** Nanoseconds from the first packet of the capture to this one. */
function timeOf(
  { hasTime, seconds, nanoseconds }: FoundPacket['packet'],
  report: TraceReport,
): number | null {
  if (!hasTime || report.startTime === null) return null;
  return Number(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds) - BigInt(report.startTime));
}
