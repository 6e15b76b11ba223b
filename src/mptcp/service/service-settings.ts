/**
 * A service type as settings of a connection: the path manager that follows its policy, the scheduler that suits it, and how
 * patient the connection is with paths.
 */
import { checkMeteredLimit, thresholdsWith, type ServiceType } from '../../policy/index.js';
import { lowestRtt } from '../scheduler/lowest-rtt.js';
import { targetBasedFor } from '../scheduler/target-based.js';
import type { MptcpSettings } from '../settings.js';
import type { ServiceTypeOptions } from './service-options.js';
import { servicePaths } from './service-paths.js';

/**
 * The settings in which a connection of service type `type` differs from any other; both ends may be given them, but the
 * client decides about paths. Throws `ERR_SUBFLOW_BAD_SETTING` for options that make no sense.
 */
export function settingsForServiceType(
  type: ServiceType,
  options: ServiceTypeOptions = {},
): Partial<MptcpSettings> {
  const { thresholds, metered, target = {} } = options;
  thresholdsWith(thresholds);
  if (metered !== undefined) checkMeteredLimit(metered);
  // Apple's word for it: no Multipath TCP at all.
  if (type === 'none') return { enabled: false };
  return {
    enabled: true,
    pathManager: servicePaths(type, options),
    scheduler: type === 'targetBased' ? targetBasedFor(target) : lowestRtt,
    metered,
    // After the loss of the only path the application waits: a lost third ACK would cost no more than that.
    earlyJoinData: 'alone',
  };
}
