/** What may differ from a service type's defaults. */
import type { MeteredLimit, QualityThresholds } from '../../policy/index.js';
import type { Target } from '../scheduler/target-based.js';

export interface ServiceTypeOptions {
  /** From when on links count as bad: what differs from `defaultThresholds`. */
  readonly thresholds?: Partial<QualityThresholds>;
  /** What the connection may move over metered links; left out: anything. */
  readonly metered?: MeteredLimit;
  /** What `targetBased` is to achieve; left out: a deadline of 500 ms. */
  readonly target?: Target;
}
