/** A capture as the page sees it: the file, how far it is read, what is in it, and the connection that is looked at. */
import { signal } from '@preact/signals';
import type { ConnectionReport, Sender, TraceReport } from '../../src/trace/index.js';
import type { CaptureDrawing, CaptureProgress, CaptureReply, CaptureRequest } from '../protocol/capture.js';

export class CaptureSession {
  readonly file = signal<File | undefined>(undefined);
  readonly includesPlain = signal(false);
  readonly progress = signal<CaptureProgress | undefined>(undefined);
  readonly report = signal<TraceReport | undefined>(undefined);
  readonly chosen = signal<ConnectionReport | undefined>(undefined);
  readonly sender = signal<Sender>('server');
  readonly drawing = signal<CaptureDrawing | undefined>(undefined);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  private readonly worker = new Worker(new URL('../workers/capture-worker.ts', import.meta.url), {
    type: 'module',
    name: 'capture',
  });

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<CaptureReply>) => this.take(data);
    this.worker.onerror = (event) =>
      (this.failure.value = event.message || 'The worker could not be loaded.');
  }

  close(): void {
    this.worker.terminate();
  }

  /** Reads `file`, or again the one that is open. */
  open(file = this.file.value): void {
    if (file === undefined) return;
    this.file.value = file;
    this.report.value = undefined;
    this.chosen.value = undefined;
    this.drawing.value = undefined;
    this.failure.value = '';
    this.progress.value = { type: 'progress', readBytes: 0, allBytes: file.size, packets: 0 };
    this.ask({ type: 'open', file, includesPlain: this.includesPlain.value });
  }

  /** Looks at a connection: at the data of the host that sent more, unless it is said whose. */
  choose(connection: ConnectionReport, sender: Sender = busier(connection)): void {
    this.chosen.value = connection;
    this.sender.value = sender;
    this.drawing.value = undefined;
    this.ask({ type: 'draw', connection: connection.id, sender });
  }

  private ask(request: CaptureRequest): void {
    this.worker.postMessage(request);
  }

  private take(reply: CaptureReply): void {
    if (reply.type === 'progress') {
      this.progress.value = reply;
      return;
    }
    this.progress.value = undefined;
    if (reply.type === 'failed') this.failure.value = reply.message;
    else if (reply.type === 'drawing') this.drawing.value = reply;
    else {
      this.report.value = reply.report;
      const most = mostData(reply.report.connections);
      if (most !== undefined) this.choose(most);
    }
  }
}

/** Payload bytes that a host sent, over all subflows. */
export function sentBytes({ subflows }: ConnectionReport, sender: Sender): number {
  return subflows.reduce((sum, flow) => sum + (sender === 'client' ? flow.clientBytes : flow.serverBytes), 0);
}

function busier(connection: ConnectionReport): Sender {
  return sentBytes(connection, 'client') > sentBytes(connection, 'server') ? 'client' : 'server';
}

/** The one that carried most, those of Multipath TCP first. */
function mostData(connections: readonly ConnectionReport[]): ConnectionReport | undefined {
  const rank = (each: ConnectionReport): number =>
    (each.protocol === 'mptcp' ? Number.MAX_SAFE_INTEGER / 2 : 0) +
    sentBytes(each, 'client') +
    sentBytes(each, 'server');
  return connections.reduce<ConnectionReport | undefined>(
    (most, other) => (most === undefined || rank(other) > rank(most) ? other : most),
    undefined,
  );
}
