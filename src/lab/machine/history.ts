/**
 * The last minute of a machine, from one state to the next: rates and round-trip times as figures, and how long each connection has been
 * seen. Remembers nothing of connections that are gone, and of those that are there as much as is drawn. The time is that of the states.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Axis, MAX_SERIES, type Point, type Series, type XyFigure } from '../../plot/index.js';
import type { MachineConnection, MachineState, MachineSubflow, MachineTraffic } from './state.js';

/** What figures reach over, in ms. */
export const HISTORY_MS = 60_000;
/** Most looks that are remembered: two a second. */
const MAX_LOOKS = 120;
/** What a look counts for in the activity of a connection. */
const ACTIVITY_WEIGHT = 0.3;
/** Most subflows of one connection that are remembered, those that are gone included. */
const MAX_REMEMBERED = 32;

/** How long a connection has been seen. */
export interface SeenFor {
  readonly ms: number;
  /** It was there before anybody looked. */
  readonly isLeast: boolean;
}

/** Values of one thing over time, in the order of time. */
interface Track {
  readonly atMs: number[];
  readonly values: number[];
}

interface SubflowTracks {
  readonly name: string;
  readonly sent: Track;
  readonly received: Track;
  readonly rtt: Track;
  seenAtMs: number;
}

interface Remembered {
  readonly sinceMs: number;
  readonly isLeast: boolean;
  seenAtMs: number;
  /** What it moved lately, in both directions, in bit/s: what is older counts less. */
  activityBps: number;
  readonly subflows: Map<string, SubflowTracks>;
}

const time: Axis = { label: 'time before now', unit: 's', high: 0 };

/** What names a connection for as long as it is there: tokens are used again. */
export function connectionKey({ token, inode }: Pick<MachineConnection, 'token' | 'inode'>): string {
  return `${token} ${inode}`;
}

/** See the module. */
export class MachineHistory {
  private nowMs = 0;
  private lastMs: number | undefined = undefined;
  private readonly sent = makeTrack();
  private readonly received = makeTrack();
  private readonly connections = new Map<string, Remembered>();

  /** Takes the next state. */
  take({ atMs, totals, connections }: MachineState): void {
    this.nowMs = atMs;
    addRate(this.sent, atMs, totals.sendRateBps);
    addRate(this.received, atMs, totals.receiveRateBps);
    for (const connection of connections) this.note(connection);
    for (const [key, { seenAtMs }] of this.connections)
      if (seenAtMs < atMs - HISTORY_MS) this.connections.delete(key);
    this.lastMs = atMs;
  }

  /** How long a connection has been seen; undefined for one that was not. */
  seenFor(connection: Pick<MachineConnection, 'token' | 'inode'>): SeenFor | undefined {
    const known = this.connections.get(connectionKey(connection));
    return known === undefined ? undefined : { ms: this.nowMs - known.sinceMs, isLeast: known.isLeast };
  }

  /**
   * Connections in an order that a reader can follow: the busiest first, but only what moves twice as much goes ahead of what was there
   * before.
   */
  inOrder(connections: readonly MachineConnection[]): readonly MachineConnection[] {
    const rank = (connection: MachineConnection): readonly [number, number] => {
      const known = this.connections.get(connectionKey(connection));
      return [Math.floor(Math.log2(1 + (known?.activityBps ?? 0))), known?.sinceMs ?? this.nowMs];
    };
    return connections
      .map((connection) => ({ connection, rank: rank(connection) }))
      .sort(
        (a, b) =>
          b.rank[0] - a.rank[0] ||
          a.rank[1] - b.rank[1] ||
          (a.connection.token < b.connection.token ? -1 : 1),
      )
      .map(({ connection }) => connection);
  }

  /** What all connections send and receive. */
  ratesFigure(): XyFigure {
    return {
      ...{ kind: 'xy', title: 'All connections', x: time, y: rateAxis },
      caption: 'At the data level, between two looks.',
      series: [...this.seriesOf('received', this.received, 0), ...this.seriesOf('sent', this.sent, 1)],
    };
  }

  /** What each subflow of a connection carries, in the direction in which more goes. */
  shareFigure(connection: MachineConnection): XyFigure {
    const isSending = connection.sentBytes > connection.receivedBytes;
    return {
      ...{ kind: 'xy', title: `Subflows of ${connection.token}`, x: time, y: rateAxis },
      caption: `What each ${isSending ? 'sends' : 'receives'}, data that was sent again included.`,
      series: this.bySubflow(connection, ({ sent, received }) => (isSending ? sent : received)),
    };
  }

  /** Round-trip times of the subflows of a connection. */
  rttFigure(connection: MachineConnection): XyFigure {
    return {
      ...{ kind: 'xy', title: `Round-trip time of ${connection.token}`, x: time },
      caption: 'Smoothed, as the kernel measures it.',
      y: { label: 'RTT', unit: 's', low: 0 },
      series: this.bySubflow(connection, ({ rtt }) => rtt),
    };
  }

  private note(connection: MachineConnection): void {
    const key = connectionKey(connection);
    const known = this.connections.get(key) ?? {
      ...{ sinceMs: this.lastMs ?? this.nowMs, isLeast: this.lastMs === undefined, seenAtMs: this.nowMs },
      activityBps: 0,
      subflows: new Map<string, SubflowTracks>(),
    };
    this.connections.set(key, known);
    known.seenAtMs = this.nowMs;
    const rateBps = (connection.sendRateBps ?? 0) + (connection.receiveRateBps ?? 0);
    known.activityBps += ACTIVITY_WEIGHT * (rateBps - known.activityBps);
    for (const subflow of connection.subflows) this.noteSubflow(known.subflows, subflow);
    for (const [name, { seenAtMs }] of known.subflows)
      if (seenAtMs < this.nowMs - HISTORY_MS) known.subflows.delete(name);
  }

  private noteSubflow(subflows: Map<string, SubflowTracks>, subflow: MachineSubflow): void {
    const name = `${subflow.local} to ${subflow.remote}`;
    let tracks = subflows.get(name);
    if (tracks === undefined) {
      if (subflows.size >= MAX_REMEMBERED) return;
      tracks = { name, sent: makeTrack(), received: makeTrack(), rtt: makeTrack(), seenAtMs: this.nowMs };
      subflows.set(name, tracks);
    }
    tracks.seenAtMs = this.nowMs;
    addTraffic(tracks, this.nowMs, subflow);
    add(tracks.rtt, this.nowMs, (subflow.rttMs * MILLISECOND) / SECOND);
  }

  private bySubflow(connection: MachineConnection, of: (tracks: SubflowTracks) => Track): Series[] {
    const known = this.connections.get(connectionKey(connection));
    return [...(known?.subflows.values() ?? [])]
      .slice(0, MAX_SERIES)
      .flatMap((tracks, style) => this.seriesOf(tracks.name, of(tracks), style));
  }

  private seriesOf(name: string, { atMs, values }: Track, style: number): Series[] {
    const points: Point[] = [];
    for (let i = 0; i < atMs.length; i++) {
      const x = (atMs[i]! - this.nowMs) / 1000;
      if (x >= -HISTORY_MS / 1000) points.push({ x, y: values[i]! });
    }
    return points.length === 0 ? [] : [{ name, kind: 'line', points, style }];
  }
}

const rateAxis: Axis = { label: 'rate', unit: 'bit/s', low: 0 };

function makeTrack(): Track {
  return { atMs: [], values: [] };
}

function addTraffic({ sent, received }: SubflowTracks, atMs: number, traffic: MachineTraffic): void {
  addRate(sent, atMs, traffic.sendRateBps);
  addRate(received, atMs, traffic.receiveRateBps);
}

/** The first look knows no rates. */
function addRate(track: Track, atMs: number, rateBps: number | null): void {
  if (rateBps !== null) add(track, atMs, rateBps);
}

function add({ atMs, values }: Track, at: number, value: number): void {
  atMs.push(at);
  values.push(value);
  if (atMs.length <= MAX_LOOKS && atMs[0]! >= at - HISTORY_MS) return;
  atMs.shift();
  values.shift();
}
