/** Names of schedulers, congestion controls and service types on the command line. */

import { schedulers } from '../mptcp/index.js';
import { serviceTypes, type ServiceType } from '../policy/index.js';
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

/** Names of the service types, for a help text. */
export const serviceTypeNames = serviceTypes.join(', ');

/** The service type of that name. Throws a {@link UsageError}. */
export function serviceTypeOf(name: string): ServiceType {
  requireName('service type', serviceTypes, name);
  return name as ServiceType;
}

/** Throws a {@link UsageError} unless there is a scheduler of that name. */
export function requireScheduler(name: string): void {
  requireName('scheduler', Object.keys(schedulers), name);
}

/** Throws a {@link UsageError} unless there is a congestion control of that name. */
export function requireCongestion(name: string): void {
  requireName('congestion control', Object.keys(congestionControls), name);
}
