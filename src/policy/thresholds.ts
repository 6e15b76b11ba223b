/** From when on a link counts as bad, and for how long it must have been good again. Every number may be another one. */
import { MILLISECOND, SECOND, SubflowError } from '../base/index.js';

/** The thresholds of a `LinkQualityMonitor`. */
export interface QualityThresholds {
  /** Smoothed round-trip time from which a path is slow, in ns. Default 600 ms (XNU, net.inet.mptcp.rtthist_thresh). */
  readonly slowSrttNs: number;
  /** Retransmission timeout from which a path is slow, in ns. Default 1500 ms (XNU, net.inet.mptcp.rto_thresh). */
  readonly slowRtoNs: number;
  /** What both are multiplied with while the signal is weak. Default 0.5 (XNU, mptcp_get_subflow). */
  readonly weakFactor: number;
  /** Retransmission timeouts in a row from which a path is slow. Default 1 (XNU, net.inet.mptcp.fail). */
  readonly slowTimeouts: number;
  /** The same from which it is dead. Default 2 (XNU takes twice the number above for hand-over). */
  readonly deadTimeouts: number;
  /**
   * Part of the bytes sent in a period that were retransmissions, from which, twice in a row, a path is slow: 0 to 1.
   * Default 0.1, at which TCP is down to four segments in a round trip by its square-root law.
   */
  readonly slowLossRatio: number;
  /** Bytes that a period must have sent to count. Default 30,000. */
  readonly minLossBytes: number;
  /** Least length of such a period, in ns. Default 1 s. */
  readonly lossPeriodNs: number;
  /**
   * Strength at which a signal becomes weak, in dBm. Default -75 (XNU, MPTCP_TARGET_BASED_RSSI_THRESHOLD: above it a phone
   * does not take cellular for a target that was missed).
   */
  readonly weakSignalDbm: number;
  /** Strength at which it is no longer weak, in dBm. Default -70 (where iOS begins to look for another access point). */
  readonly strongSignalDbm: number;
  /** How long a link is dead until its paths are given up, if there are others, in ns. Default 1 s. */
  readonly giveUpNs: number;
  /** How long a link that was bad must have been good to count as good, in ns. Default 2 s. */
  readonly recoverNs: number;
  /** Most that this grows to, doubling with every relapse soon after it was over, in ns. Default 16 s. */
  readonly maxRecoverNs: number;
}

/** Those of a phone, as far as its makers tell. */
export const defaultThresholds: QualityThresholds = Object.freeze({
  slowSrttNs: 600 * MILLISECOND,
  slowRtoNs: 1500 * MILLISECOND,
  weakFactor: 0.5,
  slowTimeouts: 1,
  deadTimeouts: 2,
  slowLossRatio: 0.1,
  minLossBytes: 30_000,
  lossPeriodNs: SECOND,
  weakSignalDbm: -75,
  strongSignalDbm: -70,
  giveUpNs: SECOND,
  recoverNs: 2 * SECOND,
  maxRecoverNs: 16 * SECOND,
});

/** The default with `changes`. Throws `ERR_SUBFLOW_BAD_SETTING` where they make no sense together. */
export function thresholdsWith(changes: Partial<QualityThresholds> = {}): QualityThresholds {
  const all = { ...defaultThresholds, ...changes };
  const isSound =
    all.slowSrttNs > 0 &&
    all.slowRtoNs > 0 &&
    all.weakFactor > 0 &&
    all.weakFactor <= 1 &&
    all.slowTimeouts >= 1 &&
    all.deadTimeouts >= all.slowTimeouts &&
    all.slowLossRatio > 0 &&
    all.slowLossRatio <= 1 &&
    all.minLossBytes >= 0 &&
    all.lossPeriodNs > 0 &&
    all.strongSignalDbm >= all.weakSignalDbm &&
    all.giveUpNs >= 0 &&
    all.recoverNs > 0 &&
    all.maxRecoverNs >= all.recoverNs;
  if (isSound) return all;
  throw new SubflowError(
    'ERR_SUBFLOW_BAD_SETTING',
    'these thresholds of link quality contradict each other',
    {
      hint: 'Times, ratios and counts lie above 0, dead comes after slow, strong above weak, maxRecoverNs not below recoverNs.',
    },
  );
}
