/**
 * What came of a transfer through a box, told from what either end saw: the same for ends in a simulation and for
 * sockets of a kernel.
 */

import type { MiddleboxBehaviour, Reaction } from './behaviour.js';

/** What one end of a transfer saw. */
export interface EndObservation {
  /** Whether the connection ended in order: all was sent, and the end of the peer's stream came. */
  readonly isComplete: boolean;
  /** Whether it was plain TCP in the end. */
  readonly isFallback: boolean;
  /** Most subflows that could carry data at once. */
  readonly subflows: number;
  /** Subflows that did not end in order. */
  readonly lostSubflows: number;
  /** What was wrong with the bytes that were delivered, while it was not known to be plain TCP. */
  readonly corruption: Corruption;
  /** Whether other bytes than those of the peer were delivered after the fall-back, as plain TCP (RFC 8684 §3.7). */
  readonly isChangedAsPlainTcp: boolean;
}

/** What may be wrong with the bytes that were delivered. */
export type Corruption =
  | 'none'
  /** One at least was not the peer's. */
  | 'wrong byte'
  /** The stream ended in order, and too early. */
  | 'cut short'
  /** More and more came, long after all that the peer had sent. */
  | 'endless';

/** What a transfer came to. */
export interface JudgedTransfer {
  readonly reaction: Reaction;
  /** Whether every byte that was delivered was the right one, but for those below. */
  readonly bytesIntact: boolean;
  /** Whether bytes that the box changed were delivered after the fall-back to plain TCP, which does not notice. */
  readonly changedAsPlainTcp: boolean;
}

/** Whether no wrong byte reached the application at this end, but for what `behaviour` changed in plain TCP. */
export function isIntact(
  { corruption, isChangedAsPlainTcp }: EndObservation,
  behaviour: MiddleboxBehaviour | undefined,
): boolean {
  // What plain TCP delivers is still the peer's where the box writes no bytes of its own.
  return corruption === 'none' && (!isChangedAsPlainTcp || behaviour?.changesBytes === true);
}

/** Judges a transfer between two ends through `behaviour`, over `paths` paths. */
export function judgeTransfer(
  client: EndObservation,
  server: EndObservation,
  { behaviour, paths }: { readonly behaviour: MiddleboxBehaviour | undefined; readonly paths: number },
): JudgedTransfer {
  return {
    reaction: reactionOf(client, server, paths),
    bytesIntact: isIntact(client, behaviour) && isIntact(server, behaviour),
    changedAsPlainTcp: client.isChangedAsPlainTcp || server.isChangedAsPlainTcp,
  };
}

function reactionOf(client: EndObservation, server: EndObservation, paths: number): Reaction {
  if (!client.isComplete || !server.isComplete) return 'connection lost';
  if (client.isFallback || server.isFallback) return 'fell back';
  const isWhole = client.subflows >= paths && server.subflows >= paths;
  return isWhole && client.lostSubflows + server.lostSubflows === 0 ? 'unaffected' : 'subflow closed';
}
