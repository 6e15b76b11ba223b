/** Names of schedulers and congestion controls on the command line. */

import { schedulers } from '../mptcp/index.js';
import { congestionControls } from '../tcp/index.js';
import { UsageError } from './errors.js';

function requireName(what: string, names: readonly string[], name: string): void {
  if (names.includes(name)) return;
  throw new UsageError(`there is no ${what} called '${name}'`, `there are: ${names.join(', ')}`);
}

/** Names of the schedulers, for a help text. */
export const schedulerNames = Object.keys(schedulers).join(', ');
/** Names of the congestion controls, for a help text. */
export const congestionNames = Object.keys(congestionControls).join(', ');

/** Throws a {@link UsageError} unless there is a scheduler of that name. */
export function requireScheduler(name: string): void {
  requireName('scheduler', Object.keys(schedulers), name);
}

/** Throws a {@link UsageError} unless there is a congestion control of that name. */
export function requireCongestion(name: string): void {
  requireName('congestion control', Object.keys(congestionControls), name);
}
