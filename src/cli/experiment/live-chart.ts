/** A chart of the trials that are done, and how far it is, on a terminal while an experiment runs. */

import type { Experiment, FinishedTrial } from '../../experiments/index.js';
import { LEAST_COLUMNS, LEAST_ROWS, renderTerminal } from '../../plot/index.js';
import { MINUTE, SECOND, SubflowError } from '../../base/index.js';
import { Screen, type ScreenStream } from './screen.js';

/** Largest chart, in characters: on a large terminal it need not fill everything. */
const MOST_COLUMNS = 100;
const MOST_ROWS = 24;
/** Lines beside the chart: how far it is, and the prompt above. */
const OTHER_ROWS = 2;
/** Least time between two pictures. */
const REDRAW_NS = SECOND / 5;

/** What a chart needs to know of the world. */
export interface ChartSurroundings {
  readonly stream: ScreenStream;
  /** Whether there may be colours. */
  readonly hasColor: boolean;
  /** Ns since whenever; never goes back. */
  readonly now: () => number;
}

/** About how long, for a person who waits: `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function waitText(ns: number): string {
  const seconds = Math.round(ns / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(ns / MINUTE);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Whether a terminal shows a chart: it moves its cursor, and has the characters. */
export function mayShowCharts({ isTTY }: ScreenStream, environment: NodeJS.ProcessEnv): boolean {
  const { TERM = '', LC_ALL, LC_CTYPE, LANG } = environment;
  const locale = [LC_ALL, LC_CTYPE, LANG].find((each) => each !== undefined && each !== '');
  const hasCharacters = locale === undefined || /utf-?8/i.test(locale);
  // The console of Linux has 512 characters, and none of these.
  return isTTY === true && hasCharacters && !['', 'dumb', 'linux'].includes(TERM);
}

export class LiveChart {
  private readonly surroundings: ChartSurroundings;
  private readonly live: NonNullable<Experiment['live']>;
  private readonly screen: Screen;
  private finished: readonly FinishedTrial[] = [];
  private total = 0;
  private what = '';
  /** When the trials that run together began, and when it was drawn last. */
  private begunAtNs: number;
  private drawnAtNs = Number.NEGATIVE_INFINITY;

  constructor(live: NonNullable<Experiment['live']>, surroundings: ChartSurroundings) {
    this.live = live;
    this.surroundings = surroundings;
    this.screen = new Screen(surroundings.stream);
    this.begunAtNs = surroundings.now();
  }

  /** `done` of `total` trials have been begun, `what` is next. Settles when the event loop has come round. */
  async step(done: number, total: number, what: string): Promise<void> {
    if (done === 0) {
      this.begunAtNs = this.surroundings.now();
      this.finished = [];
    }
    this.total = total;
    this.what = what;
    this.refresh();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** These trials are done. */
  watch(finished: readonly FinishedTrial[]): void {
    this.finished = finished;
    this.refresh();
  }

  /** Draws it anew, unless it was only just drawn. */
  refresh(): void {
    const now = this.surroundings.now();
    if (now - this.drawnAtNs < REDRAW_NS) return;
    this.drawnAtNs = now;
    this.screen.draw([...this.chartLines(), this.progressLine(now)]);
  }

  /** Takes it away. */
  end(): void {
    this.screen.clear();
  }

  private chartLines(): string[] {
    const { stream, hasColor } = this.surroundings;
    // The last column stays free: some terminals go to the next line when it is written to.
    const columns = Math.min(MOST_COLUMNS, (stream.columns ?? 0) - 1);
    const rows = Math.min(MOST_ROWS, (stream.rows ?? 0) - OTHER_ROWS);
    if (this.finished.length === 0 || columns < LEAST_COLUMNS || rows < LEAST_ROWS) return [];
    try {
      const figure = this.live(this.finished as readonly FinishedTrial<never, never>[]);
      return renderTerminal(figure, { columns, rows, hasColor });
    } catch (error) {
      // Nothing to draw yet, or nothing that can be: no reason to end what is only watched.
      if (error instanceof SubflowError && error.code === 'ERR_SUBFLOW_PLOT') return [];
      throw error;
    }
  }

  private progressLine(now: number): string {
    const [done, { total }] = [this.finished.length, this];
    const share = total === 0 ? 0 : done / total;
    const spentNs = now - this.begunAtNs;
    const left =
      done === 0 || done === total ? '' : `, about ${waitText((spentNs / done) * (total - done))} left`;
    const text = `${String(Math.floor(100 * share)).padStart(3)} %  ${done} of ${total}, ${waitText(spentNs)}${left}  ${this.what}`;
    return text.slice(0, Math.max(0, (this.surroundings.stream.columns ?? 80) - 1));
  }
}
