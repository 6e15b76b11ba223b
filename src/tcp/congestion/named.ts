import { namedEntry, type NamedTable } from '../../base/index.js';
import { balia } from './balia.js';
import { bbr } from './bbr.js';
import type { CongestionFactory } from './congestion-control.js';
import { cubic } from './cubic.js';
import { lia } from './lia.js';
import { newReno } from './new-reno.js';
import { olia } from './olia.js';
import { weightedVegas } from './weighted-vegas.js';

/** The congestion controls by name; `reno` is what Linux calls NewReno. The last four couple a connection's subflows. */
export const congestionControls: NamedTable<CongestionFactory> = Object.freeze({
  cubic,
  'new-reno': newReno,
  reno: newReno,
  bbr,
  lia,
  olia,
  balia,
  wvegas: weightedVegas,
});

/** The congestion control called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function congestionNamed(name: string): CongestionFactory {
  return namedEntry('congestion control', congestionControls, name);
}
