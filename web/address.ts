/**
 * The address of what is shown, behind the `#` of the page's: `#playground?seed=1&...` or `#capture`. It never leaves the
 * browser. Whatever stands there is only ever read by a parser that gives defaults.
 */
import { signal } from '@preact/signals';

export const viewNames = ['playground', 'capture'] as const;
export type ViewName = (typeof viewNames)[number];

export interface Address {
  readonly view: ViewName;
  readonly query: string;
}

export function readAddress(hash: string): Address {
  const [name, ...query] = hash.replace(/^#\/?/, '').split('?');
  return { view: viewNames.find((view) => view === name) ?? 'playground', query: query.join('?') };
}

/** What the browser's address says; follows it back and forth. */
export const address = signal(readAddress(location.hash));
addEventListener('hashchange', () => (address.value = readAddress(location.hash)));

/** Writes a new address of the present view, without a step in the history: there would be one for each keystroke. */
export function replaceQuery(view: ViewName, query: string): void {
  const hash = query === '' ? `#${view}` : `#${view}?${query}`;
  if (location.hash !== hash) history.replaceState(null, '', hash);
}
