/** Things that a user may ask for by name: schedulers, path managers, congestion controls, profiles. */
import { SubflowError } from './error.js';

/** What may be asked for, by stable name, kebab-case. */
export type NamedTable<T> = Readonly<Record<string, T>>;

/**
 * The entry called `name`. `kind` is the word for one of them, as it stands in errors. Throws
 * `ERR_SUBFLOW_UNKNOWN_NAME`, with the names there are.
 */
export function namedEntry<T>(kind: string, table: NamedTable<T>, name: string): T {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry !== undefined) return entry;
  throw new SubflowError('ERR_SUBFLOW_UNKNOWN_NAME', `there is no ${kind} called '${name}'`, {
    hint: `There are: ${Object.keys(table).join(', ')}.`,
  });
}
