import { namedEntry, type NamedTable } from '../../base/index.js';
import type { CongestionFactory } from './congestion-control.js';
import { cubic } from './cubic.js';
import { newReno } from './new-reno.js';

/** The congestion controls by name; `reno` is what Linux calls NewReno. */
export const congestionControls: NamedTable<CongestionFactory> = Object.freeze({
  cubic,
  'new-reno': newReno,
  reno: newReno,
});

/** The congestion control called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function congestionNamed(name: string): CongestionFactory {
  return namedEntry('congestion control', congestionControls, name);
}
