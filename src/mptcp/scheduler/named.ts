import { namedEntry, type NamedTable } from '../../base/index.js';
import { blest } from './blest.js';
import { ecf } from './ecf.js';
import { linuxDefault } from './linux.js';
import { lowestRtt } from './lowest-rtt.js';
import { redundant } from './redundant.js';
import { roundRobin } from './round-robin.js';
import type { SchedulerFactory } from './scheduler.js';
import { targetBased } from './target-based.js';

/** The schedulers by name. */
export const schedulers: NamedTable<SchedulerFactory> = Object.freeze({
  'lowest-rtt': lowestRtt,
  'round-robin': roundRobin,
  redundant,
  blest,
  ecf,
  linux: linuxDefault,
  'target-based': targetBased,
});

/** The scheduler called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function schedulerNamed(name: string): SchedulerFactory {
  return namedEntry('scheduler', schedulers, name);
}
