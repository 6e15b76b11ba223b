/**
 * How much may go over links that cost money. The count is of payload bytes in both directions, retransmissions included,
 * headers not. Whoever moves the bytes counts them and asks here; the policy closes what may not be used any more.
 */
import { SubflowError } from '../base/index.js';

/**
 * What may go over metered links, all of them together: nothing (`forbid`), or at most so many payload bytes in both
 * directions. When the limit is reached the paths there are closed even where no other is left. What may still pass is
 * what the peer had sent by then: at most the receive window.
 */
export type MeteredLimit = 'forbid' | { readonly capBytes: number };

/** Most payload bytes over metered links: 0 for none, Infinity without a limit. */
export function capBytesOf(limit: MeteredLimit | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return limit === 'forbid' ? 0 : limit.capBytes;
}

/** Refuses what is no limit. Throws `ERR_SUBFLOW_BAD_SETTING`. */
export function checkMeteredLimit(limit: unknown): asserts limit is MeteredLimit {
  if (limit === 'forbid') return;
  if (typeof limit === 'object' && limit !== null && 'capBytes' in limit) {
    const { capBytes } = limit;
    if (typeof capBytes === 'number' && capBytes >= 0) return;
  }
  throw new SubflowError(
    'ERR_SUBFLOW_BAD_SETTING',
    'a limit for metered links is neither to forbid nor a cap',
    {
      hint: "Take 'forbid', or { capBytes: NUMBER } with a number of bytes that is not negative.",
    },
  );
}

/** Counts what goes over metered links, for one connection or for all of a host. */
export class MeteredAccount {
  /** Most bytes that may be counted. */
  readonly capBytes: number;
  /** Bytes counted so far. */
  usedBytes = 0;

  constructor(limit: MeteredLimit | undefined) {
    this.capBytes = capBytesOf(limit);
  }

  /** Bytes that may still go; 0 when the limit is reached. */
  get leftBytes(): number {
    return Math.max(0, this.capBytes - this.usedBytes);
  }

  /** Whether nothing may go any more. */
  get isExhausted(): boolean {
    return this.usedBytes >= this.capBytes;
  }
}
