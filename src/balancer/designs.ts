import { namedEntry, type NamedTable } from '../base/index.js';
import { beamer } from './beamer.js';
import { directAddress } from './direct-address.js';
import { keySelect } from './key-select.js';
import { stateful } from './stateful.js';
import { maglev, stateless } from './stateless.js';
import type { SteeringFactory } from './steering.js';
import { tokenMap } from './token-map.js';

/** The designs by name: `stateless` comes in two kinds. */
export const designs = Object.freeze({
  stateful,
  stateless,
  maglev,
  'key-select': keySelect,
  'token-map': tokenMap,
  'direct-address': directAddress,
  beamer,
} satisfies NamedTable<SteeringFactory>);

/** Name of a design. */
export type DesignName = keyof typeof designs;

/** The names in the order of the table. */
export const designNames = Object.keys(designs) as readonly DesignName[];

/** The design called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function designNamed(name: string): SteeringFactory {
  return namedEntry<SteeringFactory>('design', designs, name);
}
