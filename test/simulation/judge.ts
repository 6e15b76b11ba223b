/**
 * The verdict on a world that has run to its end.
 *
 * | Rule | What must hold |
 * |---|---|
 * | rest | the world came to rest: no timer left, no circle, no waiting beyond all patience |
 * | leak | the stacks hold no connection and no record of one |
 * | bytes | what was read is the start of what was written, every byte once and in order |
 * | open | each side of each connection was told that it is over |
 * | half | a side that ended in order, without an error, has received all, and so has its peer |
 * | complete | a connection that nothing excuses delivered everything, without an error on either side |
 */

import type { RunOutcome, Side, Violation } from '../../src/network/index.js';
import type { Stack } from '../../src/stack/index.js';
import type { PathPlan, WorldPlan } from './draw.js';
import { changesPayload, mayEndConnections } from './boxes.js';
import type { Transfer } from './transfer.js';
import type { Pair } from './world.js';

/** What a verdict is based on. */
export interface WorldFacts {
  readonly plan: WorldPlan;
  readonly pairs: readonly Pair[];
  readonly stacks: Record<Side, Stack>;
  /** Connections that lost their last way to the peer, for a while or for good, so that an error is in order. */
  readonly excused: ReadonlySet<Pair>;
}

/** What is wrong with a world that ended so at `now`. */
export function judge(facts: WorldFacts, outcome: RunOutcome, now: number): Violation[] {
  const found: Violation[] = [];
  const report = (host: string, rule: string, text: string): void => {
    found.push({ at: now, host, rule, text });
  };
  if (outcome !== 'idle') report('world', 'rest', `the run ended by ${outcome}`);
  for (const side of ['client', 'server'] as const) {
    const { connectionCount, timeWaitCount } = facts.stacks[side];
    if (connectionCount > 0) report(side, 'leak', `${connectionCount} connections are left`);
    if (timeWaitCount > 0) report(side, 'leak', `${timeWaitCount} TIME-WAIT records are left`);
  }
  facts.pairs.forEach((pair, index) =>
    judgePair(facts, pair, (side, rule, text) => report(`${side} ${index}`, rule, text)),
  );
  return found;
}

type PairReport = (side: Side, rule: string, text: string) => void;

function judgePair(facts: WorldFacts, pair: Pair, report: PairReport): void {
  const isWhole = isExpectedWhole(facts, pair);
  for (const side of ['client', 'server'] as const) {
    const own = pair[side];
    const peer = pair[side === 'client' ? 'server' : 'client'];
    const { checker } = own;
    if (isChangedOnTheWay(facts.plan, own)) continue;
    if (checker.wrongAt >= 0) report(side, 'bytes', `read a wrong byte at ${checker.wrongAt}`);
    if (own.connection === undefined) {
      if (isWhole) report(side, 'complete', 'never had a connection');
      continue;
    }
    if (!own.isClosed) {
      report(side, 'open', `was never told the end, with ${describe(own)}`);
      continue;
    }
    if (isWhole && (own.errorCode !== '' || !checker.isComplete)) {
      report(side, 'complete', `ended with '${own.errorCode}' and ${describe(own)}`);
    } else if (
      hasEndedInOrder(own) &&
      !peer.hasLeftEarly &&
      !isChangedOnTheWay(facts.plan, peer) &&
      !(checker.isComplete && peer.checker.isComplete)
    ) {
      report(side, 'half', `ended in order with ${describe(own)}, its peer with ${describe(peer)}`);
    }
  }
}

/**
 * Whether a box changed the stream of this side where nobody could know: without DSS checksums, or as plain TCP
 * (RFC 8684 §3.7). Lengths are then as wrong as bytes.
 */
function isChangedOnTheWay(plan: WorldPlan, { checker, wasPlainTcp }: Transfer): boolean {
  if (checker.wrongAt < 0 || !plan.paths.some(({ box }) => changesPayload(box))) return false;
  return wasPlainTcp || !(plan.client.dataChecksum || plan.server.dataChecksum);
}

function hasEndedInOrder(side: Transfer): boolean {
  return side.errorCode === '' && !side.hasLeftEarly;
}

function describe({ checker, plan, written }: Transfer): string {
  return `${checker.bytesDelivered} bytes read, ${written} of ${plan.writeBytes} written`;
}

/** Whether nothing that happened excuses an end before everything was delivered. */
function isExpectedWhole({ plan, excused }: WorldFacts, pair: Pair): boolean {
  if (excused.has(pair) || pair.client.hasLeftEarly || pair.server.hasLeftEarly) return false;
  if (plan.paths.some(({ box }) => mayEndConnections(box))) return false;
  const isOpen = pair.client.isEstablished && pair.server.isEstablished;
  // A handshake has few tries, so that loss may well be the end of it.
  return isOpen || !isLossy(plan.paths[0]!);
}

/** Whether a path loses packets by itself. */
function isLossy({ forward, backward }: PathPlan): boolean {
  return [forward, backward].some(
    ({ loss, corruptProbability }) => loss?.kind !== 'none' || (corruptProbability ?? 0) > 0,
  );
}
