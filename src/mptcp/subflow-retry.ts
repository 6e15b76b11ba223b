/**
 * Whether a subflow that ended may be opened again between the same two addresses, and how soon. Decides only: who asks
 * keeps count of the failures and lets the pair rest, longer with each of them.
 * Read first: RFC 8684 §3.4.1 (announced addresses that cannot be reached) and §3.6 (MP_TCPRST).
 *
 * | how it ended                                          | again                    |
 * | ----------------------------------------------------- | ------------------------ |
 * | closed in order, lost to time-outs, plainly reset     | after the usual rest     |
 * | an announced address that never answered              | when announced again     |
 * | MP_TCPRST, permanent                                  | never                    |
 * | MP_TCPRST, prohibited or protocol error               | never, whatever flag T   |
 * | MP_TCPRST, transient: too much outstanding data       | after a short rest       |
 * | MP_TCPRST, transient: resources, performance, path    | after a long rest        |
 * | MP_TCPRST, transient: anything else                   | after the usual rest     |
 */
import type { SubflowCloseReason } from './events.js';
import { ResetReason } from './reset-reason.js';
import type { ResetReasonCode } from './reset-reason.js';

/** How a subflow ended. */
export interface SubflowLoss {
  readonly closeReason: SubflowCloseReason;
  /** Reason code of the MP_TCPRST that ended it, ours or the peer's; undefined when there was none. */
  readonly resetReason: ResetReasonCode | undefined;
  /** Whether that MP_TCPRST calls the trouble transient (flag T). */
  readonly resetTransient: boolean;
  /** Whether it was ever part of the connection; false for a join that failed. */
  readonly wasOpened: boolean;
  /** Whether this side opened it towards an address known from an ADD_ADDR. */
  readonly isToAnnounced: boolean;
}

/** Rest of a pair whose subflow the peer wants begun anew. */
const SHORT_REST = 0.25;
/** Rest of a pair whose trouble takes its time to go away. */
const LONG_REST = 4;

/**
 * How long the pair of addresses is to rest before it is tried again, as a multiple of the usual rest: greater than 0,
 * and Infinity for a pair that is not to be tried again until something else makes it worth while (a new announcement,
 * an address of this host that comes back).
 */
export function restFactor(loss: SubflowLoss): number {
  const { resetReason } = loss;
  if (resetReason !== undefined) return loss.resetTransient ? afterTransient(resetReason) : Infinity;
  // RFC 8684 §3.4.1: after a failure an announced address is tried again only when it is announced again.
  if (loss.isToAnnounced && !loss.wasOpened) return Infinity;
  return 1;
}

/** RFC 8684 §3.6: the time of the next attempt takes the reason into account. */
function afterTransient(reason: ResetReasonCode): number {
  switch (reason) {
    case ResetReason.MPTCP_ERROR:
    case ResetReason.PROHIBITED:
      // A policy and an error of protocol do not pass by waiting.
      return Infinity;
    case ResetReason.OUTSTANDING_DATA:
      return SHORT_REST;
    case ResetReason.LACK_OF_RESOURCES:
    case ResetReason.UNACCEPTABLE_PERFORMANCE:
    case ResetReason.MIDDLEBOX:
      return LONG_REST;
    default:
      return 1;
  }
}
