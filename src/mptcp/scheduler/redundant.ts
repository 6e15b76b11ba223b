/**
 * Every byte on every regular subflow, for whom the delay matters more than the capacity: what arrives first counts, and
 * what the peer has acknowledged meanwhile is not sent any more. The quickest subflow leads with new data; each of the
 * others goes through the stream by itself as its windows allow. While only backups are left one of them carries it all.
 *
 * After the out-of-tree kernel's `redundant` (Pinedo and Lopez), and Frömmgen, Erbshäußer, Buchmann, Zimmermann, Wehrle:
 * ReMP TCP, IEEE ICC 2016.
 */
import type { Subflow } from '../subflow.js';
import { pickLowestRtt } from './lowest-rtt.js';
import type { Scheduler, SchedulerFactory } from './scheduler.js';

const scheduler: Scheduler = {
  name: 'redundant',
  select: pickLowestRtt,
  mayCopy(subflow: Subflow): boolean {
    return subflow.state === 'active' && !subflow.isBackup && !subflow.isStale;
  },
};

/** Makes the redundant scheduler. */
export const redundant: SchedulerFactory = () => scheduler;
