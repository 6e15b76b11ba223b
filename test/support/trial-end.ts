/** For tests of how trials are judged. */
import type { EndObservation } from '../../src/network/index.js';

/** What an end saw of a transfer that nothing happened to. */
export const fineEnd: EndObservation = {
  isComplete: true,
  isFallback: false,
  subflows: 2,
  lostSubflows: 0,
  corruption: 'none',
  isChangedAsPlainTcp: false,
};
