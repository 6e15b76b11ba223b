/** What is fetched in `schedulers`: short answers one after the other, a file, a web page, a video. */

import { NEVER, randomNormal, type RandomSource, SECOND } from '../../base/index.js';
import type { Fetch, FetchPlan } from './fetch-client.js';

/** A plan that notes how long what it measures takes. */
export interface MeasuredPlan extends FetchPlan {
  /** Times in ns, in the order in which they were measured. */
  readonly timesNs: readonly number[];
  readonly isDone: boolean;
}

/** Pieces of one size over one connection, the first at once, the others at their times or as soon as possible after. */
class PiecesPlan implements MeasuredPlan {
  readonly maxConnections = 1;
  readonly timesNs: number[] = [];
  private readonly times: readonly number[];
  private readonly bytes: number;
  private asked = 0;

  /** `times`: when each piece is wanted, in ns, in order; how long it takes counts from then. */
  constructor(times: readonly number[], bytes: number) {
    this.times = times;
    this.bytes = bytes;
  }

  get isDone(): boolean {
    return this.timesNs.length === this.times.length;
  }

  get wakeAt(): number {
    // While one is under way the next has to wait for it.
    return this.asked > this.timesNs.length ? NEVER : (this.times[this.asked] ?? NEVER);
  }

  next(now: number): Fetch | undefined {
    if (now < this.wakeAt) return undefined;
    return { id: this.asked++, bytes: this.bytes };
  }

  done(now: number, { id }: Fetch): void {
    this.timesNs.push(now - this.times[id]!);
  }
}

/** One file over a connection of its own, the handshake included. */
export function filePlan(bytes: number): MeasuredPlan {
  return new PiecesPlan([0], bytes);
}

/** Answers before which the connection has been open for a while, so that all paths are there; the first does not count. */
export function answersPlan(count: number, bytes: number): MeasuredPlan {
  return withoutFirst(new PiecesPlan(everySeconds(count + 1, 2), bytes));
}

/** A video: pieces at the rate at which they are watched; how long each takes counts from when it was wanted. */
export function videoPlan(pieces: number, pieceSeconds: number, rateBps: number): MeasuredPlan {
  const bytes = Math.max(1, Math.round((rateBps * pieceSeconds) / 8));
  return withoutFirst(new PiecesPlan(everySeconds(pieces + 1, pieceSeconds), bytes));
}

function everySeconds(count: number, seconds: number): number[] {
  return Array.from({ length: count }, (_, index) => index * seconds * SECOND);
}

/** Leaves out the first time that `plan` measures: paths are still being opened then. */
function withoutFirst(plan: PiecesPlan): MeasuredPlan {
  return {
    maxConnections: plan.maxConnections,
    next: (now) => plan.next(now),
    done: (now, fetch) => plan.done(now, fetch),
    get wakeAt() {
      return plan.wakeAt;
    },
    get isDone() {
      return plan.isDone;
    },
    get timesNs() {
      return plan.timesNs.slice(1);
    },
  };
}

/** Connections that a browser opens to a server. */
const BROWSER_CONNECTIONS = 6;
/** The document itself. */
const DOCUMENT_BYTES = 40_000;
/** Objects that the document names, and that are needed to find those of the last wave: styles and scripts. */
const SCRIPTS = 10;
/** Objects that the document names: images. */
const IMAGES = 34;
/** Objects that scripts and styles name, and that are found once all of those are there: fonts, more images. */
const LATE_OBJECTS = 9;
/** Sizes are log-normal: the median, the deviation of the logarithm, and a bound for the largest. */
const MEDIAN_BYTES = 10_000;
const SIZE_SPREAD = 1.2;
const MAX_OBJECT_BYTES = 300_000;

/** A web page: how long it takes until everything is there, from the first SYN on. */
class PagePlan implements MeasuredPlan {
  readonly maxConnections = BROWSER_CONNECTIONS;
  readonly timesNs: number[] = [];
  wakeAt = 0;
  /** Sizes of all objects: the document, then the waves in order. */
  private readonly sizes: readonly number[];
  /** How many of them are known by now, asked for, and there. */
  private known = 1;
  private asked = 0;
  private come = 0;
  /** How many of the scripts are there. */
  private scripts = 0;

  constructor(random: RandomSource) {
    const objects = Array.from({ length: SCRIPTS + IMAGES + LATE_OBJECTS }, () => objectBytes(random));
    this.sizes = [DOCUMENT_BYTES, ...objects];
  }

  get isDone(): boolean {
    return this.come === this.sizes.length;
  }

  next(): Fetch | undefined {
    this.wakeAt = NEVER;
    if (this.asked === this.known) return undefined;
    const id = this.asked++;
    return { id, bytes: this.sizes[id]! };
  }

  done(now: number, { id }: Fetch): void {
    this.come++;
    if (id === 0) this.known += SCRIPTS + IMAGES;
    else if (id <= SCRIPTS && ++this.scripts === SCRIPTS) this.known += LATE_OBJECTS;
    if (this.isDone) this.timesNs.push(now);
  }
}

function objectBytes(random: RandomSource): number {
  const bytes = MEDIAN_BYTES * Math.exp(SIZE_SPREAD * randomNormal(random));
  return Math.round(Math.min(MAX_OBJECT_BYTES, bytes));
}

/** A page of 54 objects, about a megabyte: sizes from `random`. */
export function pagePlan(random: RandomSource): MeasuredPlan {
  return new PagePlan(random);
}
