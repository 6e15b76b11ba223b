/**
 * What a program wants of several paths, in one word: the service types of Apple's URLSession
 * (`URLSessionConfiguration.MultipathServiceType`), by its names. What each of them does stands in path-policy.ts.
 */
import { namedEntry, type NamedTable } from '../base/index.js';

/**
 * `none`: one path and no Multipath TCP. `handover`: a second path only while the first is bad or gone. `interactive`: a
 * second path that is ready and takes over as soon as the first is slow. `aggregate`: all paths at once. `targetBased`: the
 * second path for what would otherwise miss a deadline or a rate.
 */
export type ServiceType = 'none' | 'handover' | 'interactive' | 'aggregate' | 'targetBased';

const table: NamedTable<ServiceType> = Object.freeze({
  none: 'none',
  handover: 'handover',
  interactive: 'interactive',
  aggregate: 'aggregate',
  targetBased: 'targetBased',
});

/** All of them. */
export const serviceTypes: readonly ServiceType[] = Object.freeze(Object.values(table));

/** The service type called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function serviceTypeNamed(name: string): ServiceType {
  return namedEntry('service type', table, name);
}
