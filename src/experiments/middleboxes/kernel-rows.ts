/**
 * What is demanded of the rows that the machine's kernel took part in, and what is to be known of them. The kernel is
 * not ours: how it reacts is told, not checked. Wrong bytes are, but for a fault of its that it counts itself.
 */

import { isIntact, type Side } from '../../network/index.js';
import { type Check, equals } from '../experiment.js';
import type { KernelTrialOutcome, KernelTrialRequest } from '../linux-lab.js';

/** One trial with the kernel. */
export interface KernelRow {
  readonly request: KernelTrialRequest;
  readonly outcome: KernelTrialOutcome;
}

const sides = ['client', 'server'] as const;

/** The ends on the kernel whose application got a wrong byte. */
function wrongSides({ request, outcome }: KernelRow): Side[] {
  const { setup, sides: onKernel } = request;
  return sides
    .filter((side) => onKernel === 'both' || onKernel === side)
    .filter((side) => !isIntact(outcome[side], setup.behaviour));
}

/**
 * Two faults of Linux's that it counts itself (net/mptcp/protocol.c). It hands a packet on whole where that has more
 * payload than its mapping covers, as if the mapping went on, and sees afterwards that it should not have: then it
 * counts a corruption, and resets the subflow or falls back on its side alone. What was beyond the mapping lies at a
 * wrong place of the stream, and no checksum covered it; it takes a box that merges segments. And after a fall-back it
 * may throw a packet away as old, which plain TCP never is: the stream then ends too early.
 */
function isCounted({ outcome: { countedCorruption } }: KernelRow): boolean {
  return countedCorruption.length > 0;
}

function namesOf(rows: readonly KernelRow[]): string {
  return rows.map(({ request }) => request.name).join('; ') || 'none';
}

/** Checks of `rows`; none where the kernel took no part. */
export function kernelChecks(rows: readonly KernelRow[]): Check[] {
  if (rows.length === 0) return [];
  const wrong = rows.filter((row) => wrongSides(row).length > 0);
  return [
    equals(
      'with a wrong byte on Linux, and it did not count the fault itself',
      namesOf(wrong.filter((row) => !isCounted(row))),
      'none',
    ),
    equals(
      'with Linux that move without end',
      namesOf(rows.filter(({ outcome }) => !outcome.isOver)),
      'none',
    ),
  ];
}

/** Sentences about what is odd in `rows`. */
export function notesOnKernel(rows: readonly KernelRow[]): string[] {
  const wrong = rows.filter((row) => wrongSides(row).length > 0);
  const otherwise = rows.filter(
    ({ outcome, request }) => outcome.bytesIntact && !request.expected.includes(outcome.reaction),
  );
  const repeated = rows.filter(({ outcome }) => outcome.runs > 1);
  return [
    `Linux runs in real time; ${repeated.length} of ${rows.length} trials with it were repeated by themselves.`,
    ...wrong.map((row) => {
      const how = wrongSides(row).map((side) => `${side}: ${faultOf(row, side)}`);
      const why = isCounted(row) ? 'a fault that it counted itself' : 'it counted nothing';
      return `Wrong bytes on Linux, ${row.request.name} (${how.join(', ')}): ${why}.`;
    }),
    ...otherwise.map(
      ({ outcome, request }) =>
        `Otherwise than our stack, ${request.name}: ${outcome.reaction}, not ${request.expected.join(' or ')}.`,
    ),
  ];
}

function faultOf({ outcome }: KernelRow, side: Side): string {
  const { corruption } = outcome[side];
  return corruption === 'none' ? 'bytes again as plain TCP' : corruption;
}
