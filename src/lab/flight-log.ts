/** Packets on their way as columns of numbers, a bounded number of them: what a page is handed for each picture. */

/** What becomes of a packet. */
export const FlightFate = { arrives: 0, lost: 1, queueFull: 2, swallowed: 3 } as const;
export type FlightFate = (typeof FlightFate)[keyof typeof FlightFate];

/** Packets that are kept between two pictures; more would cover each other. */
export const MAX_FLIGHTS = 4096;
/** Numbers that stand for one packet. */
export const FLIGHT_FIELDS = 5;

/**
 * For each packet {@link FLIGHT_FIELDS} numbers: a code of path, direction, kind and fate (see {@link decodeFlight}), when it
 * was offered, when it leaves the queue, when it arrives (all in ns), and its number.
 */
export type FlightColumns = Float64Array<ArrayBuffer>;

/** What a code says. */
export interface FlightCode {
  readonly path: number;
  readonly isForward: boolean;
  readonly isData: boolean;
  readonly fate: FlightFate;
}

export function decodeFlight(code: number): FlightCode {
  return {
    path: code >> 4,
    isForward: (code & 8) !== 0,
    isData: (code & 4) !== 0,
    fate: (code & 3) as FlightFate,
  };
}

export class FlightLog {
  /** Whether anybody draws them. */
  isWanted = true;
  private readonly columns = new Float64Array(MAX_FLIGHTS * FLIGHT_FIELDS);
  private number = 0;
  private taken = 0;

  add(
    path: number,
    isForward: boolean,
    at: number,
    leftAt: number,
    arrivesAt: number,
    fate: FlightFate,
    isData: boolean,
  ): void {
    const { columns } = this;
    const place = (this.number++ % MAX_FLIGHTS) * FLIGHT_FIELDS;
    columns[place] = (path << 4) | (isForward ? 8 : 0) | (isData ? 4 : 0) | fate;
    columns[place + 1] = at;
    columns[place + 2] = leftAt;
    columns[place + 3] = arrivesAt;
    columns[place + 4] = this.number;
  }

  /** Those that were added since the last call and are still on their way at `now` (ns); the latest where there are too many. */
  take(now: number): FlightColumns {
    const { columns, number } = this;
    const first = Math.max(this.taken, number - MAX_FLIGHTS);
    const found = new Float64Array((number - first) * FLIGHT_FIELDS);
    let used = 0;
    for (let i = first; i < number; i++) {
      const place = (i % MAX_FLIGHTS) * FLIGHT_FIELDS;
      if (columns[place + 3]! <= now) continue;
      for (let field = 0; field < FLIGHT_FIELDS; field++) found[used++] = columns[place + field]!;
    }
    this.taken = number;
    return found.slice(0, used);
  }
}
