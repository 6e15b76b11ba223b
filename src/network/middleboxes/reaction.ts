/**
 * What came of a transfer through a box, told from what either end saw: the same for ends in a simulation and for
 * sockets of a kernel.
 */

import type { Reaction } from './behaviour.js';

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
  /** Whether a wrong byte was delivered while the connection was Multipath TCP. */
  readonly isCorrupted: boolean;
  /** Whether bytes that a box had changed were delivered after the fall-back, as to any plain TCP (RFC 8684 §3.7). */
  readonly isChangedAsPlainTcp: boolean;
}

/** What a transfer came to. */
export interface JudgedTransfer {
  readonly reaction: Reaction;
  /** Whether every byte that was delivered as Multipath TCP was the right one. */
  readonly bytesIntact: boolean;
  /** Whether bytes that the box changed were delivered after the fall-back to plain TCP, which does not notice. */
  readonly changedAsPlainTcp: boolean;
}

/** Judges a transfer between two ends over `paths` paths. */
export function judgeTransfer(client: EndObservation, server: EndObservation, paths: number): JudgedTransfer {
  return {
    reaction: reactionOf(client, server, paths),
    bytesIntact: !client.isCorrupted && !server.isCorrupted,
    changedAsPlainTcp: client.isChangedAsPlainTcp || server.isChangedAsPlainTcp,
  };
}

function reactionOf(client: EndObservation, server: EndObservation, paths: number): Reaction {
  if (!client.isComplete || !server.isComplete) return 'connection lost';
  if (client.isFallback || server.isFallback) return 'fell back';
  const isWhole = client.subflows >= paths && server.subflows >= paths;
  return isWhole && client.lostSubflows + server.lostSubflows === 0 ? 'unaffected' : 'subflow closed';
}
