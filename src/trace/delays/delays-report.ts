/**
 * From matched packets to one-way delays: which place is at whose end, how far the clocks are apart, and what is left over.
 * The clocks come first, from all subflows together; of a subflow with packets of one direction only, its ends follow from them.
 */
import type { ClockReport, DelaysReport, DirectionDelaysReport, SubflowDelaysReport } from '../report.js';
import { type ClockLine, estimateClock, offsetAt } from './clock.js';
import { Envelope } from './envelope.js';
import type { PacketMatcher } from './matcher.js';
import type { StreamView, SubflowPair } from './stream-view.js';

type Direction = 0 | 1;

/** `numberOf` gives the number in the report of a connection that has this one while the capture is read. */
export function reportDelays(matcher: PacketMatcher, numberOf: (id: number) => number): DelaysReport {
  const { pairs } = matcher;
  const [clock, line] = judgeClock(pairs);
  const leftOver = line === undefined ? undefined : countWaiting(matcher, line);
  return {
    clock,
    subflows: pairs
      .filter(({ views }) => views.every(({ stream }) => stream.connection !== undefined))
      .map((pair) => ({ views: viewsOf(pair, numberOf), ...reportPair(pair, line, leftOver) })),
  };
}

function judgeClock(pairs: readonly SubflowPair[]): [ClockReport, ClockLine | undefined] {
  if (pairs.length === 0) return [unknownClock('no-match'), undefined];
  const leaving = new Envelope('lower');
  const reaching = new Envelope('upper');
  for (const pair of pairs) {
    const from = leanOf(pair);
    if (from === undefined) continue;
    for (const point of pair.differences[from].lower.vertices()) leaving.add(point);
    for (const point of pair.differences[opposite(from)].upper.vertices()) reaching.add(point);
  }
  if (leaving.vertices().length === 0) return [unknownClock('one-direction'), undefined];
  const line = estimateClock(leaving.vertices(), reaching.vertices());
  if (line === undefined) return [unknownClock('inconsistent'), undefined];
  const isDriftKnown = line.driftUncertainty !== null;
  const clock: ClockReport = {
    status: 'estimated',
    offsetNs: Math.round(line.offsetNs),
    uncertaintyNs: Math.ceil(line.uncertaintyNs),
    atNs: line.atNs,
    driftPpm: isDriftKnown ? line.drift * 1e6 : null,
    driftUncertaintyPpm: isDriftKnown ? line.driftUncertainty * 1e6 : null,
  };
  return [clock, line];
}

function unknownClock(status: ClockReport['status']): ClockReport {
  return {
    ...{ status, offsetNs: null, uncertaintyNs: null, atNs: null },
    ...{ driftPpm: null, driftUncertaintyPpm: null },
  };
}

/** The direction that leaves place 0, by what both directions show; undefined without one of them. */
function leanOf({ differences, lean }: SubflowPair): Direction | undefined {
  if (differences[0].count === 0 || differences[1].count === 0) return undefined;
  return lean >= 0 ? 0 : 1;
}

/** The same with the clocks known: what leaves place 0 comes later than the clocks differ. */
function leavingOf(pair: SubflowPair, line: ClockLine | undefined): Direction | undefined {
  const lean = leanOf(pair);
  if (lean !== undefined || line === undefined) return lean;
  const seen: Direction = pair.differences[0].count > 0 ? 0 : 1;
  const { atNs, ns } = pair.differences[seen].lower.vertices()[0]!;
  return ns >= offsetAt(line, atNs) ? seen : opposite(seen);
}

/** Packets that no other place saw, by the view and direction that did. */
interface LeftOver {
  /** While the other place was capturing. */
  readonly missed: number;
  readonly outside: number;
}

/** What became of the packets that still wait for their counterpart when all is read. */
function countWaiting(matcher: PacketMatcher, line: ClockLine): Map<StreamView, [LeftOver, LeftOver]> {
  const counts = new Map<StreamView, [LeftOver, LeftOver]>();
  const ways = new Map<StreamView, readonly number[]>();
  for (const entry of matcher.waiting()) {
    const { view, direction, atNs } = entry;
    const known = counts.get(view) ?? [nothingLeft, nothingLeft];
    const wayNs = ways.get(view) ?? waysOf(view, line);
    counts.set(view, known);
    ways.set(view, wayNs);
    const { missed, outside } = known[direction];
    const { fromNs, toNs } = matcher.spans[1 - view.place]!;
    const passedNs = atNs + wayNs[direction]! + clockStep(view, atNs, line);
    // False for NaN: the place has no frame at all, or the subflow is not known there.
    const isMissed = passedNs >= fromNs && passedNs <= toNs;
    known[direction] = isMissed ? { missed: missed + 1, outside } : { missed, outside: outside + 1 };
  }
  return counts;
}

const nothingLeft: LeftOver = { missed: 0, outside: 0 };

/** From the clock of the view's place to that of the other one. */
function clockStep({ place }: StreamView, atNs: number, line: ClockLine): number {
  return place === 0 ? offsetAt(line, atNs) : -offsetAt(line, atNs);
}

/** Least time on the way from the view's place to the other one, by direction: below 0 for what comes from there. */
function waysOf({ pair, place }: StreamView, line: ClockLine): readonly number[] {
  if (pair === undefined) return [Number.NaN, Number.NaN];
  const leaving = leavingOf(pair, line);
  return ([0, 1] as const).map((direction) => {
    const isLeaving = direction === leaving;
    const leastNs = pair.differences[direction].delays(line, isLeaving ? 1 : -1)?.min ?? 0;
    return isLeaving === (place === 0) ? leastNs : -leastNs;
  });
}

function viewsOf({ views }: SubflowPair, numberOf: (id: number) => number): SubflowDelaysReport['views'] {
  return views.map(({ stream: { connection, subflow } }) => ({
    connection: numberOf(connection!.id),
    subflow,
  }));
}

function reportPair(
  pair: SubflowPair,
  line: ClockLine | undefined,
  leftOver: Map<StreamView, [LeftOver, LeftOver]> | undefined,
): Omit<SubflowDelaysReport, 'views'> {
  const leaving = leavingOf(pair, line);
  const client: Direction = pair.views[0].stream.isOpenerClient ? 0 : 1;
  const ofDirection = (direction: Direction): DirectionDelaysReport =>
    reportDirection(pair, direction, leaving, line, leftOver);
  return {
    clientPlace: leaving === undefined ? null : leaving === client ? 0 : 1,
    clientToServer: ofDirection(client),
    serverToClient: ofDirection(opposite(client)),
  };
}

function reportDirection(
  { views, differences }: SubflowPair,
  direction: Direction,
  leaving: Direction | undefined,
  line: ClockLine | undefined,
  leftOver: Map<StreamView, [LeftOver, LeftOver]> | undefined,
): DirectionDelaysReport {
  const counted = views.map((view) => {
    const waiting = leftOver?.get(view)?.[direction];
    const { gone, outside } = view.unmatched[direction];
    return { missed: gone + (waiting?.missed ?? 0), outside: outside + (waiting?.outside ?? 0) };
  });
  const unmatched = views.map((view) => view.unmatched[direction]);
  const superSegments = sum(unmatched.map((each) => each.superSegments));
  const isCounted = leftOver !== undefined && leaving !== undefined;
  const isTold = isCounted && superSegments === 0;
  const sender = direction === leaving ? 0 : 1;
  return {
    matched: differences[direction].count,
    delayNs: line === undefined ? null : differences[direction].delays(line, sender === 0 ? 1 : -1),
    lost: isTold ? counted[sender]!.missed : null,
    appeared: isTold ? counted[1 - sender]!.missed : null,
    ambiguous: sum(unmatched.map((each) => each.ambiguous)),
    outside: isCounted ? sum(counted.map((each) => each.outside)) : null,
    superSegments,
  };
}

function opposite(direction: Direction): Direction {
  return direction === 0 ? 1 : 0;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
