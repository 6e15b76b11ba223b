import { namedEntry, type NamedTable } from '../../base/index.js';
import { lowestRtt } from './lowest-rtt.js';
import type { SchedulerFactory } from './scheduler.js';

/** The schedulers by name. */
export const schedulers: NamedTable<SchedulerFactory> = Object.freeze({ 'lowest-rtt': lowestRtt });

/** The scheduler called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function schedulerNamed(name: string): SchedulerFactory {
  return namedEntry('scheduler', schedulers, name);
}
