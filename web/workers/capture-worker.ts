/** Reads captures: in this thread the analyser works, so that the page never waits for it. */
import { CaptureReader } from '../../src/capture/index.js';
import { makeFigure, plotKinds } from '../../src/lab/index.js';
import { figureData } from '../../src/plot/index.js';
import {
  Attribution,
  ConnectionSeries,
  type FileReport,
  type Observation,
  reportOptions,
  type Sender,
  TraceAnalyzer,
  type TraceReport,
} from '../../src/trace/index.js';
import type { CaptureReply, CaptureRequest } from '../protocol/capture.js';
import { FileChunks } from './file-chunks.js';
import { workerScope } from './scope.js';

/** Points of a series: a reader looks closer. */
const MAX_POINTS = 20_000;
/** Time between two words about how far it is, in ms. */
const PROGRESS_MS = 100;

const scope = workerScope<CaptureRequest, CaptureReply>();

/** A capture that was opened. */
interface Opened {
  readonly file: File;
  readonly includesPlain: boolean;
  readonly report: TraceReport;
}

class Captures {
  private opened: Opened | undefined = undefined;
  /** Number of what was asked for last. */
  private job = 0;

  async handle(request: CaptureRequest): Promise<void> {
    const job = ++this.job;
    if (request.type === 'open') await this.open(request.file, request.includesPlain, job);
    else await this.draw(request.connection, request.sender, job);
  }

  private async open(file: File, includesPlain: boolean, job: number): Promise<void> {
    this.opened = undefined;
    const analyzer = new TraceAnalyzer({ includesPlain });
    const read = await this.read(file, analyzer, job);
    if (read === undefined) return;
    if (read.packets === 0 && read.problem !== null) {
      scope.postMessage({ type: 'failed', message: `${file.name}: ${read.problem.message}` });
      return;
    }
    const report = analyzer.finish([read]);
    this.opened = { file, includesPlain, report };
    scope.postMessage({ type: 'report', report });
  }

  private async draw(id: number, sender: Sender, job: number): Promise<void> {
    const connection = this.opened?.report.connections.find((each) => each.id === id);
    if (this.opened === undefined || connection === undefined) return;
    const { file, includesPlain } = this.opened;
    const series = new ConnectionSeries(connection, { sender, maxPoints: MAX_POINTS });
    const attribution = new Attribution([connection]);
    const analyzer = new TraceAnalyzer({ includesPlain, verifiesChecksums: false });
    const read = await this.read(file, analyzer, job, (seen) => {
      if (attribution.attribute(seen) && seen.connection === id) series.take(seen);
    });
    if (read === undefined) return;
    const figures = plotKinds.flatMap((kind) => {
      const figure = makeFigure(kind, { connection, series });
      // The page says which connection it is; a title is short here.
      return figure === undefined
        ? []
        : [figureData({ id: kind, figure: { ...figure, title: figure.title.replace(/:.*/s, '') } })];
    });
    scope.postMessage({
      ...{ type: 'drawing', connection: id, sender, figures, options: reportOptions(connection) },
    });
  }

  /** Reads all of a file; undefined when something else was asked for meanwhile. */
  private async read(
    file: File,
    analyzer: TraceAnalyzer,
    job: number,
    consume?: (seen: Observation) => void,
  ): Promise<FileReport | undefined> {
    const reader = new CaptureReader();
    const chunks = new FileChunks(file);
    const takeAll = (): void => {
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        const seen = analyzer.handle(packet);
        if (seen !== undefined) consume?.(seen);
      }
    };
    let toldAt = 0;
    for await (const chunk of chunks) {
      if (job !== this.job) return undefined;
      reader.push(chunk);
      takeAll();
      if (reader.problem !== undefined) break;
      if (performance.now() - toldAt < PROGRESS_MS) continue;
      toldAt = performance.now();
      const { readBytes } = chunks;
      scope.postMessage({ type: 'progress', readBytes, allBytes: file.size, packets: analyzer.packetCount });
    }
    reader.end();
    takeAll();
    return job === this.job ? fileReport(file, reader, chunks) : undefined;
  }
}

function fileReport(
  file: File,
  { format, packetCount, problem: found }: CaptureReader,
  chunks: FileChunks,
): FileReport {
  const problem = chunks.problem ?? found;
  return {
    ...{ name: file.name, format: format ?? null, packets: packetCount },
    problem:
      problem === undefined ? null : { code: problem.code, offset: problem.offset, message: problem.message },
  };
}

const captures = new Captures();
scope.onmessage = ({ data }) => {
  captures.handle(data).catch((error: unknown) => {
    scope.postMessage({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
};
