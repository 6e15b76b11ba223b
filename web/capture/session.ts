/**
 * A capture as the page sees it: the file, how far it is read, what is in it, and what is looked at: a connection, whose data,
 * a span of time, a packet. The worker holds the rest.
 */
import { batch, computed, effect, signal } from '@preact/signals';
import {
  allTime,
  type CaptureLook,
  type ConnectionFilter,
  type ConnectionRow,
  everyConnection,
  type PlotKind,
  type ReadingProgress,
  readLook,
  seriesOfSubflows,
  type TimeSpan,
  writeLook,
} from '../../src/lab/index.js';
import { type Sender, SEPARATE_SUBFLOWS } from '../../src/trace/index.js';
import { address, replaceQuery } from '../address.js';
import { download } from '../download.js';
import { PanelGroup } from '../plot/panel-group.js';
import type {
  CaptureDrawing,
  CaptureReply,
  CaptureRequest,
  CaptureRows,
  CaptureSummary,
  CaptureTask,
  ShownPacket,
} from '../protocol/capture.js';

/** Rows of packets that are asked for at once. */
const ROWS = 120;
/** Time that somebody points at a packet before it is shown, in ms: a hand passes over many. */
const PREVIEW_MS = 120;

type Tasks = Readonly<Partial<Record<CaptureTask, ReadingProgress>>>;

export class CaptureSession {
  readonly file = signal<File | undefined>(undefined);
  readonly includesPlain = signal(false);
  /** What is being read for which task. */
  readonly tasks = signal<Tasks>({});
  readonly summary = signal<CaptureSummary | undefined>(undefined);
  readonly filter = signal<ConnectionFilter>(everyConnection);
  readonly list = signal<{ readonly rows: readonly ConnectionRow[]; readonly found: number }>({
    ...{ rows: [], found: 0 },
  });
  readonly connection = signal<number | undefined>(undefined);
  readonly sender = signal<Sender>('server');
  readonly span = signal<TimeSpan>(allTime);
  readonly drawing = signal<CaptureDrawing | undefined>(undefined);
  /** Subflows that are not shown. */
  readonly hidden = signal<readonly number[]>([]);
  readonly hiddenSeries = computed(() =>
    this.drawing.value === undefined
      ? new Set<string>()
      : seriesOfSubflows(this.drawing.value.connection, this.hidden.value, SEPARATE_SUBFLOWS + 1),
  );
  /** The part of the list that is at hand. */
  readonly rows = signal<CaptureRows | undefined>(undefined);
  /** The packet that was chosen, its place in the list, and what it holds. */
  readonly packet = signal<number | undefined>(undefined);
  readonly position = signal(-1);
  readonly shown = signal<ShownPacket | undefined>(undefined);
  /** The packet that is pointed at. */
  readonly preview = signal<ShownPacket | undefined>(undefined);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  readonly group = new PanelGroup();
  /** What a link asks for that can only be done when its file is open. */
  readonly wish = signal<CaptureLook>(readLook(address.peek().query));
  /** Whether figures move to the packet that is being looked for. */
  private moves = false;
  private pending: { packet?: number; position?: number } = {};
  private previewTimer = 0;
  /** The packet that is pointed at now. */
  private pointed: number | undefined = undefined;
  private readonly unwatch: (() => void)[] = [];
  private readonly worker = new Worker(new URL('../workers/capture-worker.ts', import.meta.url), {
    ...{ type: 'module', name: 'capture' },
  });

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<CaptureReply>) => batch(() => this.take(data));
    this.worker.onerror = (event) =>
      (this.failure.value = event.message || 'The worker could not be loaded.');
    this.group.onChoose = (chosen) => this.choose(chosen?.packet, false);
    this.group.onPoint = (at) => this.point(at?.packet);
    this.includesPlain.value = this.wish.peek().includesPlain;
    this.unwatch.push(effect(() => this.writeAddress()));
    this.unwatch.push(address.subscribe(({ query }) => this.follow(readLook(query))));
  }

  close(): void {
    for (const stop of this.unwatch) stop();
    clearTimeout(this.previewTimer);
    this.worker.terminate();
  }

  /** Reads `file`, or again the one that is open. */
  open(file = this.file.peek()): void {
    if (file === undefined) return;
    batch(() => {
      this.file.value = file;
      this.summary.value = undefined;
      this.filter.value = everyConnection;
      this.connection.value = undefined;
      this.failure.value = '';
      this.leave();
      // The worker leaves what it does for the capture before, and says nothing more of it.
      this.tasks.value = {};
      this.ask('open', { type: 'open', file, includesPlain: this.includesPlain.value });
    });
  }

  /** Leaves unfinished what is being read. */
  stop(): void {
    this.send({ type: 'stop' });
  }

  /** Says why nothing was opened. */
  refuse(why: string): void {
    this.failure.value = why;
  }

  search(filter: ConnectionFilter): void {
    this.filter.value = filter;
    this.send({ type: 'list', filter });
  }

  /** Looks at a connection, from its beginning. */
  look(connection: number): void {
    const isThere = this.drawing.peek() !== undefined || this.tasks.peek().look !== undefined;
    if (connection === this.connection.peek() && isThere) return;
    batch(() => {
      this.leave();
      this.connection.value = connection;
      this.read(connection, allTime);
    });
  }

  /** Looks at a part of the time only, or at all of it. */
  lookAt(span: TimeSpan): void {
    const connection = this.connection.peek();
    if (connection === undefined) return;
    this.group.time.reset();
    this.read(connection, span, this.packet.peek());
  }

  hide(subflow: number, isHidden: boolean): void {
    const others = this.hidden.peek().filter((each) => each !== subflow);
    this.hidden.value = isHidden ? [...others, subflow] : others;
    this.fetch(this.rows.peek()?.from ?? 0);
  }

  /** Chooses a packet, wherever it is; `moves`: the figures go to it. */
  choose(packet: number | undefined, moves = true): void {
    batch(() => {
      this.packet.value = packet;
      this.pending = {};
      this.point(undefined);
      if (packet === undefined) {
        this.shown.value = undefined;
        this.position.value = -1;
        this.group.mark(undefined);
        return;
      }
      this.moves = moves;
      this.ask('packet', { type: 'packet', packet, isPreview: false });
      if (this.drawing.peek() !== undefined) this.fetch(this.rows.peek()?.from ?? 0);
    });
  }

  /** Chooses the packet at a place of the list. */
  chooseAt(position: number): void {
    const rows = this.rows.peek();
    if (rows === undefined || rows.count === 0) return;
    const wanted = Math.min(Math.max(position, 0), rows.count - 1);
    this.position.value = wanted;
    const row = rows.rows[wanted - rows.from];
    if (row !== undefined) return this.choose(row.packet);
    this.pending.position = wanted;
    this.fetch(wanted - ROWS / 2);
  }

  /** Has the part of the list at hand that begins with a place. */
  fetch(from: number): void {
    const hidden = this.hidden.peek();
    const packet = this.packet.peek() ?? 0;
    this.send({ type: 'rows', from: Math.max(0, Math.floor(from)), count: ROWS, hidden, packet });
  }

  export(what: 'svg' | 'csv', kind: PlotKind): void {
    this.ask('export', { type: 'export', what, kind, sender: this.sender.peek() });
  }

  exportReport(): void {
    this.ask('export', { type: 'export', what: 'json' });
  }

  /** Shows a packet that is pointed at for a while. */
  private point(packet: number | undefined): void {
    clearTimeout(this.previewTimer);
    this.pointed = packet;
    this.preview.value = undefined;
    if (packet === undefined || packet === this.packet.peek() || this.tasks.peek().packet !== undefined)
      return;
    this.previewTimer = window.setTimeout(
      () => this.send({ type: 'packet', packet, isPreview: true }),
      PREVIEW_MS,
    );
  }

  /** Leaves the connection. */
  private leave(): void {
    this.span.value = allTime;
    this.hidden.value = [];
    this.drawing.value = undefined;
    this.rows.value = undefined;
    this.group.time.reset();
    this.choose(undefined);
  }

  private read(connection: number, span: TimeSpan, around?: number): void {
    this.span.value = span;
    this.ask('look', {
      ...{ type: 'look', connection, span },
      ...(around === undefined ? {} : { around }),
    });
  }

  private ask(task: CaptureTask, request: CaptureRequest): void {
    this.progress(task, { readBytes: 0, allBytes: this.file.peek()?.size ?? 0, packets: 0 });
    this.send(request);
  }

  private send(request: CaptureRequest): void {
    this.worker.postMessage(request);
  }

  private progress(task: CaptureTask, progress: ReadingProgress | undefined): void {
    const others = Object.entries(this.tasks.peek()).filter(([name]) => name !== task);
    this.tasks.value = Object.fromEntries(progress === undefined ? others : [...others, [task, progress]]);
  }

  private take(reply: CaptureReply): void {
    switch (reply.type) {
      case 'progress':
        if (this.tasks.peek()[reply.task] !== undefined) this.progress(reply.task, reply);
        return;
      case 'opened':
        return this.takeSummary(reply.summary);
      case 'list':
        this.list.value = reply;
        return;
      case 'drawing':
        return this.takeDrawing(reply.drawing);
      case 'rows':
        return this.takeRows(reply);
      case 'packet':
        return this.takePacket(reply.shown, reply.isPreview);
      case 'file':
        this.progress('export', undefined);
        download(reply.name, reply.media, reply.parts);
        return;
      case 'failed':
        this.progress(reply.task, undefined);
        this.failure.value = reply.message;
        if (reply.task === 'look' && this.drawing.peek() === undefined) this.lookAtBusiest();
        return;
      case 'stopped':
        this.progress(reply.task, undefined);
    }
  }

  private takeSummary(summary: CaptureSummary): void {
    this.progress('open', undefined);
    this.summary.value = summary;
    this.search(everyConnection);
    const wish = this.wish.peek();
    const connection = wish.connection ?? summary.busiest ?? undefined;
    this.connection.value = connection;
    if (connection !== undefined) this.read(connection, wish.span, wish.packet);
  }

  /** A link may ask for what is not there. */
  private lookAtBusiest(): void {
    const { busiest } = this.summary.peek() ?? { busiest: null };
    const isTried = busiest === null || busiest === this.connection.peek();
    this.wish.value = readLook('');
    this.connection.value = isTried ? undefined : busiest;
    if (!isTried) this.read(busiest, allTime);
  }

  private takeDrawing(drawing: CaptureDrawing): void {
    const { connection, span, busier } = drawing;
    // Another capture, or another connection, has been asked for since.
    if (this.summary.peek() === undefined || connection.id !== this.connection.peek()) return;
    this.progress('look', undefined);
    const wish = this.wish.peek();
    const isSame = this.drawing.peek()?.connection.id === connection.id;
    if (!isSame) this.sender.value = wish.sender ?? busier;
    const end = connection.startNs + connection.durationNs;
    const low = Math.max(connection.startNs, span.fromNs ?? 0);
    this.group.setSpan(low / 1e9, Math.max(low, Math.min(end, span.toNs ?? end)) / 1e9);
    this.drawing.value = drawing;
    const packet = this.pending.packet ?? wish.packet;
    this.pending = {};
    this.wish.value = readLook('');
    if (packet !== undefined) this.choose(packet);
    else this.fetch(0);
  }

  private takeRows(rows: CaptureRows): void {
    if (this.drawing.peek() === undefined) return;
    this.rows.value = rows;
    const { position } = this.pending;
    if (position === undefined || position >= rows.count) {
      this.pending = {};
      if (rows.packet === (this.packet.peek() ?? 0)) this.position.value = rows.position;
      return;
    }
    const row = rows.rows[position - rows.from];
    if (row !== undefined) this.choose(row.packet);
  }

  private takePacket(shown: ShownPacket, isPreview: boolean): void {
    if (isPreview) {
      if (shown.packet === this.pointed) this.preview.value = shown;
      return;
    }
    this.progress('packet', undefined);
    if (shown.packet !== this.packet.peek()) return;
    this.shown.value = shown;
    const drawing = this.drawing.peek();
    if (shown.connection !== null && drawing !== undefined && !shown.isListed) {
      const { omitted, connection } = drawing;
      const isOther = shown.connection !== connection.id;
      // It is in the file, but not where we look: at another connection, or behind the end of a list that is too long.
      if (isOther) this.look(shown.connection);
      else if (omitted.before + omitted.behind > 0) this.read(connection.id, this.span.peek(), shown.packet);
      if (isOther) this.pending.packet = shown.packet;
      if (isOther) return;
    }
    if (shown.atNs === null) return;
    this.group.mark({ packet: shown.packet, x: shown.atNs / 1e9 });
    if (this.moves) this.group.moveTo(shown.atNs / 1e9);
  }

  /** Somebody went to another address while a capture is open. */
  private follow(look: CaptureLook): void {
    if (this.summary.peek() === undefined) {
      if (address.peek().view === 'capture') this.wish.value = look;
      return;
    }
    if (writeLook(look) === '' || writeLook(look) === this.written()) return;
    if (look.includesPlain && !this.includesPlain.peek()) {
      this.includesPlain.value = true;
      this.wish.value = look;
      return this.open();
    }
    const connection = look.connection ?? this.connection.peek();
    if (connection === undefined) return;
    if (connection !== this.connection.peek()) this.leave();
    this.wish.value = look;
    this.connection.value = connection;
    if (look.sender !== undefined) this.sender.value = look.sender;
    this.read(connection, look.span, look.packet);
  }

  private written(): string {
    return writeLook({
      connection: this.connection.value,
      sender: this.drawing.value === undefined ? undefined : this.sender.value,
      span: this.span.value,
      packet: this.packet.value,
      includesPlain: this.includesPlain.value,
    });
  }

  private writeAddress(): void {
    const isOpen = this.summary.value !== undefined;
    const written = this.written();
    if (isOpen && address.peek().view === 'capture') replaceQuery('capture', written);
  }
}
