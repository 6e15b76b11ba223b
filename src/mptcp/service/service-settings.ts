/**
 * A service type as settings of a connection: the path manager that follows its policy, the scheduler that suits it, and how
 * patient the connection is with paths.
 */
import type { MeteredLimit, QualityThresholds, ServiceType } from '../../policy/index.js';
import { checkMeteredLimit, thresholdsWith } from '../../policy/index.js';
import { activeBackup } from '../path-manager/active-backup.js';
import { fullMesh } from '../path-manager/full-mesh.js';
import { lowestRtt } from '../scheduler/lowest-rtt.js';
import { targetBasedFor, type Target } from '../scheduler/target-based.js';
import type { MptcpSettings } from '../settings.js';

/** What may differ from a service type's defaults. */
export interface ServiceTypeOptions {
  /** From when on links count as bad: what differs from `defaultThresholds`. */
  readonly thresholds?: Partial<QualityThresholds>;
  /** What may go over metered links; left out: anything. */
  readonly metered?: MeteredLimit;
  /** What `targetBased` is to achieve; left out: a deadline of 500 ms. */
  readonly target?: Target;
}

/**
 * The settings in which a connection of service type `type` differs from any other; both ends may be given them, but the
 * client decides about paths. Throws `ERR_SUBFLOW_BAD_SETTING` for options that make no sense.
 */
export function settingsForServiceType(
  type: ServiceType,
  options: ServiceTypeOptions = {},
): Partial<MptcpSettings> {
  thresholdsWith(options.thresholds);
  if (options.metered !== undefined) checkMeteredLimit(options.metered);
  switch (type) {
    case 'none':
      return { enabled: false };
    case 'handover':
    case 'interactive':
      return { pathManager: activeBackup, scheduler: lowestRtt };
    case 'aggregate':
      return { pathManager: fullMesh, scheduler: lowestRtt };
    case 'targetBased':
      return { pathManager: fullMesh, scheduler: targetBasedFor(options.target ?? {}) };
  }
}
